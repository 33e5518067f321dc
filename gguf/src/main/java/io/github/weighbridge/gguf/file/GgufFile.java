package io.github.weighbridge.gguf.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// The header of one GGUF file, read and checked. Versions 2 and 3 are read, in either byte order.
///
/// All rules of ggml's own reader hold for what is here, and all data lie inside the file; see the package for the grammar. The elements of
/// arrays and long strings have been passed over, not read: they come from the source when they are asked for. The file does not own its
/// source; whoever opened it closes it.
///
/// Immutable and safe for use by many threads.
public final class GgufFile {
    private final ByteSource source;
    private final int version;
    private final ByteOrder byteOrder;
    private final Map<String, GgufKey> keys;
    private final List<GgufTensorInfo> tensors;
    private final Map<String, GgufTensorInfo> tensorsByName;
    private final long alignment;
    private final long headerLength;
    private final long dataOffset;

    GgufFile(ByteSource source, int version, ByteOrder byteOrder, Map<String, GgufKey> keys, List<GgufTensorInfo> tensors, long alignment,
            long headerLength, long dataOffset) {
        this.source = source;
        this.version = version;
        this.byteOrder = byteOrder;
        this.keys = Collections.unmodifiableMap(keys);
        this.tensors = Collections.unmodifiableList(tensors);
        this.tensorsByName = HashMap.newHashMap(tensors.size());
        tensors.forEach(tensor -> tensorsByName.put(tensor.name(), tensor));
        this.alignment = alignment;
        this.headerLength = headerLength;
        this.dataOffset = dataOffset;
    }

    /// Reads a header.
    ///
    /// @param source the file; it stays open and is needed for values and data read later
    /// @param limits `headerBytes`, `tensors`, `keys`, `nameBytes`, `textBytes` and `keptBytes` are respected
    /// @throws CheckpointFormatException when the file breaks a rule of the format, has version 1, or passes a limit
    /// @throws IOException when it cannot be read
    public static GgufFile read(ByteSource source, Limits limits) throws IOException {
        return read(source, new GgufReader.Budget(limits));
    }

    static GgufFile read(ByteSource source, GgufReader.Budget budget) throws IOException {
        return new GgufReader(source, budget).read();
    }

    /// Whether a file begins with the four bytes of a GGUF file. Says nothing of the rest.
    ///
    /// @throws IOException when it cannot be read
    public static boolean hasMagic(ByteSource source) throws IOException {
        if (source.length() < 4) {
            return false;
        }
        byte[] magic = source.readBytes(0, 4);
        return magic[0] == 'G' && magic[1] == 'G' && magic[2] == 'U' && magic[3] == 'F';
    }

    /// The file.
    public ByteSource source() {
        return source;
    }

    /// The format's version: 2 or 3.
    public int version() {
        return version;
    }

    /// The order of bytes of all numbers, in the header and in the data.
    public ByteOrder byteOrder() {
        return byteOrder;
    }

    /// All keys by name, in the order of the file.
    public Map<String, GgufKey> keys() {
        return keys;
    }

    /// A key.
    public Optional<GgufKey> key(String name) {
        return Optional.ofNullable(keys.get(name));
    }

    /// The value of a key; empty when the file does not have it.
    public Optional<GgufValue> value(String key) {
        return key(key).map(GgufKey::value);
    }

    /// The string of a key; empty when the file does not have it.
    ///
    /// @throws CheckpointFormatException when the value is no string, no UTF-8, or longer than [Limits#textBytes]
    /// @throws IOException when it lies in the file, and that cannot be read
    public Optional<String> text(String key) throws IOException {
        GgufKey found = keys.get(key);
        if (found == null) {
            return Optional.empty();
        }
        if (found.value() instanceof GgufText text) {
            return Optional.of(text.text());
        }
        throw wrongType(found, "string");
    }

    /// The whole number of a key, of any of the eight types; empty when the file does not have it.
    ///
    /// @throws CheckpointFormatException when the value is no whole number, or passes 2^63 - 1
    public OptionalLong whole(String key) throws CheckpointFormatException {
        GgufKey found = keys.get(key);
        if (found == null) {
            return OptionalLong.empty();
        }
        if (!(found.value() instanceof GgufValue.Whole(GgufValueType type, long number))) {
            throw wrongType(found, "a type of whole numbers");
        }
        if (type == GgufValueType.U64 && number < 0) {
            throw CheckpointFormatException.malformed(source.name(), found.valueOffset(), "key " + key + ": value", found.value(),
                    "a number below 2^63");
        }
        return OptionalLong.of(number);
    }

    /// The number of a key, in single or double precision; empty when the file does not have it.
    ///
    /// @throws CheckpointFormatException when the value is neither f32 nor f64
    public OptionalDouble real(String key) throws CheckpointFormatException {
        GgufKey found = keys.get(key);
        if (found == null) {
            return OptionalDouble.empty();
        }
        return switch (found.value()) {
            case GgufValue.F32(float number) -> OptionalDouble.of(number);
            case GgufValue.F64(double number) -> OptionalDouble.of(number);
            case GgufValue.Whole _, GgufValue.Flag _, GgufText _, GgufArray _ -> throw wrongType(found, "f32 or f64");
        };
    }

    /// The flag of a key; empty when the file does not have it.
    ///
    /// @throws CheckpointFormatException when the value is no bool
    public Optional<Boolean> flag(String key) throws CheckpointFormatException {
        GgufKey found = keys.get(key);
        if (found == null) {
            return Optional.empty();
        }
        if (found.value() instanceof GgufValue.Flag(boolean set)) {
            return Optional.of(set);
        }
        throw wrongType(found, "bool");
    }

    /// The array of a key; empty when the file does not have it.
    ///
    /// @throws CheckpointFormatException when the value is no array
    public Optional<GgufArray> array(String key) throws CheckpointFormatException {
        GgufKey found = keys.get(key);
        if (found == null) {
            return Optional.empty();
        }
        if (found.value() instanceof GgufArray array) {
            return Optional.of(array);
        }
        throw wrongType(found, "array");
    }

    private CheckpointFormatException wrongType(GgufKey key, String expected) {
        // The type stands in the four bytes before the value.
        return CheckpointFormatException.malformed(source.name(), key.valueOffset() - 4, "key " + key.name() + ": value type",
                key.value().type().word(), expected);
    }

    /// All tensors, in the order of the file, which is that of their data.
    public List<GgufTensorInfo> tensors() {
        return tensors;
    }

    /// A tensor.
    public Optional<GgufTensorInfo> tensor(String name) {
        return Optional.ofNullable(tensorsByName.get(name));
    }

    /// The bytes of a tensor of this file, padding apart. A view: closing it does nothing.
    public ByteSource data(GgufTensorInfo tensor) {
        return ByteSource.slice(source, source.name(), tensor.position(), tensor.byteLength());
    }

    /// What data are padded to, in bytes; a power of two.
    public long alignment() {
        return alignment;
    }

    /// Bytes of the header up to the end of the last tensor entry, without the padding after it.
    public long headerLength() {
        return headerLength;
    }

    /// Where the data section begins: the padded length of the header, or its bare length when there are no tensors.
    public long dataOffset() {
        return dataOffset;
    }

    /// The name, the version and how much is in it.
    @Override
    public String toString() {
        return source.name() + ": GGUF version " + version + ", " + keys.size() + " keys, " + tensors.size() + " tensors";
    }
}
