package io.github.weighbridge.gguf.encoding.internal;

/// Numbers that lattice points stand for.
final class Points {
    /// What is added to every coordinate of a ternary point, or taken away.
    static final float SHIFT = 0.125f;

    private Points() {}

    static void put8(byte[] lattice, int code, float scale, int signs, float[] target, int to) {
        for (int i = 0; i < 8; i++) {
            float value = scale * lattice[8 * code + i];
            target[to + i] = (signs >> i & 1) != 0 ? -value : value;
        }
    }

    static void put4(byte[] lattice, int code, float scale, int signs, float[] target, int to) {
        for (int i = 0; i < 4; i++) {
            float value = scale * lattice[4 * code + i];
            target[to + i] = (signs >> i & 1) != 0 ? -value : value;
        }
    }

    static void putShifted(int code, float scale, float shift, float[] target, int to) {
        for (int i = 0; i < 8; i++) {
            target[to + i] = scale * (Lattices.IQ1[8 * code + i] + shift);
        }
    }
}
