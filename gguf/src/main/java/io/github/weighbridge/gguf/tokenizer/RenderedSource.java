package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.io.ByteSource;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A document that is made when it is first asked for. Its length is found by making it once without keeping it; the bytes are kept from the
/// first read on. Safe for use by many threads.
public final class RenderedSource implements ByteSource {
    /// Writes a document; every call writes the same.
    @FunctionalInterface
    public interface Renderer {
        /// Writes it.
        ///
        /// @throws IOException when what it is made of is bad or cannot be read
        void render(OutputStream out) throws IOException;
    }

    private final String name;
    private final Renderer renderer;
    private long length = -1;
    private byte @Nullable [] bytes;

    /// A document.
    ///
    /// @param name for messages
    public RenderedSource(String name, Renderer renderer) {
        this.name = name;
        this.renderer = renderer;
    }

    @Override
    public String name() {
        return name;
    }

    /// Makes the document if that was not done yet.
    ///
    /// @throws UncheckedIOException when what it is made of is bad or cannot be read
    @Override
    public synchronized long length() {
        if (length < 0) {
            Counter counter = new Counter();
            try {
                renderer.render(counter);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            length = counter.count;
        }
        return length;
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        MemorySegment.copy(MemorySegment.ofArray(bytes()), offset, target, 0, target.byteSize());
    }

    private synchronized byte[] bytes() throws IOException {
        byte[] made = bytes;
        if (made == null) {
            Filler filler = new Filler(new byte[Math.toIntExact(length())]);
            renderer.render(filler);
            if (filler.at != filler.into.length) {
                throw new IOException(name + ": the file it is made of changed");
            }
            made = filler.into;
            bytes = made;
        }
        return made;
    }

    /// There is nothing to close.
    @Override
    public void close() {}

    private static final class Counter extends OutputStream {
        private long count;

        @Override
        public void write(int b) {
            count++;
        }

        @Override
        public void write(byte[] from, int offset, int length) {
            Objects.checkFromIndexSize(offset, length, from.length);
            count += length;
        }
    }

    private static final class Filler extends OutputStream {
        private final byte[] into;
        private int at;

        Filler(byte[] into) {
            this.into = into;
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] from, int offset, int length) throws IOException {
            if (length > into.length - at) {
                throw new IOException("the file a document is made of changed");
            }
            System.arraycopy(from, offset, into, at, length);
            at += length;
        }
    }
}
