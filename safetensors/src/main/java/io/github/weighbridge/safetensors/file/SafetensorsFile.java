package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The header of a `.safetensors` file, and access to the bytes of its tensors. Immutable and safe for use by many threads; the source
/// stays with the caller, who closes it after the last read.
///
/// The rules are those of the [grammar][io.github.weighbridge.safetensors.file]. Memory is bounded by [Limits] whatever the header says: it
/// is read in pieces of 64 KiB, and what is kept of it is counted before it is kept.
public final class SafetensorsFile {
    /// Longest header that the format allows, in bytes, without the 8 bytes of its length.
    public static final long MAX_HEADER_BYTES = 100_000_000;
    /// Bytes of the length that stands before the header.
    public static final int LENGTH_BYTES = 8;
    /// The key that is no tensor.
    public static final String METADATA = "__metadata__";

    static final Comparator<SafetensorsEntry> BY_DATA = Comparator.comparingLong(SafetensorsEntry::dataBegin)
            .thenComparingLong(SafetensorsEntry::dataEnd);

    private final ByteSource source;
    private final long headerBytes;
    private final Map<String, String> metadata;
    private final SafetensorsEntry[] entries;
    private final SafetensorsEntry[] byName;

    private SafetensorsFile(ByteSource source, long headerBytes, Map<String, String> metadata, SafetensorsEntry[] entries,
            SafetensorsEntry[] byName) {
        this.source = source;
        this.headerBytes = headerBytes;
        this.metadata = Collections.unmodifiableMap(metadata);
        this.entries = entries;
        this.byName = byName;
    }

    /// Reads and checks the header of a file.
    ///
    /// @throws CheckpointFormatException when the file breaks a rule of the format or passes a limit; the message names the byte in the
    ///         file and the tensor
    /// @throws IOException when the bytes cannot be had
    public static SafetensorsFile read(ByteSource source, Limits limits) throws IOException {
        return read(source, new Budget(limits), _ -> Optional.empty());
    }

    /// Reads one of the files that share a budget.
    ///
    /// @param known gives the string that is kept in memory already for an equal one
    static SafetensorsFile read(ByteSource source, Budget budget, Function<String, Optional<String>> known) throws IOException {
        long headerBytes = headerBytes(source, budget.limits());
        return new Reader(source, headerBytes, budget, known).read();
    }

    private static long headerBytes(ByteSource source, Limits limits) throws IOException {
        String field = "header length";
        long length = source.length();
        if (length < LENGTH_BYTES) {
            throw CheckpointFormatException.malformed(source.name(), 0, field, "the end of the file after " + length + " bytes", "8 bytes");
        }
        long headerBytes = ByteBuffer.wrap(source.readBytes(0, LENGTH_BYTES)).order(ByteOrder.LITTLE_ENDIAN).getLong();
        String found = Long.toUnsignedString(headerBytes) + " bytes";
        if (headerBytes < 0 || headerBytes > MAX_HEADER_BYTES) {
            throw CheckpointFormatException.malformed(source.name(), 0, field, found, "at most " + MAX_HEADER_BYTES + " bytes");
        }
        if (headerBytes > length - LENGTH_BYTES) {
            throw CheckpointFormatException.malformed(source.name(), 0, field, found,
                    "no more than the " + (length - LENGTH_BYTES) + " bytes left in the file");
        }
        if (headerBytes > limits.headerBytes()) {
            throw CheckpointFormatException.limit(source.name(), 0, field, found,
                    "at most " + limits.headerBytes() + " bytes (Limits.headerBytes)");
        }
        return headerBytes;
    }

    /// Where the bytes are. Not closed by this object.
    public ByteSource source() {
        return source;
    }

    /// Length of the header in bytes, with its padding, without the 8 bytes of its length.
    public long headerBytes() {
        return headerBytes;
    }

    /// First byte of the data, counted from the beginning of the file.
    public long dataOffset() {
        return LENGTH_BYTES + headerBytes;
    }

    /// Bytes of all tensors together: all that follows the header.
    public long dataBytes() {
        return source.length() - dataOffset();
    }

    /// The texts under `__metadata__`, in the order of the file; empty when the file has none.
    public Map<String, String> metadata() {
        return metadata;
    }

    /// The tensors in the order of their data. Tensors without bytes stand before the one that begins at the same place.
    public List<SafetensorsEntry> entries() {
        return Collections.unmodifiableList(Arrays.asList(entries));
    }

    /// The tensor of a name; empty when the file has none.
    public Optional<SafetensorsEntry> find(String name) {
        return ByName.find(Arrays.asList(byName), SafetensorsEntry::name, name);
    }

    /// Reads `target.byteSize()` bytes of a tensor of this file, the first being byte `offset` of the tensor.
    ///
    /// @throws IOException when the bytes cannot be had, all of them
    /// @throws IndexOutOfBoundsException when the range passes the tensor's end
    public void read(SafetensorsEntry entry, long offset, MemorySegment target) throws IOException {
        Objects.checkFromIndexSize(offset, target.byteSize(), entry.length());
        source.read(entry.fileOffset() + offset, target);
    }

    @Override
    public String toString() {
        return source.name() + " (" + entries.length + " tensors)";
    }

    /// One pass over the header.
    private static final class Reader {
        /// Shapes recur. A table with one place for each hash cannot be made slow by a file, as a map could.
        private static final int SHAPES = 1 << 10;

        private final ByteSource source;
        private final long headerBytes;
        private final long dataOffset;
        private final long dataBytes;
        private final Budget budget;
        private final Function<String, Optional<String>> known;
        private final Supplier<String> field = this::field;
        private final JsonTokens tokens;
        private final Map<String, String> metadata = new LinkedHashMap<>();
        private final List<SafetensorsEntry> entries = new ArrayList<>();
        private final @Nullable Shape[] shapes = new Shape[SHAPES];
        private final long[] dimensions;
        private @Nullable String tensor;
        private String part = "";

        Reader(ByteSource source, long headerBytes, Budget budget, Function<String, Optional<String>> known) {
            this.source = source;
            this.headerBytes = headerBytes;
            this.dataOffset = LENGTH_BYTES + headerBytes;
            this.dataBytes = source.length() - dataOffset;
            this.budget = budget;
            this.known = known;
            this.tokens = new JsonTokens(source, LENGTH_BYTES, dataOffset, "header", budget.limits(), field);
            this.dimensions = new long[budget.limits().dimensions()];
        }

        private String field() {
            return tensor == null ? part.isEmpty() ? "header" : part : part.isEmpty() ? tensorField(tensor)
                    : tensorField(tensor) + " " + part;
        }

        private static String tensorField(String name) {
            return "tensor \"" + name + "\"";
        }

        SafetensorsFile read() throws IOException {
            object();
            SafetensorsEntry[] byName = entries.toArray(SafetensorsEntry[]::new);
            refuseRepeatedNames(byName);
            SafetensorsEntry[] ordered = entries.toArray(SafetensorsEntry[]::new);
            // stable, and one pass over entries that are in order already
            Arrays.sort(ordered, BY_DATA);
            refuseGaps(ordered);
            return new SafetensorsFile(source, headerBytes, metadata, ordered, byName);
        }

        private void object() throws IOException {
            if (headerBytes == 0) {
                throw CheckpointFormatException.malformed(source.name(), LENGTH_BYTES, "header", "no byte", "'{' first");
            }
            tokens.peek();
            if (tokens.position() != LENGTH_BYTES) {
                throw CheckpointFormatException.malformed(source.name(), LENGTH_BYTES, "header", "white space", "'{' first");
            }
            tokens.take('{', "'{' first");
            boolean hasMetadata = false;
            if (!tokens.tryTake('}')) {
                do {
                    tensor = null;
                    part = "";
                    String name = tokens.name("a name");
                    long position = tokens.tokenBegin();
                    if (!name.equals(METADATA)) {
                        entry(name, position);
                    } else if (hasMetadata) {
                        throw repeated(position, METADATA);
                    } else {
                        hasMetadata = true;
                        metadata();
                    }
                } while (tokens.more('}'));
            }
            tensor = null;
            part = "";
            tokens.finish();
        }

        private CheckpointFormatException repeated(long position, String field) {
            return CheckpointFormatException.malformed(source.name(), position, field, "the name a second time", "each name once");
        }

        private void metadata() throws IOException {
            part = METADATA;
            tokens.take('{', "an object");
            if (tokens.tryTake('}')) {
                return;
            }
            do {
                part = METADATA;
                String key = tokens.name("a name");
                long position = tokens.tokenBegin();
                budget.key(source.name(), position);
                // a node of the map beside the string
                budget.keep(tokens.memory(key) + 48, source.name(), position, field);
                part = METADATA + " \"" + key + "\"";
                String value = tokens.string(Math.min(budget.limits().textBytes(), budget.left()),
                        budget.limits().textBytes() <= budget.left() ? "Limits.textBytes" : "what Limits.keptBytes leaves", "a string");
                budget.keep(tokens.memory(value), source.name(), tokens.tokenBegin(), field);
                if (metadata.put(key, value) != null) {
                    throw repeated(position, part);
                }
            } while (tokens.more('}'));
        }

        private void entry(String written, long position) throws IOException {
            budget.tensor(source.name(), position);
            Optional<String> kept = known.apply(written);
            String name = kept.orElse(written);
            tensor = name;
            if (kept.isEmpty()) {
                budget.keep(tokens.memory(name), source.name(), position, field);
            }
            if (name.indexOf('\0') >= 0) {
                throw tokens.malformed(position, "a NUL character in the name", "a name without");
            }
            SafetensorsType type = null;
            Shape shape = null;
            long begin = -1;
            long end = -1;
            long shapeAt = 0;
            long offsetsAt = 0;
            tokens.take('{', "an object");
            if (!tokens.tryTake('}')) {
                do {
                    part = "";
                    String key = tokens.name("a name");
                    long at = tokens.tokenBegin();
                    switch (key) {
                        case "dtype" -> {
                            refuseRepeatedKey(type != null, at, key);
                            type = type();
                        }
                        case "shape" -> {
                            refuseRepeatedKey(shape != null, at, key);
                            shapeAt = at;
                            shape = shape(at);
                        }
                        case "data_offsets" -> {
                            refuseRepeatedKey(end >= 0, at, key);
                            offsetsAt = at;
                            part = "data_offsets";
                            tokens.take('[', "a list of two whole numbers");
                            begin = tokens.whole("a whole number");
                            tokens.take(',', "a list of two whole numbers");
                            end = tokens.whole("a whole number");
                            tokens.take(']', "a list of two whole numbers");
                        }
                        default -> throw tokens.malformed(at, "the key \"" + key + "\"", "dtype, shape and data_offsets only");
                    }
                } while (tokens.more('}'));
            }
            part = "";
            if (type == null || shape == null || end < 0) {
                throw tokens.malformed(position, "no " + (type == null ? "dtype" : shape == null ? "shape" : "data_offsets"),
                        "dtype, shape and data_offsets");
            }
            check(type, shape, shapeAt, begin, end, offsetsAt);
            entries.add(new SafetensorsEntry(name, type, shape, begin, end, dataOffset + begin, position));
        }

        private void refuseRepeatedKey(boolean repeated, long position, String key) throws CheckpointFormatException {
            if (repeated) {
                part = key;
                throw repeated(position, field());
            }
        }

        private SafetensorsType type() throws IOException {
            part = "dtype";
            String text = tokens.string(budget.limits().nameBytes(), "Limits.nameBytes", "a string");
            Optional<SafetensorsType> type = SafetensorsType.named(text);
            if (type.isEmpty()) {
                throw tokens.malformed(tokens.tokenBegin(), "\"" + text + "\"", "a type of the format, such as BF16 or F8_E4M3");
            }
            return type.get();
        }

        private Shape shape(long position) throws IOException {
            part = "shape";
            int rank = 0;
            tokens.take('[', "a list of whole numbers");
            if (!tokens.tryTake(']')) {
                do {
                    long dimension = tokens.whole("a whole number");
                    if (rank == dimensions.length) {
                        throw CheckpointFormatException.limit(source.name(), tokens.tokenBegin(), field(),
                                "more than " + rank + " dimensions",
                                "at most " + rank + " (Limits.dimensions)");
                    }
                    dimensions[rank++] = dimension;
                } while (tokens.more(']'));
            }
            long[] found = Arrays.copyOf(dimensions, rank);
            int place = mixed(Arrays.hashCode(found)) & SHAPES - 1;
            Shape cached = shapes[place];
            if (cached != null && cached.rank() == rank && equal(cached, found)) {
                return cached;
            }
            if (!Shape.fits(found)) {
                throw tokens.malformed(position, Arrays.toString(found), "fewer than 2^63 elements");
            }
            budget.keep(Budget.STRING_BYTES + 8L * rank, source.name(), position, field);
            Shape shape = Shape.of(found);
            shapes[place] = shape;
            return shape;
        }

        private static int mixed(int hash) {
            return (hash * 0x9e3779b9) >>> 16;
        }

        private static boolean equal(Shape shape, long[] found) {
            for (int axis = 0; axis < found.length; axis++) {
                if (shape.dimension(axis) != found[axis]) {
                    return false;
                }
            }
            return true;
        }

        private void check(SafetensorsType type, Shape shape, long shapeAt, long begin, long end, long offsetsAt)
                throws CheckpointFormatException {
            if (shape.elements() > Long.MAX_VALUE / type.bits()) {
                part = "shape";
                throw tokens.malformed(shapeAt, shape + " of " + type, "fewer than 2^63 bits");
            }
            if (shape.elements() * type.bits() % 8 != 0) {
                part = "shape";
                throw tokens.malformed(shapeAt, shape + " of " + type + ", which is " + shape.elements() * type.bits() + " bits",
                        "a whole number of bytes");
            }
            if (end < begin) {
                part = "data_offsets";
                throw tokens.malformed(offsetsAt, range(begin, end), "an end that is not before the beginning");
            }
            long bytes = type.bytes(shape);
            if (end - begin != bytes) {
                part = "data_offsets";
                throw tokens.malformed(offsetsAt, range(begin, end) + ", which is " + (end - begin) + " bytes",
                        bytes + " bytes, which " + type + " " + shape + " takes");
            }
            if (end > dataBytes) {
                part = "data_offsets";
                throw tokens.malformed(offsetsAt, range(begin, end), "an end within the " + dataBytes + " bytes of data that the file has");
            }
        }

        private static String range(long begin, long end) {
            return "[" + begin + ", " + end + "]";
        }

        private void refuseRepeatedNames(SafetensorsEntry[] byName) throws CheckpointFormatException {
            Arrays.sort(byName, Comparator.comparing(SafetensorsEntry::name));
            for (int i = 1; i < byName.length; i++) {
                if (byName[i].name().equals(byName[i - 1].name())) {
                    // the sort is stable, so this is the later of the two
                    throw repeated(byName[i].headerOffset(), tensorField(byName[i].name()));
                }
            }
        }

        private void refuseGaps(SafetensorsEntry[] ordered) throws CheckpointFormatException {
            long end = 0;
            String before = "";
            for (SafetensorsEntry entry : ordered) {
                if (entry.dataBegin() != end) {
                    throw CheckpointFormatException.malformed(source.name(), entry.headerOffset(),
                            tensorField(entry.name()) + " data_offsets",
                            range(entry.dataBegin(), entry.dataEnd()), "a beginning at " + end + ", where "
                                    + (before.isEmpty() ? "the data begins" : tensorField(before) + " ends"));
                }
                end = entry.dataEnd();
                before = entry.name();
            }
            if (end != dataBytes) {
                throw CheckpointFormatException.malformed(source.name(), dataOffset + end, "data",
                        (dataBytes - end) + " bytes that belong to no tensor", "the end of the file");
            }
        }
    }
}
