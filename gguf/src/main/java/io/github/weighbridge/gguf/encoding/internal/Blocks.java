package io.github.weighbridge.gguf.encoding.internal;

/// Arithmetic that several block types share.
final class Blocks {
    private Blocks() {}

    /// The first element of largest magnitude, with its sign; 0 (of positive sign) when all are 0.
    static float peak(float[] source, int from, int count) {
        float largest = 0;
        float peak = 0;
        for (int i = 0; i < count; i++) {
            float value = source[from + i];
            if (largest < Math.abs(value)) {
                largest = Math.abs(value);
                peak = value;
            }
        }
        return peak;
    }
}
