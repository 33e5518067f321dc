package io.github.weighbridge.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/// A source that hands everything on to another one. What is to differ is overridden.
public abstract class ForwardingByteSource implements ByteSource {
    private final ByteSource of;

    /// On top of a source, which is closed with this one.
    protected ForwardingByteSource(ByteSource of) {
        this.of = of;
    }

    @Override
    public String name() {
        return of.name();
    }

    @Override
    public long length() {
        return of.length();
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        of.read(offset, target);
    }

    @Override
    public void verifyUnchanged() throws IOException {
        of.verifyUnchanged();
    }

    @Override
    public void close() throws IOException {
        of.close();
    }
}
