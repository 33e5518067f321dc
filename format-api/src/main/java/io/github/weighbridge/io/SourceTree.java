package io.github.weighbridge.io;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The files that may belong to one checkpoint: a folder, or a stand-in for one. Only plain names reach into it, so that a name found in a
/// file can never lead outside.
public interface SourceTree {
    /// Name for messages: the folder as the user gave it.
    String name();

    /// Plain names of the files here, sorted.
    ///
    /// @throws IOException when the folder cannot be listed
    List<String> files() throws IOException;

    /// Opens a file of this folder.
    ///
    /// @param file a [plain name][#isPlainName]
    /// @throws IOException when there is no such file or it cannot be read
    /// @throws IllegalArgumentException when the name is not plain: callers check names that come from files
    ByteSource open(String file) throws IOException;

    /// The path by which messages name a file of this folder.
    default String pathOf(String file) {
        return name().isEmpty() ? file : name().endsWith("/") ? name() + file : name() + "/" + file;
    }

    /// Whether the folder has the file.
    default boolean has(String file) throws IOException {
        return files().contains(file);
    }

    /// A folder of the file system. Symbolic links are followed, as model caches are built of them.
    static SourceTree of(Path folder) {
        return new FolderSourceTree(folder, folder.toString());
    }

    /// Files in memory, by plain name.
    static SourceTree of(String name, Map<String, byte[]> files) {
        return new MemorySourceTree(name, new TreeMap<>(files));
    }

    /// Whether a name stays in its folder: not empty, no separator of any system, no drive, not `.` or `..`, no control character.
    static boolean isPlainName(String name) {
        if (name.isEmpty() || name.length() > 255 || name.equals(".") || name.equals("..")) {
            return false;
        }
        return name.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || Character.isISOControl(c));
    }
}
