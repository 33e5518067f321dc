package io.github.weighbridge.litert.tflite;

import java.util.Optional;

/// Number type of a tensor, with the code that stands for it in a model.
public enum TensorType {
    /// IEEE 754 single precision.
    FLOAT32(0, 32),
    /// IEEE 754 half precision.
    FLOAT16(1, 16),
    /// Signed 32-bit integer.
    INT32(2, 32),
    /// Unsigned 8-bit integer.
    UINT8(3, 8),
    /// Signed 64-bit integer.
    INT64(4, 64),
    /// Texts of any length, with a table of offsets in front.
    STRING(5, 0),
    /// One byte, 0 or 1.
    BOOL(6, 8),
    /// Signed 16-bit integer.
    INT16(7, 16),
    /// A pair of single precision numbers.
    COMPLEX64(8, 64),
    /// Signed 8-bit integer.
    INT8(9, 8),
    /// IEEE 754 double precision.
    FLOAT64(10, 64),
    /// A pair of double precision numbers.
    COMPLEX128(11, 128),
    /// Unsigned 64-bit integer.
    UINT64(12, 64),
    /// A handle of the runtime.
    RESOURCE(13, 0),
    /// Anything, known only when the model runs.
    VARIANT(14, 0),
    /// Unsigned 32-bit integer.
    UINT32(15, 32),
    /// Unsigned 16-bit integer.
    UINT16(16, 16),
    /// Signed 4-bit integer in two's complement, two in a byte, the first in the low bits.
    INT4(17, 4),
    /// The upper half of single precision.
    BFLOAT16(18, 16),
    /// Signed 2-bit integer in two's complement, four in a byte, the first in the low bits.
    INT2(19, 2),
    /// Unsigned 4-bit integer, two in a byte, the first in the low bits.
    UINT4(20, 4),
    /// 8 bits with 4 of exponent, no infinities.
    FLOAT8_E4M3FN(21, 8),
    /// 8 bits with 5 of exponent.
    FLOAT8_E5M2(22, 8);

    private static final TensorType[] ALL = values();

    private final int code;
    private final int bits;

    TensorType(int code, int bits) {
        this.code = code;
        this.bits = bits;
    }

    /// The code in a model.
    public int code() {
        return code;
    }

    /// Width of an element in bits; 0 where elements have no fixed width. Elements follow one another without padding, also from row to row.
    public int bits() {
        return bits;
    }

    /// Bytes of a tensor with that many elements, whose last byte may be filled in part.
    ///
    /// @throws ArithmeticException when they pass 2^63 - 1
    /// @throws IllegalStateException when elements have no fixed width
    public long bytes(long elements) {
        if (bits == 0) {
            throw new IllegalStateException(this + " has no fixed width");
        }
        if (bits >= 8) {
            return Math.multiplyExact(elements, bits / 8);
        }
        int inByte = 8 / bits;
        return elements / inByte + (elements % inByte == 0 ? 0 : 1);
    }

    /// The type of a code; empty when the code is newer than this list.
    public static Optional<TensorType> of(int code) {
        return code >= 0 && code < ALL.length ? Optional.of(ALL[code]) : Optional.empty();
    }
}
