package io.github.weighbridge.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

record FolderSourceTree(Path folder, String name) implements SourceTree {
    @Override
    public List<String> files() throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(Files::isRegularFile).map(p -> p.getFileName().toString()).sorted().toList();
        }
    }

    @Override
    public boolean has(String file) {
        return SourceTree.isPlainName(file) && Files.isRegularFile(folder.resolve(file));
    }

    @Override
    public ByteSource open(String file) throws IOException {
        if (!SourceTree.isPlainName(file)) {
            throw new IllegalArgumentException("not a plain file name: " + Text.printable(file));
        }
        return new FileByteSource(folder.resolve(file), pathOf(file));
    }
}
