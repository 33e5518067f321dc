package io.github.weighbridge.gguf.file;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The types a key's value or an array's elements may have, in the order of their ids (0 to 12).
public enum GgufValueType {
    /// Unsigned 8-bit integer.
    U8(0, 1),
    /// Signed 8-bit integer.
    I8(1, 1),
    /// Unsigned 16-bit integer.
    U16(2, 2),
    /// Signed 16-bit integer.
    I16(3, 2),
    /// Unsigned 32-bit integer.
    U32(4, 4),
    /// Signed 32-bit integer.
    I32(5, 4),
    /// IEEE single precision.
    F32(6, 4),
    /// A byte: 0 is false, all else true; 0 and 1 are written.
    BOOL(7, 1),
    /// A 64-bit length and UTF-8.
    STRING(8, 8),
    /// An element type, a 64-bit count, and elements.
    ARRAY(9, 12),
    /// Unsigned 64-bit integer.
    U64(10, 8),
    /// Signed 64-bit integer.
    I64(11, 8),
    /// IEEE double precision.
    F64(12, 8);

    private static final Map<Integer, GgufValueType> BY_ID = Stream.of(values())
            .collect(Collectors.toUnmodifiableMap(GgufValueType::id, type -> type));

    private final int id;
    private final int leastBytes;

    GgufValueType(int id, int leastBytes) {
        this.id = id;
        this.leastBytes = leastBytes;
    }

    /// The number that stands for the type in a file.
    public int id() {
        return id;
    }

    /// The word for messages and reports: `u8`, `string`.
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// Bytes of a value: exactly, but for strings and arrays, which take these and more.
    public int leastBytes() {
        return leastBytes;
    }

    /// Whether all values take the same bytes: neither string nor array.
    public boolean isFixed() {
        return this != STRING && this != ARRAY;
    }

    /// Whether values are whole numbers.
    public boolean isWhole() {
        return switch (this) {
            case U8, I8, U16, I16, U32, I32, U64, I64 -> true;
            case F32, F64, BOOL, STRING, ARRAY -> false;
        };
    }

    /// The least whole number, for whole types; of u64, which passes a long, 0.
    long least() {
        return switch (this) {
            case I8 -> Byte.MIN_VALUE;
            case I16 -> Short.MIN_VALUE;
            case I32 -> Integer.MIN_VALUE;
            case I64 -> Long.MIN_VALUE;
            case U8, U16, U32, U64, F32, F64, BOOL, STRING, ARRAY -> 0;
        };
    }

    /// The greatest whole number, for whole types; of u64, which passes a long, 2^63 - 1.
    long greatest() {
        return switch (this) {
            case U8 -> 0xFF;
            case I8 -> Byte.MAX_VALUE;
            case U16 -> 0xFFFF;
            case I16 -> Short.MAX_VALUE;
            case U32 -> 0xFFFF_FFFFL;
            case I32 -> Integer.MAX_VALUE;
            case U64, I64 -> Long.MAX_VALUE;
            case F32, F64, BOOL, STRING, ARRAY -> 0;
        };
    }

    /// The type with an id; empty when there is none.
    public static Optional<GgufValueType> ofId(int id) {
        return Optional.ofNullable(BY_ID.get(id));
    }
}
