package io.github.weighbridge.io;

import java.io.IOException;
import java.util.List;

/// A folder that hands everything on to another one. What is to differ is overridden.
public abstract class ForwardingSourceTree implements SourceTree {
    private final SourceTree of;

    /// On top of a folder.
    protected ForwardingSourceTree(SourceTree of) {
        this.of = of;
    }

    @Override
    public String name() {
        return of.name();
    }

    @Override
    public List<String> files() throws IOException {
        return of.files();
    }

    @Override
    public ByteSource open(String file) throws IOException {
        return of.open(file);
    }

    @Override
    public String pathOf(String file) {
        return of.pathOf(file);
    }

    @Override
    public boolean has(String file) throws IOException {
        return of.has(file);
    }
}
