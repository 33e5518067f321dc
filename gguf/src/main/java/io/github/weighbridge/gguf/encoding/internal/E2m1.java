package io.github.weighbridge.gguf.encoding.internal;

/// The sixteen numbers of E2M1, doubled so that they are integers; `MXFP4` and `NVFP4` halve their scales instead.
final class E2m1 {
    private static final float[] DOUBLED = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    private E2m1() {}

    static float doubled(int code) {
        return DOUBLED[code];
    }

    /// The first code whose number is nearest. Code 8, minus zero, is never the first.
    static int code(float value, float scale) {
        int nearest = 0;
        float least = Math.abs(DOUBLED[0] * scale - value);
        for (int code = 1; code < DOUBLED.length; code++) {
            float error = Math.abs(DOUBLED[code] * scale - value);
            if (error < least) {
                nearest = code;
                least = error;
            }
        }
        return nearest;
    }
}
