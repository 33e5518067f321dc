package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.encoding.Shape;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// Type of the elements of a tensor, as `dtype` names it: all that the format has, in the order of the reference's `Dtype`
/// (huggingface/safetensors 0.8, `tensor.rs`). The order matters: the reference writer lays the types out from last to first.
///
/// There is no integer type of fewer than 8 bits: packed integers travel as [#I32] or [#U8].
public enum SafetensorsType {
    /// True or false, one byte each.
    BOOL(8),
    /// Float of 4 bits, E2M1.
    F4(4),
    /// Float of 6 bits: 2 of exponent, 3 of fraction.
    F6_E2M3(6),
    /// Float of 6 bits: 3 of exponent, 2 of fraction.
    F6_E3M2(6),
    /// Unsigned integer of 8 bits.
    U8(8),
    /// Signed integer of 8 bits.
    I8(8),
    /// Float of 8 bits: 5 of exponent, 2 of fraction, with infinities.
    F8_E5M2(8),
    /// Float of 8 bits: 4 of exponent, 3 of fraction, without infinities, at most 448.
    F8_E4M3(8),
    /// A power of two: 8 bits of exponent.
    F8_E8M0(8),
    /// Float of 8 bits: 4 of exponent, 3 of fraction, no infinities and no negative zero.
    F8_E4M3FNUZ(8),
    /// Float of 8 bits: 5 of exponent, 2 of fraction, no infinities and no negative zero.
    F8_E5M2FNUZ(8),
    /// Signed integer of 16 bits.
    I16(16),
    /// Unsigned integer of 16 bits.
    U16(16),
    /// IEEE 754 half precision.
    F16(16),
    /// The upper half of an [#F32].
    BF16(16),
    /// Signed integer of 32 bits.
    I32(32),
    /// Unsigned integer of 32 bits.
    U32(32),
    /// IEEE 754 single precision.
    F32(32),
    /// Complex number of two [#F32].
    C64(64),
    /// IEEE 754 double precision.
    F64(64),
    /// Signed integer of 64 bits.
    I64(64),
    /// Unsigned integer of 64 bits.
    U64(64);

    private static final Map<String, SafetensorsType> BY_NAME = new HashMap<>();

    static {
        for (SafetensorsType type : values()) {
            BY_NAME.put(type.name(), type);
        }
    }

    private final int bits;

    SafetensorsType(int bits) {
        this.bits = bits;
    }

    /// The type of a `dtype` text, which is matched exactly; empty when there is none.
    public static Optional<SafetensorsType> named(String dtype) {
        return Optional.ofNullable(BY_NAME.get(dtype));
    }

    /// Bits of one element.
    public int bits() {
        return bits;
    }

    /// Bytes of a tensor of this type.
    ///
    /// @throws IllegalArgumentException when its bits are no whole number of bytes
    /// @throws ArithmeticException when its bits pass 2^63 - 1
    public long bytes(Shape shape) {
        long total = Math.multiplyExact(shape.elements(), (long) bits);
        if (total % 8 != 0) {
            throw new IllegalArgumentException(this + " " + shape + " takes " + total + " bits, which is no whole number of bytes");
        }
        return total / 8;
    }
}
