package io.github.weighbridge.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/// What a user names as a checkpoint: a folder, or one file of a folder with its siblings.
///
/// @param name the path as given
/// @param tree the folder, or the folder of the file
/// @param file the file, when one was named
public record Source(String name, SourceTree tree, Optional<String> file) {
    /// A path of the file system.
    ///
    /// @throws IOException when nothing is there
    public static Source of(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            return new Source(path.toString(), SourceTree.of(path), Optional.empty());
        }
        Path fileName = path.getFileName();
        if (fileName == null || !Files.exists(path)) {
            throw new NoSuchFileException(path.toString(), null, "no such file or folder");
        }
        Path parent = path.getParent();
        SourceTree tree = new FolderSourceTree(parent == null ? Path.of("") : parent, parent == null ? "" : parent.toString());
        return new Source(path.toString(), tree, Optional.of(fileName.toString()));
    }

    /// The named file.
    ///
    /// @throws IOException when it cannot be opened
    /// @throws java.util.NoSuchElementException when a folder was named
    public ByteSource open() throws IOException {
        return tree.open(file.orElseThrow());
    }
}
