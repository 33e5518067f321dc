package io.github.weighbridge.encoding;

/// A number type in which every element stands for itself.
///
/// F8_E4M3 is the "fn" kind without infinities (largest value 448); F8_E8M0 is a power of two. [#exactInFloat] says whether every value of
/// the type is a `float`, so that decoding loses nothing.
public enum DenseType {
    /// IEEE 754 double precision.
    F64(8, false, true),
    /// IEEE 754 single precision.
    F32(4, true, true),
    /// IEEE 754 half precision.
    F16(2, true, true),
    /// The upper half of single precision.
    BF16(2, true, true),
    /// 8 bits with 4 of exponent, no infinities.
    F8_E4M3(1, true, true),
    /// 8 bits with 5 of exponent.
    F8_E5M2(1, true, true),
    /// 8 bits of exponent: a power of two.
    F8_E8M0(1, true, true),
    /// Signed 64-bit integer.
    I64(8, false, false),
    /// Signed 32-bit integer.
    I32(4, false, false),
    /// Signed 16-bit integer.
    I16(2, true, false),
    /// Signed 8-bit integer.
    I8(1, true, false),
    /// Unsigned 64-bit integer.
    U64(8, false, false),
    /// Unsigned 32-bit integer.
    U32(4, false, false),
    /// Unsigned 16-bit integer.
    U16(2, true, false),
    /// Unsigned 8-bit integer.
    U8(1, true, false),
    /// One byte, 0 or 1.
    BOOL(1, true, false);

    private final int bytes;
    private final boolean exactInFloat;
    private final boolean floatingPoint;

    DenseType(int bytes, boolean exactInFloat, boolean floatingPoint) {
        this.bytes = bytes;
        this.exactInFloat = exactInFloat;
        this.floatingPoint = floatingPoint;
    }

    /// Bytes of one number.
    public int bytes() {
        return bytes;
    }

    /// Whether every value is a `float`.
    public boolean exactInFloat() {
        return exactInFloat;
    }

    /// Whether it is a floating point type.
    public boolean floatingPoint() {
        return floatingPoint;
    }

    /// Whether every value of this type is also one of the other, so that conversion loses nothing.
    public boolean exactIn(DenseType other) {
        if (this == other) {
            return true;
        }
        return switch (other) {
            case F64 -> this != I64 && this != U64;
            case F32 -> exactInFloat;
            case BF16 -> this == F8_E4M3 || this == F8_E5M2 || this == F8_E8M0 || this == I8 || this == U8 || this == BOOL;
            case F16 -> this == F8_E4M3 || this == F8_E5M2 || this == I8 || this == U8 || this == BOOL;
            case I64 -> !floatingPoint && this != U64;
            case I32 -> this == I16 || this == I8 || this == U16 || this == U8 || this == BOOL;
            case I16 -> this == I8 || this == U8 || this == BOOL;
            case I8, U8, BOOL, F8_E4M3, F8_E5M2, F8_E8M0 -> this == BOOL && other != BOOL && other != F8_E8M0;
            case U64 -> this == U32 || this == U16 || this == U8 || this == BOOL;
            case U32 -> this == U16 || this == U8 || this == BOOL;
            case U16 -> this == U8 || this == BOOL;
        };
    }
}
