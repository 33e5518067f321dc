package io.github.weighbridge.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Objects;

/// A file read by position. Interrupting a reading thread would close the channel for all threads, so the engine cancels by a flag.
final class FileByteSource implements ByteSource {
    /// Reads into heap memory pass through a native buffer of this size at most, which the JDK keeps for each thread.
    private static final long HEAP_PIECE = 1L << 20;
    /// A buffer's length is an int.
    private static final long NATIVE_PIECE = 1L << 30;

    private final Path path;
    private final String name;
    private final FileChannel channel;
    private final long length;
    private final FileTime modified;

    FileByteSource(Path path, String name) throws IOException {
        this.path = path;
        this.name = name;
        BasicFileAttributes attributes;
        try {
            attributes = Files.readAttributes(path, BasicFileAttributes.class);
        } catch (NoSuchFileException e) {
            throw new NoSuchFileException(name, null, "no such file");
        }
        if (!attributes.isRegularFile()) {
            throw new IOException(name + ": is not a regular file");
        }
        this.channel = FileChannel.open(path, StandardOpenOption.READ);
        this.length = channel.size();
        this.modified = attributes.lastModifiedTime();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        long size = target.byteSize();
        Objects.checkFromIndexSize(offset, size, length);
        long piece = target.isNative() ? NATIVE_PIECE : HEAP_PIECE;
        long done = 0;
        while (done < size) {
            ByteBuffer buffer = target.asSlice(done, Math.min(piece, size - done)).asByteBuffer();
            while (buffer.hasRemaining()) {
                int count;
                try {
                    count = channel.read(buffer, offset + done);
                } catch (ClosedChannelException e) {
                    throw new IOException(name + ": is closed, by its owner or because a thread was interrupted while it read", e);
                }
                if (count < 0) {
                    throw new IOException(
                            name + ": the file ends at byte " + channel.size() + ", it had " + length + " bytes when it was opened");
                }
                done += count;
            }
        }
    }

    @Override
    public void verifyUnchanged() throws IOException {
        BasicFileAttributes now = Files.readAttributes(path, BasicFileAttributes.class);
        if (now.size() != length || !now.lastModifiedTime().equals(modified)) {
            throw new IOException(name + ": the file changed while it was read (" + length + " bytes of " + modified + ", now " + now.size()
                    + " bytes of " + now.lastModifiedTime() + ")");
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    @Override
    public String toString() {
        return name;
    }
}
