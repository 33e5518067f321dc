package io.github.weighbridge.encoding.internal;

import io.github.weighbridge.encoding.SmallFloats;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// The plain form, and the oracle of the vectorised one.
public final class ScalarDenseKernels implements DenseKernels {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @Override
    public void decodeF32(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int count) {
        MemorySegment.copy(source, FLOAT, sourceOffset, target, targetOffset, count);
    }

    @Override
    public void decodeF16(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int count) {
        for (int i = 0; i < count; i++) {
            target[targetOffset + i] = Float.float16ToFloat(source.get(SHORT, sourceOffset + 2L * i));
        }
    }

    @Override
    public void decodeBf16(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int count) {
        for (int i = 0; i < count; i++) {
            target[targetOffset + i] = Float.intBitsToFloat(source.get(SHORT, sourceOffset + 2L * i) << 16);
        }
    }

    @Override
    public void encodeF32(float[] source, int sourceOffset, MemorySegment target, long targetOffset, int count) {
        MemorySegment.copy(source, sourceOffset, target, FLOAT, targetOffset, count);
    }

    @Override
    public void encodeF16(float[] source, int sourceOffset, MemorySegment target, long targetOffset, int count) {
        for (int i = 0; i < count; i++) {
            float value = source[sourceOffset + i];
            short bits =
                    !Float.isNaN(value) ? Float.floatToFloat16(value) : (short) (Float.floatToRawIntBits(value) >>> 16 & 0x8000 | 0x7e00);
            target.set(SHORT, targetOffset + 2L * i, bits);
        }
    }

    @Override
    public void encodeBf16(float[] source, int sourceOffset, MemorySegment target, long targetOffset, int count) {
        for (int i = 0; i < count; i++) {
            target.set(SHORT, targetOffset + 2L * i, SmallFloats.toBf16(source[sourceOffset + i]));
        }
    }
}
