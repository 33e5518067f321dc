package io.github.weighbridge.litert.file.flat;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// A flatbuffer within a source. Positions count from the flatbuffer's beginning; messages name bytes of the source. Not safe for use by several
/// threads.
///
/// Tables of a flatbuffer may be shared, so that a small file can describe a large tree: what a reader keeps is paid for with [#charge].
public final class FlatSource {
    private static final int PAGE_BITS = 14;
    private static final int PAGE = 1 << PAGE_BITS;
    private static final int PAGES = 64;
    private static final int TEXT_BYTES = 56;

    private final ByteSource source;
    private final long begin;
    private final long length;
    private final Allowance allowance;
    private final byte[][] pages = new byte[PAGES][];
    private final ByteBuffer[] buffers = new ByteBuffer[PAGES];
    private final long[] numbers = new long[PAGES];

    /// A flatbuffer that lies in bytes `begin` to `begin + length` of a source.
    public FlatSource(ByteSource source, long begin, long length, Allowance allowance) {
        java.util.Objects.checkFromIndexSize(begin, length, source.length());
        this.source = source;
        this.begin = begin;
        this.length = length;
        this.allowance = allowance;
        Arrays.fill(numbers, -1);
    }

    /// Number of bytes.
    public long length() {
        return length;
    }

    /// The bounds that hold.
    public Limits limits() {
        return allowance.limits();
    }

    /// The root table, whose position stands in the first four bytes.
    ///
    /// @param name of the table, for messages
    public FlatTable root(String name) throws IOException {
        need(0, 8, name);
        return table(u32(0), 0, name);
    }

    /// The table that begins at `position`.
    ///
    /// @param from where that position was read
    FlatTable table(long position, long from, String name) throws IOException {
        if (position < 4 || position > length - 4) {
            throw malformed(from, name, "an offset to byte " + position, "a table within the " + length + " bytes of the flatbuffer");
        }
        long vtable = position - i32(position);
        if (vtable < 0 || vtable > length - 4) {
            throw malformed(position, name, "a vtable at byte " + vtable, "a vtable within the " + length + " bytes of the flatbuffer");
        }
        int vtableBytes = u16(vtable);
        int tableBytes = u16(vtable + 2);
        if (vtableBytes < 4 || vtableBytes % 2 != 0 || vtableBytes > length - vtable) {
            throw malformed(vtable, name, "a vtable of " + vtableBytes + " bytes", "an even number from 4 to " + (length - vtable));
        }
        if (tableBytes < 4 || tableBytes > length - position) {
            throw malformed(vtable + 2, name, "a table of " + tableBytes + " bytes", "4 to " + (length - position) + " bytes");
        }
        return new FlatTable(this, name, position, vtable, (vtableBytes - 4) / 2, tableBytes);
    }

    /// The vector that begins at `position` with its count.
    FlatVector vector(long position, long from, int elementBytes, String name) throws IOException {
        if (position < 4 || position > length - 4) {
            throw malformed(from, name, "an offset to byte " + position, "a vector within the " + length + " bytes of the flatbuffer");
        }
        long count = u32(position);
        if (count > (length - position - 4) / elementBytes) {
            throw malformed(position, name, count + " elements of " + elementBytes + " bytes",
                    "no more than the " + (length - position - 4) + " bytes left");
        }
        return new FlatVector(this, name, position + 4, count, elementBytes);
    }

    /// The text that begins at `position` with its length.
    String text(long position, long from, int most, String name) throws IOException {
        FlatVector bytes = vector(position, from, 1, name);
        if (bytes.count() > most) {
            throw limit(position, name, bytes.count() + " bytes", "at most " + most + " (Limits.nameBytes, Limits.textBytes)");
        }
        charge(TEXT_BYTES + bytes.count(), position, name);
        byte[] content = source.readBytes(begin + bytes.position(), (int) bytes.count());
        try {
            return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT).decode(ByteBuffer.wrap(content)).toString();
        } catch (CharacterCodingException e) {
            throw malformed(bytes.position(), name, "bytes that are no UTF-8", "UTF-8 text");
        }
    }

    /// Pays for memory that the reader is about to keep.
    ///
    /// @param bytes about how many
    /// @param position what it is kept for, for messages
    /// @throws CheckpointFormatException when the bound of [Limits#keptBytes] is passed
    public void charge(long bytes, long position, String name) throws CheckpointFormatException {
        if (!allowance.take(bytes)) {
            long most = limits().keptBytes();
            throw limit(position, name, "more than " + most + " bytes of descriptions", "at most " + most + " (Limits.keptBytes)");
        }
    }

    /// A broken rule of the format at a position.
    public CheckpointFormatException malformed(long position, String name, Object found, String expected) {
        return CheckpointFormatException.malformed(source.name(), begin + position, name, found, expected);
    }

    /// A limit that is passed at a position.
    public CheckpointFormatException limit(long position, String name, Object found, String expected) {
        return CheckpointFormatException.limit(source.name(), begin + position, name, found, expected);
    }

    private void need(long position, int count, String name) throws CheckpointFormatException {
        if (position < 0 || count > length - position) {
            throw malformed(Math.max(0, Math.min(position, length)), name, "the end of the flatbuffer after " + length + " bytes",
                    "byte " + (position + count));
        }
    }

    /// The page that holds a position, read when it is not at hand.
    private ByteBuffer page(long position) throws IOException {
        long number = position >>> PAGE_BITS;
        int slot = (int) (number % PAGES);
        if (numbers[slot] != number) {
            int size = (int) Math.min(PAGE, length - (number << PAGE_BITS));
            if (pages[slot] == null) {
                pages[slot] = new byte[PAGE];
                buffers[slot] = ByteBuffer.wrap(pages[slot]).order(ByteOrder.LITTLE_ENDIAN);
            }
            numbers[slot] = -1;
            source.read(begin + (number << PAGE_BITS), MemorySegment.ofArray(pages[slot]).asSlice(0, size));
            numbers[slot] = number;
        }
        return buffers[slot];
    }

    private static int inPage(long position) {
        return (int) (position & PAGE - 1);
    }

    /// An unsigned byte; the caller has checked that it is there.
    public int u8(long position) throws IOException {
        need(position, 1, "byte");
        return Byte.toUnsignedInt(page(position).get(inPage(position)));
    }

    /// An unsigned 16-bit integer.
    public int u16(long position) throws IOException {
        need(position, 2, "16-bit integer");
        if (inPage(position) <= PAGE - 2) {
            return Short.toUnsignedInt(page(position).getShort(inPage(position)));
        }
        return u8(position) | u8(position + 1) << 8;
    }

    /// A signed 32-bit integer.
    public int i32(long position) throws IOException {
        need(position, 4, "32-bit integer");
        if (inPage(position) <= PAGE - 4) {
            return page(position).getInt(inPage(position));
        }
        return u16(position) | u16(position + 2) << 16;
    }

    /// An unsigned 32-bit integer.
    public long u32(long position) throws IOException {
        return Integer.toUnsignedLong(i32(position));
    }

    /// A signed 64-bit integer; unsigned ones are negative from 2^63 on.
    public long i64(long position) throws IOException {
        need(position, 8, "64-bit integer");
        if (inPage(position) <= PAGE - 8) {
            return page(position).getLong(inPage(position));
        }
        return u32(position) | (long) i32(position + 4) << 32;
    }

    /// A single precision number.
    public float f32(long position) throws IOException {
        return Float.intBitsToFloat(i32(position));
    }
}
