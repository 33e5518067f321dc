package io.github.weighbridge.gguf.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/// An array value: a type, a count and a range of bytes. The elements are not read until they are asked for.
///
/// The lengths of strings have been checked when the header was read, so the range is known to hold the count; their UTF-8 is checked when
/// they are read. Immutable and safe for use by many threads; reading an array that lies in a file needs the file's source to be open.
/// Methods that return all elements refuse what would take more than [Limits#keptBytes]; the visitors do not keep anything.
public final class GgufArray implements GgufValue {
    /// What an object and its place in a list take, beside the characters, as reckoned against [Limits#keptBytes].
    private static final int STRING_COST = 48;

    private final GgufValueType elementType;
    private final int count;
    private final ByteSource source;
    private final long offset;
    private final long byteLength;
    private final ByteOrder order;
    private final String name;
    private final Limits limits;

    GgufArray(GgufValueType elementType, int count, ByteSource source, long offset, long byteLength, ByteOrder order, String name,
            Limits limits) {
        this.elementType = elementType;
        this.count = count;
        this.source = source;
        this.offset = offset;
        this.byteLength = byteLength;
        this.order = order;
        this.name = name;
        this.limits = limits;
    }

    /// Takes strings one by one.
    @FunctionalInterface
    public interface StringVisitor {
        /// Takes the string at an index that counts from 0.
        void visit(int index, String text) throws IOException;
    }

    /// Takes the bytes of strings one by one.
    @FunctionalInterface
    public interface Utf8Visitor {
        /// Takes the string at an index that counts from 0. The bytes may be no UTF-8. They are lent: the array must not be changed, and
        /// holds something else after the call.
        void visit(int index, byte[] bytes, int begin, int length) throws IOException;
    }

    /// An array whose payload is already encoded: fixed elements end to end, or strings each with their 64-bit length.
    ///
    /// @param payload the bytes after the count; not copied, and must not change
    /// @param order the order of bytes of numbers and lengths
    /// @throws IllegalArgumentException when the payload does not hold `count` elements exactly, or they are arrays
    public static GgufArray ofPayload(GgufValueType elementType, int count, byte[] payload, ByteOrder order) {
        return ofPayload(elementType, count, payload, payload.length, order);
    }

    static GgufArray ofPayload(GgufValueType elementType, int count, byte[] payload, int length, ByteOrder order) {
        if (elementType == GgufValueType.ARRAY || count < 0 || count > HeaderScanner.MOST) {
            throw new IllegalArgumentException("no array of " + count + " " + elementType.word());
        }
        ByteSource source = ByteSource.of("array", payload);
        boolean exact = length == (long) count * elementType.leastBytes();
        if (elementType == GgufValueType.STRING) {
            try {
                HeaderScanner scanner = new HeaderScanner(source, 0, length, order, Long.MAX_VALUE);
                scanner.skipStrings(count);
                exact = scanner.remaining() == 0;
            } catch (IOException e) {
                throw new IllegalArgumentException(e.getMessage(), e);
            }
        }
        if (!exact) {
            throw new IllegalArgumentException(length + " bytes are not " + count + " elements of " + elementType.word());
        }
        return new GgufArray(elementType, count, source, 0, length, order, "array", Limits.DEFAULT);
    }

    /// An array of strings.
    ///
    /// @throws IllegalArgumentException when one has an unpaired surrogate
    public static GgufArray ofStrings(List<String> texts) {
        GgufArrayWriter writer = new GgufArrayWriter();
        texts.forEach(writer::add);
        return writer.toArray();
    }

    /// An array of whole numbers.
    ///
    /// @throws IllegalArgumentException when the type is not whole, or a number is outside its range
    public static GgufArray ofWhole(GgufValueType type, long... numbers) {
        if (!type.isWhole()) {
            throw new IllegalArgumentException(type.word() + " is no type of whole numbers");
        }
        int size = type.leastBytes();
        byte[] payload = new byte[Math.multiplyExact(numbers.length, size)];
        for (int i = 0; i < numbers.length; i++) {
            long number = new Whole(type, numbers[i]).number();
            for (int b = 0; b < size; b++) {
                payload[i * size + b] = (byte) (number >> (8 * b));
            }
        }
        return ofPayload(type, numbers.length, payload, ByteOrder.LITTLE_ENDIAN);
    }

    /// An array of i32, as gguf-py writes token types.
    public static GgufArray ofInts(int... numbers) {
        return ofWhole(GgufValueType.I32, Arrays.stream(numbers).asLongStream().toArray());
    }

    /// An array of f32.
    public static GgufArray ofFloats(float... numbers) {
        byte[] payload = new byte[Math.multiplyExact(numbers.length, 4)];
        ByteBuffer buffer = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        for (float number : numbers) {
            buffer.putInt(Float.floatToRawIntBits(number));
        }
        return ofPayload(GgufValueType.F32, numbers.length, payload, ByteOrder.LITTLE_ENDIAN);
    }

    /// An array of bool.
    public static GgufArray ofFlags(boolean... flags) {
        byte[] payload = new byte[flags.length];
        for (int i = 0; i < flags.length; i++) {
            payload[i] = (byte) (flags[i] ? 1 : 0);
        }
        return ofPayload(GgufValueType.BOOL, flags.length, payload, ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public GgufValueType type() {
        return GgufValueType.ARRAY;
    }

    /// Type of the elements; never [GgufValueType#ARRAY].
    public GgufValueType elementType() {
        return elementType;
    }

    /// Number of elements.
    public int count() {
        return count;
    }

    /// Where the first element lies in the file; 0 for an array that was not read from one.
    public long offset() {
        return offset;
    }

    /// Bytes of all elements, lengths of strings included.
    public long byteLength() {
        return byteLength;
    }

    /// The order of bytes of numbers and lengths.
    public ByteOrder order() {
        return order;
    }

    /// The bytes of all elements, as they are. A view: it is readable as long as the file's source is open, and closing it does nothing.
    public ByteSource payload() {
        return ByteSource.slice(source, source.name(), offset, byteLength);
    }

    private HeaderScanner scanner() {
        HeaderScanner scanner = new HeaderScanner(source, offset, offset + byteLength, order, Long.MAX_VALUE);
        scanner.subject("key", name);
        return scanner;
    }

    private void check(boolean right, String expected) throws IOException {
        if (!right) {
            throw scanner().malformed(offset, "element type", elementType.word(), expected);
        }
    }

    private void checkKept(long bytes) throws IOException {
        if (bytes > limits.keptBytes()) {
            throw scanner().limit(offset, "elements", bytes + " bytes in memory", "at most " + limits.keptBytes() + " (Limits.keptBytes)");
        }
    }

    /// All strings, in order.
    ///
    /// @throws CheckpointFormatException when the elements are no strings, one is no UTF-8 or longer than [Limits#textBytes], or all are
    ///         more than [Limits#keptBytes]
    /// @throws IOException when the file cannot be read
    public List<String> strings() throws IOException {
        check(elementType == GgufValueType.STRING, "string");
        checkKept(byteLength + (long) STRING_COST * count);
        List<String> result = new ArrayList<>(count);
        forEachString((_, text) -> result.add(text));
        return Collections.unmodifiableList(result);
    }

    /// Shows all strings, in order, keeping none.
    ///
    /// @throws CheckpointFormatException when the elements are no strings, or one is no UTF-8 or longer than [Limits#textBytes]
    /// @throws IOException when the file cannot be read, or the visitor throws it
    public void forEachString(StringVisitor visitor) throws IOException {
        forEachUtf8((index, bytes, begin, length) -> {
            String text = Utf8.decode(bytes, begin, length);
            if (text == null) {
                throw scanner().malformed(offset, "element " + index, "bytes that are no UTF-8", "UTF-8 text");
            }
            visitor.visit(index, text);
        });
    }

    /// Shows the bytes of all strings, in order, making no objects of them. What they hold is not checked.
    ///
    /// @throws CheckpointFormatException when the elements are no strings, or one is longer than [Limits#textBytes]
    /// @throws IOException when the file cannot be read, or the visitor throws it
    public void forEachUtf8(Utf8Visitor visitor) throws IOException {
        check(elementType == GgufValueType.STRING, "string");
        scanner().visitStrings(count, limits.textBytes(), visitor);
    }

    /// All whole numbers, in order; of u64, numbers of 2^63 and more are negative.
    ///
    /// @throws CheckpointFormatException when the elements are not whole, or more than [Limits#keptBytes]
    /// @throws IOException when the file cannot be read
    public long[] longs() throws IOException {
        check(elementType.isWhole(), "a type of whole numbers");
        checkKept(8L * count);
        HeaderScanner scanner = scanner();
        long[] result = new long[count];
        for (int i = 0; i < count; i++) {
            result[i] = whole(scanner, elementType, "element");
        }
        return result;
    }

    /// All numbers, in order.
    ///
    /// @throws CheckpointFormatException when the elements are not f32, or more than [Limits#keptBytes]
    /// @throws IOException when the file cannot be read
    public float[] floats() throws IOException {
        check(elementType == GgufValueType.F32, "f32");
        checkKept(4L * count);
        HeaderScanner scanner = scanner();
        float[] result = new float[count];
        for (int i = 0; i < count; i++) {
            result[i] = Float.intBitsToFloat(scanner.i32("element"));
        }
        return result;
    }

    /// All numbers, in order.
    ///
    /// @throws CheckpointFormatException when the elements are neither f32 nor f64, or more than [Limits#keptBytes]
    /// @throws IOException when the file cannot be read
    public double[] doubles() throws IOException {
        check(elementType == GgufValueType.F32 || elementType == GgufValueType.F64, "f32 or f64");
        checkKept(8L * count);
        HeaderScanner scanner = scanner();
        double[] result = new double[count];
        for (int i = 0; i < count; i++) {
            result[i] = elementType == GgufValueType.F32 ? Float.intBitsToFloat(scanner.i32("element"))
                    : Double.longBitsToDouble(scanner.i64("element"));
        }
        return result;
    }

    /// All flags, in order.
    ///
    /// @throws CheckpointFormatException when the elements are not bool, or more than [Limits#keptBytes]
    /// @throws IOException when the file cannot be read
    public boolean[] flags() throws IOException {
        check(elementType == GgufValueType.BOOL, "bool");
        checkKept(count);
        HeaderScanner scanner = scanner();
        boolean[] result = new boolean[count];
        for (int i = 0; i < count; i++) {
            result[i] = scanner.u8("element") != 0;
        }
        return result;
    }

    static long whole(HeaderScanner scanner, GgufValueType type, String what) throws IOException {
        return switch (type) {
            case U8 -> scanner.u8(what);
            case I8 -> (byte) scanner.u8(what);
            case U16 -> Short.toUnsignedInt(scanner.i16(what));
            case I16 -> scanner.i16(what);
            case U32 -> Integer.toUnsignedLong(scanner.i32(what));
            case I32 -> scanner.i32(what);
            case U64, I64 -> scanner.i64(what);
            case F32, F64, BOOL, STRING, ARRAY -> throw new IllegalArgumentException(type.word());
        };
    }

    void writeTo(HeaderEncoder out) throws IOException {
        out.i32(elementType.id());
        out.i64(count);
        if (out.order().equals(order) || elementType.leastBytes() == 1) {
            out.copy(source, offset, byteLength);
            return;
        }
        HeaderScanner scanner = scanner();
        if (elementType == GgufValueType.STRING) {
            scanner.visitStrings(count, (int) HeaderScanner.MOST, (_, bytes, begin, length) -> {
                out.i64(length);
                out.bytes(bytes, begin, length);
            });
            return;
        }
        for (int i = 0; i < count; i++) {
            switch (elementType.leastBytes()) {
                case 2 -> out.i16(scanner.i16("element"));
                case 4 -> out.i32(scanner.i32("element"));
                case 8 -> out.i64(scanner.i64("element"));
                default -> throw new IllegalStateException(elementType.word());
            }
        }
    }

    /// `array of 262144 string`.
    @Override
    public String toString() {
        return "array of " + count + " " + elementType.word();
    }
}
