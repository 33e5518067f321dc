package io.github.weighbridge.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

record SlicedByteSource(ByteSource of, String name, long offset, long length) implements ByteSource {
    SlicedByteSource {
        Objects.checkFromIndexSize(offset, length, of.length());
    }

    @Override
    public void read(long position, MemorySegment target) throws IOException {
        Objects.checkFromIndexSize(position, target.byteSize(), length);
        of.read(offset + position, target);
    }

    @Override
    public void verifyUnchanged() throws IOException {
        of.verifyUnchanged();
    }

    @Override
    public void close() {}
}
