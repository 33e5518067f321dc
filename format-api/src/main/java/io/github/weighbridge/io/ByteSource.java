package io.github.weighbridge.io;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/// Bytes that are read by position: a file, memory, or a range of something remote.
///
/// Sources are safe for use by many threads. A read delivers all the bytes asked for or throws; there are no short reads. Weights are read
/// into memory that the reader owns and never mapped, so that a file cut short while it is read is an [IOException] and the resident
/// size of the process stays flat.
public interface ByteSource extends Closeable {
    /// Name for messages: the path as the user gave it.
    String name();

    /// Length in bytes, as it was when the source was opened.
    long length();

    /// Reads `target.byteSize()` bytes that begin at `offset`.
    ///
    /// @throws IOException when the bytes cannot be had, all of them
    /// @throws IndexOutOfBoundsException when the range passes the source's length: callers check ranges first
    void read(long offset, MemorySegment target) throws IOException;

    /// Fails when the bytes may have changed since the source was opened.
    ///
    /// @throws IOException naming the source, when its length or time stamp differs
    default void verifyUnchanged() throws IOException {}

    /// Reads `length` bytes into a new array. For headers and documents, whose length has been checked against a limit.
    default byte[] readBytes(long offset, int length) throws IOException {
        java.util.Objects.checkFromIndexSize(offset, length, length());
        byte[] bytes = new byte[length];
        read(offset, MemorySegment.ofArray(bytes));
        return bytes;
    }

    /// Opens a file. The name is the path as given.
    ///
    /// @throws IOException when the file cannot be opened, or is no regular file
    static ByteSource of(Path path) throws IOException {
        return new FileByteSource(path, path.toString());
    }

    /// Bytes in memory; the array is not copied and must not change.
    static ByteSource of(String name, byte[] bytes) {
        return new MemoryByteSource(name, MemorySegment.ofArray(bytes).asReadOnly());
    }

    /// A range of another source, under a name of its own. Closing it leaves the other open.
    static ByteSource slice(ByteSource of, String name, long offset, long length) {
        return new SlicedByteSource(of, name, offset, length);
    }
}
