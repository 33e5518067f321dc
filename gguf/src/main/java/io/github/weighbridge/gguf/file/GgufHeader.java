package io.github.weighbridge.gguf.file;

import io.github.weighbridge.encoding.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A header to be written, with the place and length of everything after it: the keys and tensors of a file of version 3, in order.
///
/// All lengths are known when it is built; its bytes are made by [#writeTo]. Values that lie in another file are copied from there at that
/// time, so that file's source must then be open. Entries are written as gguf-py writes them, as many dimensions as the shape has (at least
/// one), and the last tensor is padded too. Immutable and safe for use by many threads.
public final class GgufHeader {
    /// The version that is written.
    public static final int VERSION = 3;
    /// What data are padded to where `general.alignment` says nothing, in bytes.
    public static final int DEFAULT_ALIGNMENT = GgufReader.DEFAULT_ALIGNMENT;
    /// The key that holds another alignment, as u32.
    public static final String ALIGNMENT_KEY = GgufReader.ALIGNMENT_KEY;
    /// Longest name of a tensor, in bytes of UTF-8.
    public static final int MOST_TENSOR_NAME_BYTES = GgufReader.MOST_NAME_BYTES;
    /// Most dimensions of a tensor.
    public static final int MOST_DIMENSIONS = GgufReader.MOST_DIMENSIONS;

    /// Longest key, in bytes of UTF-8, by the written specification.
    private static final int MOST_KEY_BYTES = 65_535;

    private final ByteOrder order;
    private final Map<String, GgufValue> keys;
    private final List<GgufTensorInfo> tensors;
    private final long alignment;
    private final long length;
    private final long dataOffset;
    private final long fileLength;

    private GgufHeader(Builder builder) {
        this.order = builder.order;
        this.keys = Collections.unmodifiableMap(new LinkedHashMap<>(builder.keys));
        this.alignment = builder.alignment();
        long position = GgufReader.FIXED_BYTES;
        for (Map.Entry<String, GgufValue> key : keys.entrySet()) {
            position += entryLength(key.getKey());
        }
        long[] entryOffsets = new long[builder.tensors.size()];
        int index = 0;
        for (Map.Entry<String, Builder.Tensor> tensor : builder.tensors.entrySet()) {
            entryOffsets[index++] = position;
            position += 8 + Utf8.encode(tensor.getKey()).length + 4 + 8L * tensor.getValue().shape.rank() + 4 + 8;
        }
        this.length = position;
        this.dataOffset = entryOffsets.length == 0 ? position : GgufReader.align(position, alignment);
        List<GgufTensorInfo> placed = new ArrayList<>(entryOffsets.length);
        long offset = 0;
        for (Map.Entry<String, Builder.Tensor> tensor : builder.tensors.entrySet()) {
            Shape shape = tensor.getValue().shape;
            GgmlType type = tensor.getValue().type;
            long bytes = type.byteLength(shape);
            placed.add(new GgufTensorInfo(tensor.getKey(), shape, type, offset, Math.addExact(dataOffset, offset), bytes,
                    entryOffsets[placed.size()]));
            offset = GgufReader.align(Math.addExact(Math.addExact(offset, bytes), alignment) - alignment, alignment);
        }
        this.tensors = Collections.unmodifiableList(placed);
        this.fileLength = Math.addExact(dataOffset, offset);
    }

    /// A builder of an empty header, little-endian.
    public static Builder builder() {
        return new Builder();
    }

    /// Collects keys and tensors. Not safe for use by several threads.
    public static final class Builder {
        private record Tensor(Shape shape, GgmlType type) {}

        private final Map<String, GgufValue> keys = new LinkedHashMap<>();
        private final Map<String, Tensor> tensors = new LinkedHashMap<>();
        private ByteOrder order = ByteOrder.LITTLE_ENDIAN;

        private Builder() {}

        /// Sets the order of bytes of the header; that of the data is the caller's affair.
        public Builder order(ByteOrder byteOrder) {
            this.order = byteOrder;
            return this;
        }

        /// Sets a key: a new one comes last, one that is there keeps its place.
        ///
        /// @throws IllegalArgumentException when the key is empty, has an unpaired surrogate or is longer than 65 535 bytes, or is
        ///         `general.alignment` and its value no u32 that is a power of two
        public Builder put(String key, GgufValue value) {
            int length = Utf8.encode(key).length;
            if (length == 0 || length > MOST_KEY_BYTES) {
                throw new IllegalArgumentException("a key of " + length + " bytes; 1 to " + MOST_KEY_BYTES + " are allowed");
            }
            if (key.equals(ALIGNMENT_KEY)
                    && !(value instanceof GgufValue.Whole(GgufValueType type, long number) && type == GgufValueType.U32
                            && Long.bitCount(number) == 1)) {
                throw new IllegalArgumentException(
                        ALIGNMENT_KEY + " must be u32 and a power of two, not " + value.type().word() + " " + value);
            }
            keys.put(key, value);
            return this;
        }

        /// Sets a string.
        ///
        /// @throws IllegalArgumentException as [#put(String, GgufValue)], and when the text has an unpaired surrogate
        public Builder put(String key, String text) {
            return put(key, GgufValue.text(text));
        }

        /// Sets an u32, which is what most keys are.
        ///
        /// @throws IllegalArgumentException as [#put(String, GgufValue)], and when the number is no u32
        public Builder putU32(String key, long number) {
            return put(key, GgufValue.u32(number));
        }

        /// Sets an f32.
        ///
        /// @throws IllegalArgumentException as [#put(String, GgufValue)]
        public Builder putF32(String key, float number) {
            return put(key, GgufValue.f32(number));
        }

        /// Sets a bool.
        ///
        /// @throws IllegalArgumentException as [#put(String, GgufValue)]
        public Builder putFlag(String key, boolean set) {
            return put(key, GgufValue.flag(set));
        }

        /// Takes a key away, if it is there.
        public Builder remove(String key) {
            keys.remove(key);
            return this;
        }

        /// Appends a tensor. Its data come after those of the tensors before.
        ///
        /// @param name at most 63 bytes of UTF-8
        /// @param shape rows first, at most 4 dimensions; a scalar is written as a vector of one
        /// @throws IllegalArgumentException when the name is too long or already there, or the shape has too many dimensions or rows that
        ///         are no multiple of the type's block
        /// @throws ArithmeticException when the bytes pass 2^63 - 1
        public Builder tensor(String name, Shape shape, GgmlType type) {
            int length = Utf8.encode(name).length;
            if (length > MOST_TENSOR_NAME_BYTES) {
                throw new IllegalArgumentException(
                        "a tensor name of " + length + " bytes; at most " + MOST_TENSOR_NAME_BYTES + " are allowed: "
                                + name);
            }
            if (shape.rank() > MOST_DIMENSIONS) {
                throw new IllegalArgumentException("tensor " + name + " has " + shape.rank() + " dimensions; at most " + MOST_DIMENSIONS
                        + " are allowed");
            }
            Shape written = shape.rank() == 0 ? Shape.of(1) : shape;
            type.byteLength(written);
            if (tensors.putIfAbsent(name, new Tensor(written, type)) != null) {
                throw new IllegalArgumentException("tensor " + name + " is there already");
            }
            return this;
        }

        private long alignment() {
            return keys.get(ALIGNMENT_KEY) instanceof GgufValue.Whole(GgufValueType _, long number) ? number : DEFAULT_ALIGNMENT;
        }

        /// The header.
        ///
        /// @throws ArithmeticException when the file would pass 2^63 - 1 bytes
        public GgufHeader build() {
            return new GgufHeader(this);
        }
    }

    /// Bytes of a key's entry: its name, type and value.
    ///
    /// @throws IllegalArgumentException when there is no such key
    public long entryLength(String key) {
        GgufValue value = keys.get(key);
        if (value == null) {
            throw new IllegalArgumentException("no key " + key);
        }
        return 8 + Utf8.encode(key).length + 4 + lengthOf(value);
    }

    private static long lengthOf(GgufValue value) {
        return switch (value) {
            case GgufText text -> 8 + text.byteLength();
            case GgufArray array -> 12 + array.byteLength();
            case GgufValue.Whole _, GgufValue.F32 _, GgufValue.F64 _, GgufValue.Flag _ -> value.type().leastBytes();
        };
    }

    /// The order of bytes.
    public ByteOrder order() {
        return order;
    }

    /// All keys, in order.
    public Map<String, GgufValue> keys() {
        return keys;
    }

    /// All tensors, in order, at their places in the file.
    public List<GgufTensorInfo> tensors() {
        return tensors;
    }

    /// What data are padded to, in bytes.
    public long alignment() {
        return alignment;
    }

    /// Bytes up to the end of the last entry, without the padding after it.
    public long headerLength() {
        return length;
    }

    /// Bytes that [#writeTo] writes: the header and the padding up to the data. A file of no tensors has no padding.
    public long dataOffset() {
        return dataOffset;
    }

    /// Length of the whole file: header, data, and the padding after each tensor, the last one too.
    public long fileLength() {
        return fileLength;
    }

    /// Writes the header and the padding up to the data: [#dataOffset] bytes. The stream is not closed.
    ///
    /// @throws IOException when the stream cannot be written, or a value that lies in another file cannot be read
    public void writeTo(OutputStream stream) throws IOException {
        HeaderEncoder out = new HeaderEncoder(stream, order);
        for (byte b : new byte[] {'G', 'G', 'U', 'F'}) {
            out.i8(b);
        }
        out.i32(VERSION);
        out.i64(tensors.size());
        out.i64(keys.size());
        for (Map.Entry<String, GgufValue> key : keys.entrySet()) {
            out.string(key.getKey());
            write(key.getValue(), out);
        }
        for (GgufTensorInfo tensor : tensors) {
            out.string(tensor.name());
            int rank = tensor.shape().rank();
            out.i32(rank);
            for (int axis = rank - 1; axis >= 0; axis--) {
                out.i64(tensor.shape().dimension(axis));
            }
            out.i32(tensor.type().id());
            out.i64(tensor.offset());
        }
        out.zeros(dataOffset - length);
        if (out.position() != dataOffset) {
            throw new IllegalStateException("wrote " + out.position() + " bytes of a header of " + dataOffset);
        }
        out.flush();
    }

    private static void write(GgufValue value, HeaderEncoder out) throws IOException {
        out.i32(value.type().id());
        switch (value) {
            case GgufValue.Whole(GgufValueType type, long number) -> {
                switch (type.leastBytes()) {
                    case 1 -> out.i8((int) number);
                    case 2 -> out.i16((int) number);
                    case 4 -> out.i32((int) number);
                    default -> out.i64(number);
                }
            }
            case GgufValue.F32(float number) -> out.f32(number);
            case GgufValue.F64(double number) -> out.f64(number);
            case GgufValue.Flag(boolean set) -> out.i8(set ? 1 : 0);
            case GgufText text -> text.writeTo(out);
            case GgufArray array -> array.writeTo(out);
        }
    }

    /// The bytes that [#writeTo] writes, for headers without large vocabularies.
    ///
    /// @throws IOException when a value that lies in another file cannot be read
    /// @throws ArithmeticException when they pass 2 GiB
    public byte[] toBytes() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream(Math.toIntExact(dataOffset));
        writeTo(out);
        return out.toByteArray();
    }
}
