package io.github.weighbridge.gguf.file;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// One reading of one header.
final class GgufReader {
    static final int MAGIC = 0x4655_4747;
    static final int FIXED_BYTES = 24;
    static final int MOST_NAME_BYTES = 63;
    static final int MOST_DIMENSIONS = 4;
    static final int DEFAULT_ALIGNMENT = 32;
    static final String ALIGNMENT_KEY = "general.alignment";

    /// Bytes that a key entry begins with: the length of its name. Its least length is 14, but then a file that ends in its first key would
    /// be told of its count, not of where it ends.
    private static final int LEAST_KEY_BYTES = 8;
    /// Bytes of the shortest tensor entry: a length, a dimension count of 0, a type, an offset.
    private static final int LEAST_TENSOR_BYTES = 24;
    /// What the objects of an entry take in memory beside the characters of its name, generously.
    private static final int KEPT_PER_ENTRY = 320;

    /// What the headers of one checkpoint may still ask for; shared by the shards of a set.
    static final class Budget {
        private final Limits limits;
        private long kept;
        private long tensors;

        Budget(Limits limits) {
            this.limits = limits;
        }

        Limits limits() {
            return limits;
        }
    }

    /// A tensor entry, before it is known where the data section begins.
    private record Entry(String name, Shape shape, GgmlType type, long offset, long byteLength, long entryOffset) {}

    private final ByteSource source;
    private final Budget budget;
    private final Limits limits;
    private final HeaderScanner scanner;
    private ByteOrder order = ByteOrder.LITTLE_ENDIAN;

    GgufReader(ByteSource source, Budget budget) {
        this.source = source;
        this.budget = budget;
        this.limits = budget.limits;
        this.scanner = new HeaderScanner(source, 0, source.length(), order, limits.headerBytes());
    }

    GgufFile read() throws IOException {
        if (source.length() == 0) {
            throw scanner.malformed(0, "header", "an empty file", "at least " + FIXED_BYTES + " bytes");
        }
        magic();
        int version = version();
        long tensorCount = count(8, "tensor count", LEAST_TENSOR_BYTES, FIXED_BYTES);
        budget.tensors += tensorCount;
        if (budget.tensors > limits.tensors()) {
            throw scanner.limit(8, "tensor count", budget.tensors, "at most " + limits.tensors() + " (Limits.tensors)");
        }
        long keyCount = count(16, "key count", LEAST_KEY_BYTES, FIXED_BYTES + LEAST_TENSOR_BYTES * tensorCount);
        if (keyCount > limits.keys()) {
            throw scanner.limit(16, "key count", keyCount, "at most " + limits.keys() + " (Limits.keys)");
        }
        Map<String, GgufKey> keys = keys((int) keyCount);
        long alignment = alignment(keys.get(ALIGNMENT_KEY));
        Collection<Entry> entries = entries((int) tensorCount, alignment);
        long headerLength = scanner.position();
        scanner.noSubject();
        if (headerLength > limits.headerBytes()) {
            throw scanner.limit(headerLength, "end of the header", headerLength + " bytes", "at most " + limits.headerBytes()
                    + " (Limits.headerBytes)");
        }
        long dataOffset = entries.isEmpty() ? headerLength : align(headerLength, alignment);
        return new GgufFile(source, version, order, keys, place(entries, dataOffset), alignment, headerLength, dataOffset);
    }

    /// The next multiple of the alignment, a power of two.
    static long align(long position, long alignment) {
        return (position + alignment - 1) & -alignment;
    }

    private void magic() throws IOException {
        int magic = scanner.i32("magic");
        if (magic != MAGIC) {
            String found = HexFormat.ofDelimiter(" ").withUpperCase().formatHex(source.readBytes(0, 4));
            throw scanner.malformed(0, "magic", found, "47 47 55 46 (GGUF)");
        }
    }

    private int version() throws IOException {
        int version = scanner.i32("version");
        // Versions are small: a number with nothing in its low half is one written in the other order.
        if (version != 0 && (version & 0xFFFF) == 0) {
            version = Integer.reverseBytes(version);
            order = ByteOrder.BIG_ENDIAN;
            scanner.order(order);
        }
        if (version == 0) {
            throw scanner.malformed(4, "version", 0, "2 or 3");
        }
        if (version == 1) {
            throw scanner.unsupported(4, "version", "1 (the first, with counts of 32 bits, which ggml no longer reads)", "2 or 3");
        }
        if (version != 2 && version != 3) {
            throw scanner.unsupported(4, "version", Integer.toUnsignedString(version), "2 or 3");
        }
        return version;
    }

    /// A number of entries of which each takes `least` bytes of those from byte `begin` on.
    private long count(long offset, String what, int least, long begin) throws IOException {
        long count = scanner.i64(what);
        if (count < 0) {
            throw scanner.malformed(offset, what, count, "0 or more");
        }
        long left = Math.max(0, source.length() - begin);
        if (count > left / least) {
            throw scanner.malformed(offset, what, count, "at most " + left / least + " (entries of " + least + " bytes or more in " + left
                    + " bytes left)");
        }
        return count;
    }

    /// Counts what an entry keeps in memory.
    private void keep(long nameBytes, long valueBytes, long offset) throws IOException {
        budget.kept += KEPT_PER_ENTRY + nameBytes + valueBytes;
        if (budget.kept > limits.keptBytes()) {
            throw scanner.limit(offset, "names and values so far", budget.kept + " bytes in memory", "at most " + limits.keptBytes()
                    + " (Limits.keptBytes)");
        }
    }

    private int nameLength() throws IOException {
        long offset = scanner.position();
        long length = scanner.stringLength("name length");
        if (length > limits.nameBytes()) {
            throw scanner.limit(offset, "name length", length, "at most " + limits.nameBytes() + " (Limits.nameBytes)");
        }
        return (int) length;
    }

    private Map<String, GgufKey> keys(int count) throws IOException {
        Map<String, GgufKey> keys = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            scanner.subject("key", i);
            long offset = scanner.position();
            int length = nameLength();
            if (length == 0) {
                throw scanner.malformed(offset, "name length", 0, "at least 1");
            }
            keep(length, 0, offset);
            String name = scanner.text(length, "name");
            scanner.subject("key", name);
            GgufKey first = keys.get(name);
            if (first != null) {
                throw scanner.malformed(offset, "name", "a second time", "each key once (the first is at byte " + first.offset() + ")");
            }
            GgufValueType type = valueType("value type", "0 to 12");
            long valueOffset = scanner.position();
            keys.put(name, new GgufKey(name, value(type, name), offset, valueOffset));
        }
        return keys;
    }

    private GgufValueType valueType(String what, String expected) throws IOException {
        long offset = scanner.position();
        int id = scanner.i32(what);
        Optional<GgufValueType> type = GgufValueType.ofId(id);
        if (type.isEmpty()) {
            throw scanner.malformed(offset, what, id, expected);
        }
        return type.get();
    }

    private GgufValue value(GgufValueType type, String name) throws IOException {
        return switch (type) {
            case U8, I8, U16, I16, U32, I32, U64, I64 -> new GgufValue.Whole(type, GgufArray.whole(scanner, type, "value"));
            case F32 -> new GgufValue.F32(Float.intBitsToFloat(scanner.i32("value")));
            case F64 -> new GgufValue.F64(Double.longBitsToDouble(scanner.i64("value")));
            case BOOL -> new GgufValue.Flag(scanner.u8("value") != 0);
            case STRING -> text(name);
            case ARRAY -> array(name);
        };
    }

    private GgufText text(String name) throws IOException {
        long length = scanner.stringLength("value length");
        long offset = scanner.position();
        if (length > GgufText.KEPT_BYTES) {
            scanner.skip(length, "value");
            return GgufText.inFile(source, offset, length, name, limits);
        }
        keep(0, length, offset);
        return GgufText.kept(scanner.text((int) length, "value"), source, offset, length, name, limits);
    }

    private GgufArray array(String name) throws IOException {
        long typeOffset = scanner.position();
        GgufValueType type = valueType("element type", "0 to 8 or 10 to 12");
        if (type == GgufValueType.ARRAY) {
            throw scanner.malformed(typeOffset, "element type", "9 (array)", "0 to 8 or 10 to 12, as there are no arrays of arrays");
        }
        long countOffset = scanner.position();
        long count = scanner.i64("array count");
        long left = scanner.remaining();
        int least = type.leastBytes();
        if (count < 0 || count > left / least) {
            throw scanner.malformed(countOffset, "array count", Long.toUnsignedString(count),
                    "at most " + left / least + " (elements of " + least
                            + (type.isFixed() ? "" : " or more") + (least == 1 ? " byte in " : " bytes in ") + left + " bytes left)");
        }
        if (count > HeaderScanner.MOST) {
            throw scanner.malformed(countOffset, "array count", count, "at most " + HeaderScanner.MOST);
        }
        long offset = scanner.position();
        if (type == GgufValueType.STRING) {
            scanner.skipStrings((int) count);
        } else {
            scanner.skip(count * least, "value");
        }
        return new GgufArray(type, (int) count, source, offset, scanner.position() - offset, order, name, limits);
    }

    private long alignment(@Nullable GgufKey key) throws IOException {
        if (key == null) {
            return DEFAULT_ALIGNMENT;
        }
        scanner.subject("key", ALIGNMENT_KEY);
        if (!(key.value() instanceof GgufValue.Whole(GgufValueType type, long number)) || type != GgufValueType.U32) {
            throw scanner.malformed(key.valueOffset() - 4, "value type", key.value().type().word(), "u32");
        }
        if (Long.bitCount(number) != 1) {
            throw scanner.malformed(key.valueOffset(), "value", number, "a power of two");
        }
        return number;
    }

    private Collection<Entry> entries(int count, long alignment) throws IOException {
        Map<String, Entry> entries = new LinkedHashMap<>();
        long expected = 0;
        for (int i = 0; i < count; i++) {
            scanner.subject("tensor", i);
            long begin = scanner.position();
            int length = nameLength();
            if (length > MOST_NAME_BYTES) {
                throw scanner.malformed(begin, "name length", length, "at most " + MOST_NAME_BYTES);
            }
            keep(length, 0, begin);
            String name = scanner.text(length, "name");
            if (!name.isEmpty()) {
                scanner.subject("tensor", name);
            }
            Entry first = entries.get(name);
            if (first != null) {
                throw scanner.malformed(begin, "name", "a second time",
                        "each tensor once (the first is at byte " + first.entryOffset + ")");
            }
            Entry entry = entry(name, begin, expected);
            entries.put(name, entry);
            expected = next(entry, alignment);
        }
        return entries.values();
    }

    private Entry entry(String name, long begin, long expected) throws IOException {
        long rankOffset = scanner.position();
        int rank = scanner.i32("dimension count");
        if (rank < 0 || rank > MOST_DIMENSIONS) {
            throw scanner.malformed(rankOffset, "dimension count", Integer.toUnsignedString(rank), "at most " + MOST_DIMENSIONS);
        }
        long dimensionsOffset = scanner.position();
        long[] dimensions = new long[rank];
        for (int axis = 0; axis < rank; axis++) {
            long offset = scanner.position();
            long dimension = scanner.i64("dimensions");
            if (dimension < 0) {
                throw scanner.malformed(offset, "dimension " + axis, dimension, "0 or more");
            }
            dimensions[rank - 1 - axis] = dimension;
        }
        if (!Shape.fits(dimensions)) {
            throw scanner.malformed(dimensionsOffset, "dimensions", times(dimensions), "a product below 2^63");
        }
        Shape shape = Shape.of(dimensions);
        GgmlType type = type();
        if (shape.columns() % type.blockElements() != 0) {
            throw scanner.malformed(dimensionsOffset, "dimensions", "a row of " + shape.columns(), "a multiple of " + type.blockElements()
                    + ", the block of " + type);
        }
        if (shape.elements() / type.blockElements() > Long.MAX_VALUE / type.blockBytes()) {
            throw scanner.malformed(dimensionsOffset, "dimensions", times(dimensions) + " of " + type, "a size below 2^63 bytes");
        }
        long offsetOffset = scanner.position();
        long offset = scanner.i64("offset");
        if (offset != expected) {
            throw scanner.malformed(offsetOffset, "offset", Long.toUnsignedString(offset), expected
                    + " (the padded sizes of the tensors before)");
        }
        return new Entry(name, shape, type, offset, type.byteLength(shape), begin);
    }

    private static String times(long[] dimensions) {
        StringBuilder text = new StringBuilder();
        for (int axis = dimensions.length - 1; axis >= 0; axis--) {
            text.append(dimensions[axis]).append(axis > 0 ? " x " : "");
        }
        return text.toString();
    }

    private GgmlType type() throws IOException {
        long offset = scanner.position();
        int id = scanner.i32("type");
        Optional<GgmlType> type = GgmlType.ofId(id);
        if (type.isPresent()) {
            return type.get();
        }
        Optional<String> removed = GgmlType.removedName(id);
        if (removed.isPresent()) {
            throw scanner.unsupported(offset, "type", id + " (" + removed.get() + ", which ggml has removed)", "types that ggml has");
        }
        throw scanner.malformed(offset, "type", id, "0 to " + (GgmlType.ID_COUNT - 1));
    }

    /// Where the data of the tensor after this one must begin.
    private long next(Entry entry, long alignment) throws IOException {
        // Leaves room for the begin of the data and for padding, so that no later sum can overflow.
        if (entry.byteLength > Long.MAX_VALUE - source.length() - 4 * alignment - entry.offset) {
            throw scanner.malformed(entry.entryOffset, "data", entry.byteLength + " bytes from byte " + entry.offset
                    + " of the data", "an end below 2^63");
        }
        return align(entry.offset + entry.byteLength, alignment);
    }

    private List<GgufTensorInfo> place(Collection<Entry> entries, long dataOffset) throws IOException {
        List<GgufTensorInfo> tensors = new ArrayList<>(entries.size());
        long length = source.length();
        for (Entry entry : entries) {
            if (dataOffset > length || entry.offset > length - dataOffset || entry.byteLength > length - dataOffset - entry.offset) {
                if (entry.name.isEmpty()) {
                    scanner.subject("tensor", tensors.size());
                } else {
                    scanner.subject("tensor", entry.name);
                }
                throw scanner.malformed(dataOffset + entry.offset, "data", entry.byteLength + " bytes that begin here",
                        "them to end by byte "
                                + length + ", the end of the file");
            }
            tensors.add(new GgufTensorInfo(entry.name, entry.shape, entry.type, entry.offset, dataOffset + entry.offset, entry.byteLength,
                    entry.entryOffset));
        }
        return tensors;
    }
}
