package io.github.weighbridge.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// Reads a binary header from front to back, with every read checked against the end. Not safe for use by several threads.
///
/// The cursor keeps a small window of the source, so that a header of any length is read in large pieces and never held as a whole.
public final class ByteCursor {
    private static final int WINDOW = 1 << 16;

    private final ByteSource source;
    private final long end;
    private final byte[] window;
    private final MemorySegment windowSegment;
    private ByteBuffer buffer;
    private long windowBegin;

    /// A cursor at byte `begin` that may read up to byte `end` (exclusive).
    public ByteCursor(ByteSource source, long begin, long end, ByteOrder order) {
        java.util.Objects.checkFromToIndex(begin, end, source.length());
        this.source = source;
        this.end = end;
        this.window = new byte[(int) Math.min(WINDOW, Math.max(16, end - begin))];
        this.windowSegment = MemorySegment.ofArray(window);
        this.buffer = ByteBuffer.wrap(window).order(order).limit(0);
        this.windowBegin = begin;
    }

    /// Byte position in the source of the next read.
    public long position() {
        return windowBegin + buffer.position();
    }

    /// Bytes left before the end.
    public long remaining() {
        return end - position();
    }

    /// Changes the order of bytes of the reads that follow.
    public void order(ByteOrder order) {
        buffer.order(order);
    }

    private void need(int count, String field) throws IOException {
        if (buffer.remaining() < count) {
            refill(count, field);
        }
    }

    private void refill(int count, String field) throws IOException {
        long position = position();
        if (count > end - position) {
            throw CheckpointFormatException.malformed(source.name(), position, field, "end of file after " + (end - position) + " bytes",
                    count + " bytes");
        }
        int length = (int) Math.min(window.length, end - position);
        source.read(position, windowSegment.asSlice(0, length));
        windowBegin = position;
        buffer.position(0).limit(length);
    }

    /// An unsigned byte.
    public int u8(String field) throws IOException {
        need(1, field);
        return Byte.toUnsignedInt(buffer.get());
    }

    /// An unsigned 16-bit integer.
    public int u16(String field) throws IOException {
        need(2, field);
        return Short.toUnsignedInt(buffer.getShort());
    }

    /// A signed 32-bit integer.
    public int i32(String field) throws IOException {
        need(4, field);
        return buffer.getInt();
    }

    /// An unsigned 32-bit integer.
    public long u32(String field) throws IOException {
        return Integer.toUnsignedLong(i32(field));
    }

    /// A signed 64-bit integer. Unsigned fields read with it are negative from 2^63 on.
    public long i64(String field) throws IOException {
        need(8, field);
        return buffer.getLong();
    }

    /// A 32-bit floating point number.
    public float f32(String field) throws IOException {
        need(4, field);
        return buffer.getFloat();
    }

    /// A 64-bit floating point number.
    public double f64(String field) throws IOException {
        need(8, field);
        return buffer.getDouble();
    }

    /// The next `length` bytes, in a new array; the caller has checked the length against its limit.
    public byte[] bytes(int length, String field) throws IOException {
        if (length > remaining()) {
            throw CheckpointFormatException.malformed(source.name(), position(), field,
                    length + " bytes, of which " + remaining() + " are there",
                    "no more than the bytes left");
        }
        byte[] result = new byte[length];
        int have = Math.min(length, buffer.remaining());
        buffer.get(result, 0, have);
        if (have < length) {
            long position = position();
            source.read(position, MemorySegment.ofArray(result).asSlice(have));
            windowBegin = position + (length - have);
            buffer.position(0).limit(0);
        }
        return result;
    }

    /// The next `length` bytes as UTF-8 text.
    ///
    /// @throws CheckpointFormatException when the bytes are no valid UTF-8
    public String text(int length, String field) throws IOException {
        long begin = position();
        byte[] bytes = bytes(length, field);
        try {
            return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw CheckpointFormatException.malformed(source.name(), begin, field, "bytes that are no UTF-8", "UTF-8 text");
        }
    }

    /// Passes over bytes without reading them.
    public void skip(long count, String field) throws IOException {
        if (count < 0 || count > remaining()) {
            throw CheckpointFormatException.malformed(source.name(), position(), field, Long.toUnsignedString(count) + " bytes, of which "
                    + remaining() + " are there", "no more than the bytes left");
        }
        if (count <= buffer.remaining()) {
            buffer.position(buffer.position() + (int) count);
        } else {
            windowBegin = position() + count;
            buffer.position(0).limit(0);
        }
    }
}
