package io.github.weighbridge.gguf.file;

import io.github.weighbridge.io.ByteSource;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// Writes the pieces of a header. Not safe for use by several threads.
final class HeaderEncoder {
    private static final int BUFFER = 1 << 16;

    private final OutputStream out;
    private final ByteBuffer buffer;
    private final MemorySegment segment;
    private long written;

    HeaderEncoder(OutputStream out, ByteOrder order) {
        this.out = out;
        this.buffer = ByteBuffer.allocate(BUFFER).order(order);
        this.segment = MemorySegment.ofArray(buffer.array());
    }

    ByteOrder order() {
        return buffer.order();
    }

    /// Bytes given so far.
    long position() {
        return written + buffer.position();
    }

    private ByteBuffer room(int count) throws IOException {
        if (buffer.remaining() < count) {
            flush();
        }
        return buffer;
    }

    void i8(int value) throws IOException {
        room(1).put((byte) value);
    }

    void i16(int value) throws IOException {
        room(2).putShort((short) value);
    }

    void i32(int value) throws IOException {
        room(4).putInt(value);
    }

    void i64(long value) throws IOException {
        room(8).putLong(value);
    }

    void f32(float value) throws IOException {
        // Raw bits, since other ways may give every NaN the same.
        i32(Float.floatToRawIntBits(value));
    }

    void f64(double value) throws IOException {
        i64(Double.doubleToRawLongBits(value));
    }

    void bytes(byte[] bytes, int begin, int length) throws IOException {
        int done = 0;
        while (done < length) {
            int piece = Math.min(room(1).remaining(), length - done);
            buffer.put(bytes, begin + done, piece);
            done += piece;
        }
    }

    void string(String text) throws IOException {
        byte[] bytes = Utf8.encode(text);
        i64(bytes.length);
        bytes(bytes, 0, bytes.length);
    }

    /// Copies bytes as they are.
    void copy(ByteSource source, long offset, long length) throws IOException {
        long done = 0;
        while (done < length) {
            int piece = (int) Math.min(room(1).remaining(), length - done);
            source.read(offset + done, segment.asSlice(buffer.position(), piece));
            buffer.position(buffer.position() + piece);
            done += piece;
        }
    }

    void zeros(long count) throws IOException {
        for (long i = 0; i < count; i++) {
            i8(0);
        }
    }

    /// Hands all bytes on.
    void flush() throws IOException {
        out.write(buffer.array(), 0, buffer.position());
        written += buffer.position();
        buffer.clear();
    }
}
