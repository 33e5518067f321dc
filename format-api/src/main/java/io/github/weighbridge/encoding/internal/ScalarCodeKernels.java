package io.github.weighbridge.encoding.internal;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The plain form, and the oracle of the vectorised one.
public final class ScalarCodeKernels implements CodeKernels {
    /// Added and taken away again, rounds to the nearest integer, ties to even.
    static final float ROUND = 12582912f;

    @Override
    public void unpack(MemorySegment source, long offset, int bits, int flip, int shift, byte[] target, int at, int count) {
        switch (bits) {
            case 8 -> {
                MemorySegment.copy(source, ValueLayout.JAVA_BYTE, offset, target, at, count);
                if (flip != shift || flip != 0x80) {
                    for (int i = at; i < at + count; i++) {
                        target[i] = (byte) ((target[i] & 0xff ^ flip) - shift);
                    }
                }
            }
            case 4 -> {
                int pairs = count >>> 1;
                for (int i = 0; i < pairs; i++) {
                    int pair = source.get(ValueLayout.JAVA_BYTE, offset + i);
                    target[at + 2 * i] = (byte) ((pair & 15 ^ flip) - shift);
                    target[at + 2 * i + 1] = (byte) ((pair >>> 4 & 15 ^ flip) - shift);
                }
                if ((count & 1) != 0) {
                    target[at + count - 1] = (byte) ((source.get(ValueLayout.JAVA_BYTE, offset + pairs) & 15 ^ flip) - shift);
                }
            }
            case 2 -> {
                int quads = count >>> 2;
                for (int i = 0; i < quads; i++) {
                    int four = source.get(ValueLayout.JAVA_BYTE, offset + i);
                    target[at + 4 * i] = (byte) ((four & 3 ^ flip) - shift);
                    target[at + 4 * i + 1] = (byte) ((four >>> 2 & 3 ^ flip) - shift);
                    target[at + 4 * i + 2] = (byte) ((four >>> 4 & 3 ^ flip) - shift);
                    target[at + 4 * i + 3] = (byte) ((four >>> 6 & 3 ^ flip) - shift);
                }
                for (int i = quads * 4; i < count; i++) {
                    int four = source.get(ValueLayout.JAVA_BYTE, offset + quads);
                    target[at + i] = (byte) ((four >>> 2 * (i & 3) & 3 ^ flip) - shift);
                }
            }
            default -> throw new IllegalArgumentException(bits + " bits");
        }
    }

    @Override
    public void pack(byte[] source, int at, int count, int bits, int flip, int shift, MemorySegment target, long offset) {
        switch (bits) {
            case 8 -> {
                if (flip == shift && flip == 0x80) {
                    MemorySegment.copy(source, at, target, ValueLayout.JAVA_BYTE, offset, count);
                    return;
                }
                for (int i = 0; i < count; i++) {
                    target.set(ValueLayout.JAVA_BYTE, offset + i, (byte) (source[at + i] + shift ^ flip));
                }
            }
            case 4 -> {
                int pairs = count >>> 1;
                for (int i = 0; i < pairs; i++) {
                    int low = source[at + 2 * i] + shift ^ flip;
                    int high = source[at + 2 * i + 1] + shift ^ flip;
                    target.set(ValueLayout.JAVA_BYTE, offset + i, (byte) (low & 15 | high << 4));
                }
                if ((count & 1) != 0) {
                    target.set(ValueLayout.JAVA_BYTE, offset + pairs, (byte) ((source[at + count - 1] + shift ^ flip) & 15));
                }
            }
            case 2 -> {
                for (int i = 0; i < count; i += 4) {
                    int four = 0;
                    for (int j = 0; j < Math.min(4, count - i); j++) {
                        four |= ((source[at + i + j] + shift ^ flip) & 3) << 2 * j;
                    }
                    target.set(ValueLayout.JAVA_BYTE, offset + (i >>> 2), (byte) four);
                }
            }
            default -> throw new IllegalArgumentException(bits + " bits");
        }
    }

    @Override
    public void multiply(byte[] levels, int at, int count, boolean unsigned, float scale, float[] target, int to) {
        if (unsigned) {
            for (int i = 0; i < count; i++) {
                target[to + i] = scale * (levels[at + i] & 0xff);
            }
        } else {
            for (int i = 0; i < count; i++) {
                target[to + i] = scale * levels[at + i];
            }
        }
    }

    @Override
    public void multiplyShifted(byte[] levels, int at, int count, boolean unsigned, float scale, float zero, float[] target, int to) {
        for (int i = 0; i < count; i++) {
            float level = unsigned ? levels[at + i] & 0xff : levels[at + i];
            target[to + i] = scale * (level - zero);
        }
    }

    @Override
    public void quantize(float[] source, int from, int count, float scale, float zero, int minimum, int maximum, byte[] levels, int at) {
        for (int i = 0; i < count; i++) {
            float place = Math.max(minimum, Math.min(maximum, source[from + i] / scale + zero));
            levels[at + i] = (byte) (place + ROUND - ROUND);
        }
    }

    @Override
    public float largest(float[] source, int from, int count) {
        // Magnitudes have the order of their bits, infinity and NaN above all numbers.
        int largest = 0;
        for (int i = from; i < from + count; i++) {
            largest = Math.max(largest, Float.floatToRawIntBits(source[i]) & 0x7fffffff);
        }
        return Float.intBitsToFloat(largest);
    }
}
