package io.github.weighbridge.gguf.encoding.internal;

/// The sixteen uneven levels of `IQ4_NL` and `IQ4_XS`, and the search for a scale of them.
final class Iq4 {
    static final int COLUMNS = 32;

    private static final byte[] LEVELS = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    static final int TRIES = 7;

    /// Halfway between neighbours. They are exact, so that comparing with them is the same as comparing distances.
    private static final float[] MIDDLES = new float[LEVELS.length - 1];

    static {
        for (int i = 0; i < MIDDLES.length; i++) {
            MIDDLES[i] = (LEVELS[i] + LEVELS[i + 1]) * 0.5f;
        }
    }

    private Iq4() {}

    static float middle(int index) {
        return MIDDLES[index];
    }

    static int level(int code) {
        return LEVELS[code];
    }

    /// The code of the nearest level, of two equally near ones the upper. What is not a number goes to the top.
    static int code(float value) {
        // Not below: so that what is not a number goes upward.
        int code = !(value < MIDDLES[7]) ? 8 : 0;
        code += !(value < MIDDLES[code + 3]) ? 4 : 0;
        code += !(value < MIDDLES[code + 1]) ? 2 : 0;
        code += !(value < MIDDLES[code]) ? 1 : 0;
        return code;
    }

    /// Finds the scale of 32 elements: the largest one is tried at levels around -127.
    static float search(float[] x, int from, float[] weights) {
        float peak = Blocks.peak(x, from, COLUMNS);
        if (Math.abs(peak) < Searches.GROUP_EPSILON) {
            return 0;
        }
        float inverse = 1 / (-peak / LEVELS[0]);
        float scale = 0;
        float best = 0;
        for (int step = -TRIES - 1; step <= TRIES; step++) {
            boolean first = step < -TRIES;
            if (!first) {
                inverse = (step + LEVELS[0]) / peak;
            }
            float products = 0;
            float squares = 0;
            for (int i = 0; i < COLUMNS; i++) {
                float level = LEVELS[code(inverse * x[from + i])];
                float part = weights[i] * level;
                products += part * x[from + i];
                squares += part * level;
            }
            if (first) {
                scale = squares > 0 ? products / squares : 0;
                best = scale * products;
            } else if (squares > 0 && products * products > best * squares) {
                scale = products / squares;
                best = scale * products;
            }
        }
        return scale;
    }

    static void codes(float[] x, int from, float inverse, byte[] codes, int codesFrom) {
        for (int i = 0; i < COLUMNS; i++) {
            codes[codesFrom + i] = (byte) code(inverse * x[from + i]);
        }
    }
}
