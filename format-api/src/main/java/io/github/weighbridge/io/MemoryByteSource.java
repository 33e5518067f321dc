package io.github.weighbridge.io;

import java.lang.foreign.MemorySegment;

record MemoryByteSource(String name, MemorySegment bytes) implements ByteSource {
    @Override
    public long length() {
        return bytes.byteSize();
    }

    @Override
    public void read(long offset, MemorySegment target) {
        MemorySegment.copy(bytes, offset, target, 0, target.byteSize());
    }

    @Override
    public void close() {}
}
