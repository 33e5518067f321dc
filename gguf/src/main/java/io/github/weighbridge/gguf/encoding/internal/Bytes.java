package io.github.weighbridge.gguf.encoding.internal;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Little-endian numbers in byte arrays.
final class Bytes {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    /// 2^-14, the smallest half with all its bits.
    static final int LEAST_NORMAL = 0x38800000;
    /// 65520, halfway between the largest half and what would be the next.
    static final int LEAST_INFINITE = 0x477ff000;

    private Bytes() {}

    /// Eight bytes at once.
    static long i64(byte[] bytes, int at) {
        return (long) LONG.get(bytes, at);
    }

    static void putI64(byte[] bytes, int at, long value) {
        LONG.set(bytes, at, value);
    }

    static int u16(byte[] bytes, int at) {
        return (short) SHORT.get(bytes, at) & 0xffff;
    }

    static int i32(byte[] bytes, int at) {
        return (int) INT.get(bytes, at);
    }

    static void putI16(byte[] bytes, int at, int value) {
        SHORT.set(bytes, at, (short) value);
    }

    static void putI32(byte[] bytes, int at, int value) {
        INT.set(bytes, at, value);
    }

    /// Half precision, widened.
    static float half(byte[] bytes, int at) {
        return Float.float16ToFloat((short) SHORT.get(bytes, at));
    }

    /// Rounds to half precision, ties to even, too large to infinite; gives the bits.
    ///
    /// Not by [Float#floatToFloat16]: its compiled form, together with the store, is a masked vector instruction that takes longer than
    /// all the rest of a small block.
    static void putHalf(byte[] bytes, int at, float value) {
        int bits = Float.floatToRawIntBits(value);
        int magnitude = bits & 0x7fffffff;
        int half;
        if (magnitude < LEAST_NORMAL) {
            // One half has an ulp of 2^-24 in single precision, which is the smallest half.
            half = Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) + 0.5f) - 0x3f000000;
        } else if (magnitude < LEAST_INFINITE) {
            half = magnitude - 0x38000000 + 0x0fff + (magnitude >>> 13 & 1) >>> 13;
        } else {
            half = magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
        }
        SHORT.set(bytes, at, (short) (bits >>> 16 & 0x8000 | half));
    }
}
