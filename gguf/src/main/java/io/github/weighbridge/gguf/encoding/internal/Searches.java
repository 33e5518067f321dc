package io.github.weighbridge.gguf.encoding.internal;

/// ggml's searches for the scale of a group (`ggml-quants.c`), one operation at a time and sums from the first element upward: the bits
/// depend on it.
///
/// An object holds what a search has found besides the scale, and working memory; it serves one thread.
final class Searches {
    /// Groups whose largest magnitude is below this count as 0.
    static final float GROUP_EPSILON = 1e-15f;

    private static final int LARGEST_GROUP = 32;

    /// Weights of the group's elements, filled in by the caller.
    final float[] weights = new float[LARGEST_GROUP];

    private final byte[] trial = new byte[LARGEST_GROUP];
    private float minimum;

    /// What [#affine] found to be subtracted from `scale x level`: the grid's lowest number, negated, so never negative.
    float minimum() {
        return minimum;
    }

    /// Finds scale and minimum of levels 0 to `top`: `make_qkx2_quants` and `make_qkx3_quants`. The minimum is at most 0.
    ///
    /// Least squares for `steps + 1` stretched first guesses; whichever improves becomes the base of the guesses after it.
    ///
    /// @param levels receives the levels
    /// @return the scale
    float affine(float[] x, int from, int count, int top, Stretch stretch, byte[] levels, int levelsFrom) {
        float low = x[from];
        float high = low;
        float weightSum = weights[0];
        float weighted = weightSum * low;
        for (int i = 1; i < count; i++) {
            float value = x[from + i];
            low = value < low ? value : low;
            high = value > high ? value : high;
            weightSum += weights[i];
            weighted += weights[i] * value;
        }
        if (low > 0) {
            low = 0;
        }
        if (high == low) {
            java.util.Arrays.fill(levels, levelsFrom, levelsFrom + count, (byte) 0);
            minimum = -low;
            return 0;
        }
        float inverse = top / (high - low);
        float scale = 1 / inverse;
        float best = 0;
        for (int i = 0; i < count; i++) {
            int level = clamp(Rounding.near(inverse * (x[from + i] - low)), 0, top);
            levels[levelsFrom + i] = (byte) level;
            best += weights[i] * stretch.error(scale * level + low - x[from + i]);
        }
        for (int step = 0; step <= stretch.steps(); step++) {
            inverse = (stretch.first() + stretch.each() * step + top) / (high - low);
            float sum = 0;
            float squares = 0;
            float products = 0;
            for (int i = 0; i < count; i++) {
                int level = clamp(Rounding.near(inverse * (x[from + i] - low)), 0, top);
                trial[i] = (byte) level;
                float part = weights[i] * level;
                sum += part;
                squares += part * level;
                products += part * x[from + i];
            }
            float determinant = weightSum * squares - sum * sum;
            if (determinant > 0) {
                float triedScale = (weightSum * products - weighted * sum) / determinant;
                float triedLow = (squares * weighted - sum * products) / determinant;
                if (triedLow > 0) {
                    triedLow = 0;
                    triedScale = products / squares;
                }
                float error = 0;
                for (int i = 0; i < count; i++) {
                    error += weights[i] * stretch.error(triedScale * trial[i] + triedLow - x[from + i]);
                }
                if (error < best) {
                    System.arraycopy(trial, 0, levels, levelsFrom, count);
                    best = error;
                    scale = triedScale;
                    low = triedLow;
                }
            }
        }
        minimum = -low;
        return scale;
    }

    /// Finds the scale of levels `-half` to `half - 1`: `make_qx_quants`. The largest element is tried at levels around the lowest.
    ///
    /// @param weights of the elements; for the squares of the elements themselves see [#squares]
    /// @param levels receives the levels, each `half` more; all 0 for a group that counts as 0
    /// @return the scale, of either sign
    static float symmetric(float[] x, int from, int count, int half, float[] weights, int weightsFrom, byte[] levels, int levelsFrom) {
        float peak = Blocks.peak(x, from, count);
        if (Math.abs(peak) < GROUP_EPSILON) {
            java.util.Arrays.fill(levels, levelsFrom, levelsFrom + count, (byte) 0);
            return 0;
        }
        float chosen = -half / peak;
        float products = 0;
        float squares = 0;
        for (int i = 0; i < count; i++) {
            int level = clamp(Rounding.near(chosen * x[from + i]), -half, half - 1);
            float weight = weights[weightsFrom + i];
            products += weight * x[from + i] * level;
            squares += weight * level * level;
        }
        float scale = squares != 0 ? products / squares : 0;
        float best = scale * products;
        for (int step = -9; step <= 9; step++) {
            if (step == 0) {
                continue;
            }
            float inverse = -(half + 0.1f * step) / peak;
            products = 0;
            squares = 0;
            for (int i = 0; i < count; i++) {
                int level = clamp(Rounding.near(inverse * x[from + i]), -half, half - 1);
                float weight = weights[weightsFrom + i];
                products += weight * x[from + i] * level;
                squares += weight * level * level;
            }
            if (squares > 0 && products * products > best * squares) {
                chosen = inverse;
                scale = products / squares;
                best = scale * products;
            }
        }
        for (int i = 0; i < count; i++) {
            levels[levelsFrom + i] = (byte) (clamp(Rounding.near(chosen * x[from + i]), -half, half - 1) + half);
        }
        return scale;
    }

    /// Makes [#weights] the squares of a group's elements.
    void squares(float[] x, int from, int count) {
        for (int i = 0; i < count; i++) {
            weights[i] = x[from + i] * x[from + i];
        }
    }

    /// Finds the scale of levels 0 to `top` for numbers that are not negative: `make_qp_quants`, which rounds the scales and minimums of a
    /// super-block where columns are weighed.
    ///
    /// @param levels receives the levels, each modulo 256
    /// @return the scale
    static float positive(float[] x, int from, int count, int top, float[] weights, int[] levels) {
        float largest = 0;
        for (int i = 0; i < count; i++) {
            largest = x[from + i] > largest ? x[from + i] : largest;
        }
        if (largest < GROUP_EPSILON) {
            java.util.Arrays.fill(levels, 0, count, 0);
            return 0;
        }
        float chosen = top / largest;
        float best = 0;
        float scale = 1 / chosen;
        for (int i = 0; i < count; i++) {
            float error = x[from + i] - scale * (Rounding.near(chosen * x[from + i]) & 255);
            best += weights[i] * error * error;
        }
        for (int step = -4; step <= 4; step++) {
            if (step == 0) {
                continue;
            }
            float inverse = (0.1f * step + top) / largest;
            float tried = 1 / inverse;
            float sum = 0;
            for (int i = 0; i < count; i++) {
                float error = x[from + i] - tried * Math.min(top, Rounding.near(inverse * x[from + i]));
                sum += weights[i] * error * error;
            }
            if (sum < best) {
                best = sum;
                chosen = inverse;
            }
        }
        float products = 0;
        float squares = 0;
        for (int i = 0; i < count; i++) {
            int level = Math.min(top, Rounding.near(chosen * x[from + i]));
            levels[i] = level & 255;
            products += weights[i] * x[from + i] * level;
            squares += weights[i] * level * level;
        }
        for (int sweep = 0; sweep < 5; sweep++) {
            boolean changed = false;
            for (int i = 0; i < count; i++) {
                float weight = weights[i];
                float value = x[from + i];
                float otherProducts = products - weight * value * levels[i];
                float otherSquares = squares - weight * levels[i] * levels[i];
                if (otherProducts > 0 && otherSquares > 0) {
                    int level = Math.min(top, Rounding.near(value * otherSquares / otherProducts));
                    if (level != levels[i]) {
                        otherProducts += weight * value * level;
                        otherSquares += weight * level * level;
                        if (otherProducts * otherProducts * squares > products * products * otherSquares) {
                            levels[i] = level & 255;
                            products = otherProducts;
                            squares = otherSquares;
                            changed = true;
                        }
                    }
                }
            }
            if (!changed) {
                break;
            }
        }
        return squares > 0 ? products / squares : 0;
    }

    static int clamp(int value, int least, int most) {
        return Math.max(least, Math.min(most, value));
    }

    /// The guesses that [#affine] tries: the span of the elements divided by `top + first + each x step`.
    ///
    /// @param first stretch of step 0
    /// @param each stretch added with each step
    /// @param steps number of the last step
    /// @param absolute whether errors count by magnitude instead of by square
    record Stretch(float first, float each, int steps, boolean absolute) {
        /// For all types where columns are weighed.
        static final Stretch WEIGHTED = new Stretch(-0.9f, 0.05f, 36, false);

        float error(float difference) {
            return absolute ? Math.abs(difference) : difference * difference;
        }
    }
}
