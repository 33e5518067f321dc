package io.github.weighbridge.encoding;

/// Numbers of 8 bits and fewer, widened to `float`. All of their values are floats.
public final class SmallFloats {
    private SmallFloats() {}

    /// OCP E4M3 "fn": bias 7, no infinities, `S.1111.111` is NaN, largest value 448.
    public static float e4m3(byte bits) {
        int exponent = bits >> 3 & 15;
        int mantissa = bits & 7;
        if (exponent == 15 && mantissa == 7) {
            return Float.NaN;
        }
        float magnitude = exponent == 0 ? mantissa * 0x1p-9f : Math.scalb(1 + mantissa / 8f, exponent - 7);
        return bits < 0 ? -magnitude : magnitude;
    }

    /// The nearest E4M3 of a number, ties to even, 448 for all that are larger; a NaN stays one.
    public static byte toE4m3(float value) {
        int sign = Float.floatToRawIntBits(value) >>> 24 & 0x80;
        float magnitude = Math.abs(value);
        if (Float.isNaN(value)) {
            return (byte) (sign | 0x7f);
        }
        if (magnitude >= 464) {
            return (byte) (sign | 0x7e);
        }
        // Below 2^-6 the spacing is 2^-9; adding a number whose own spacing that is rounds to it.
        if (magnitude < 0x1p-6f) {
            return (byte) (sign | (int) ((magnitude + 0x1p14f - 0x1p14f) * 0x1p9f));
        }
        int bits = Float.floatToRawIntBits(magnitude);
        int rounded = bits + 0x7ffff + (bits >>> 20 & 1) >>> 20;
        return (byte) (sign | Math.min(rounded - (120 << 3), 0x7e));
    }

    /// OCP E5M2: bias 15, the upper byte of half precision.
    public static float e5m2(byte bits) {
        return Float.float16ToFloat((short) (bits << 8));
    }

    /// OCP E8M0: `2^(bits - 127)`, 255 is NaN.
    public static float e8m0(byte bits) {
        int exponent = Byte.toUnsignedInt(bits);
        return exponent == 255 ? Float.NaN : Math.scalb(1f, exponent - 127);
    }

    /// The nearest BF16 of a number, ties to even; a NaN keeps its upper bits and becomes quiet.
    public static short toBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if ((bits & 0x7fffffff) > 0x7f800000) {
            return (short) (bits >>> 16 | 64);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    /// A BF16 as a number.
    public static float fromBf16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }
}
