package io.github.weighbridge.io;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.SortedMap;

record MemorySourceTree(String name, SortedMap<String, byte[]> contents) implements SourceTree {
    @Override
    public List<String> files() {
        return List.copyOf(contents.keySet());
    }

    @Override
    public ByteSource open(String file) throws IOException {
        if (!SourceTree.isPlainName(file)) {
            throw new IllegalArgumentException("not a plain file name: " + Text.printable(file));
        }
        byte[] bytes = contents.get(file);
        if (bytes == null) {
            throw new NoSuchFileException(pathOf(file), null, "no such file");
        }
        return ByteSource.of(pathOf(file), bytes);
    }
}
