package io.github.weighbridge.encoding.internal;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.GridSearch;
import io.github.weighbridge.encoding.SmallFloats;
import java.util.Arrays;

/// The plain form of [GridSearch].
///
/// A block that lies on the grid has its largest magnitude at one of the levels 1 to 8. Each is tried: it gives the other levels, and every
/// number then says between which bounds the step must be for the product to round to that number. The steps within all bounds
/// are all that return the block; one next to the step of least squares has the least error of them. The levels are certain,
/// because rounding to BF16 moves a quotient by a sixteenth at most.
///
/// Where no level fits, a search finds the step of least error.
public class ScalarGridSearch implements GridSearch {
    /// How far a quotient on the grid may be from its level, relatively: two roundings to BF16, and something for the arithmetic.
    static final float TOLERANCE = 0.0079f;
    /// Added and taken away again, rounds to the nearest integer.
    static final float ROUND = 12582912f;
    /// Keeps a bound that itself rounds elsewhere out of reach. Products of step and level have at most 15 bits, so none lies in between.
    static final int OPEN = 0x40;
    /// Numbers up to here have the spacing of half precision's subnormal numbers.
    static final int LEAST_NORMAL_HALF = 0x38800000;
    static final float HALF_SPACING = 0x1p-25f;
    /// Keep a step that lies on a bound within it, whichever way the bound was rounded. No product is so near another bound.
    static final float LOWERED = 1 - 0x1p-21f;
    static final float RAISED = 1 + 0x1p-21f;

    private static final int MAGNITUDE = 0x7fffffff;
    private static final int INFINITE = 0x7f800000;
    static final int LEVELS = 8;
    static final int LARGEST_HALF = 0x7bff;
    static final int LARGEST_BF16 = 0x7f7f;
    /// The sign of a step's bits.
    static final int SIGN = 0x8000;
    /// `OTHERS[m][set]`: the levels, as bits, at which the largest magnitude could be as well when it is at m and the magnitudes of the other
    /// numbers' levels are the bits of the set.
    static final int[][] OTHERS = others();
    private static final float[] INVERSE = {1, 1, 1 / 2f, 1 / 3f, 1 / 4f, 1 / 5f, 1 / 6f, 1 / 7f, 1 / 8f};
    /// From here on, the step rounds to infinite in half precision even where the largest magnitude is at level 8.
    private static final float INFINITE_STEP = 65_520f * LEVELS;

    private static int[][] others() {
        int[][] table = new int[LEVELS + 1][1 << LEVELS + 1];
        for (int m = 1; m <= LEVELS; m++) {
            Arrays.fill(table[m], (1 << LEVELS + 1) - 1);
            for (int q = 1; q <= m; q++) {
                int possible = 0;
                for (int other = 1; other <= LEVELS; other++) {
                    float place = (float) q * other / m;
                    if (Math.abs(place - Math.rint(place)) <= 2.1f * TOLERANCE * place) {
                        possible |= 1 << other;
                    }
                }
                for (int set = 0; set < table[m].length; set++) {
                    table[m][set] &= (set & 1 << q) != 0 ? possible : -1;
                }
            }
        }
        return table;
    }

    /// What is known of a block at one level of its largest magnitude, and where the result goes.
    static final class Fit {
        /// Whether steps are numbers of half precision, else of BF16.
        final boolean half;
        /// Receives codes: two in a byte.
        final byte[] codes;
        /// Where the codes of the block begin.
        int at;
        /// Bits of the step that was found.
        int found;
        /// Levels as integers in floating point; none is beyond -8 or 8.
        final float[] levels = new float[COLUMNS];
        /// Working memory of least squares.
        final float[] products = new float[COLUMNS / 2];
        /// Working memory of the search for the step of least error.
        final long[] places = new long[COLUMNS * LEVELS];
        /// Least and greatest magnitude of a step that returns all numbers.
        float low;
        float high;
        /// Bit q is set when there is a level of magnitude q.
        int magnitudes;
        boolean atPlusEight;
        boolean atMinusEight;

        Fit(DenseType step, byte[] codes) {
            this.half = step == DenseType.F16;
            this.codes = codes;
        }

        float step(int bits) {
            return half ? Float.float16ToFloat((short) bits) : SmallFloats.fromBf16((short) bits);
        }

        /// The nearest step; infinite where the largest is too small.
        int bits(float step) {
            return (half ? Float.floatToFloat16(step) : SmallFloats.toBf16(step)) & 0xffff;
        }

        int largest() {
            return half ? LARGEST_HALF : LARGEST_BF16;
        }

        /// Takes note of the levels.
        ///
        /// @param levels bit 8 + q is set when there is a level q
        void saw(int levels) {
            atMinusEight = (levels & 1) != 0;
            atPlusEight = levels >>> 2 * LEVELS != 0;
            // Reversed, level -q is bit 23 + q.
            magnitudes = (levels >>> LEVELS | Integer.reverse(levels) >>> 31 - LEVELS) & (1 << LEVELS + 1) - 1;
        }
    }

    @Override
    public void find(float[] numbers, int from, int count, DenseType source, DenseType step, byte[] codes, int at, int stride,
            int[] steps) {
        Fit fit = new Fit(step, codes);
        for (int i = 0; i < count; i++) {
            fit.at = at + i * stride;
            find(numbers, from + i * COLUMNS, source, fit);
            steps[i] = fit.found;
        }
    }

    /// Finds step and codes of a block.
    void find(float[] source, int from, DenseType type, Fit fit) {
        float peak = peak(source, from);
        // Nothing to find where all steps vanish, and nothing to hold where they pass the largest.
        if (peak == 0 || fit.half && (peak < HALF_SPACING || peak >= INFINITE_STEP)) {
            ordinary(source, from, fit);
            return;
        }
        DenseType narrowest = type == DenseType.BF16 || type == DenseType.F16 ? type : narrowest(source, from);
        int untried = (1 << LEVELS + 1) - 2;
        double least = Double.POSITIVE_INFINITY;
        // From 8 downward, since most blocks of a trained checkpoint have their largest magnitude there.
        for (int level = LEVELS; level > 0; level--) {
            if ((untried & 1 << level) == 0 || !levels(source, from, level / peak, fit)) {
                continue;
            }
            bounds(source, from, narrowest, fit);
            if (fit.low > fit.high || fit.atPlusEight && fit.atMinusEight) {
                continue;
            }
            int bits = step(source, from, fit);
            if (bits < 0 || narrowest == DenseType.F32 && !equal(source, from, fit.levels, fit.step(bits))) {
                continue;
            }
            untried &= OTHERS[level][fit.magnitudes] & (1 << level) - 1;
            if (untried == 0 && least == Double.POSITIVE_INFINITY) {
                pack(bits, fit.atPlusEight, fit);
                return;
            }
            // At even error the lower level, that is the longer step, is the simpler description.
            double error = error(source, from, fit.levels, fit.step(bits));
            if (error <= least) {
                least = error;
                pack(bits, fit.atPlusEight, fit);
            }
        }
        if (least == Double.POSITIVE_INFINITY) {
            search(source, from, peak, fit);
        }
    }

    /// The rule of Q4_0, in its arithmetic: the first number of the largest magnitude is at level -8.
    private void ordinary(float[] source, int from, Fit fit) {
        float largest = 0;
        float peak = 0;
        for (int i = 0; i < COLUMNS; i++) {
            float value = source[from + i];
            if (largest < Math.abs(value)) {
                largest = Math.abs(value);
                peak = value;
            }
        }
        float step = peak / -LEVELS;
        float inverse = step != 0 ? 1 / step : 0;
        fit.found = fit.bits(step);
        if (!fit.half && Float.isInfinite(inverse)) {
            for (int i = 0; i < COLUMNS; i++) {
                fit.levels[i] = nearest(source[from + i] / step);
            }
            pack(fit.found, false, fit);
            return;
        }
        for (int i = 0; i < COLUMNS / 2; i++) {
            fit.codes[fit.at + i] = (byte) (code(source[from + i] * inverse) | code(source[from + COLUMNS / 2 + i] * inverse) << 4);
        }
    }

    private static int code(float level) {
        // An infinite inverse makes codes of 0, as it does in GGML's C.
        float place = level + (LEVELS + 0.5f);
        return place < 2 * LEVELS + 1 ? Math.min(2 * LEVELS - 1, Math.max(0, (int) place)) : 0;
    }

    /// The narrowest type that holds all numbers.
    private static DenseType narrowest(float[] source, int from) {
        int bits = 0;
        for (int i = 0; i < COLUMNS; i++) {
            bits |= Float.floatToRawIntBits(source[from + i]);
        }
        if ((bits & 0xffff) == 0) {
            return DenseType.BF16;
        }
        for (int i = 0; i < COLUMNS; i++) {
            if (Float.float16ToFloat(Float.floatToFloat16(source[from + i])) != source[from + i]) {
                return DenseType.F32;
            }
        }
        return DenseType.F16;
    }

    /// The largest magnitude.
    float peak(float[] source, int from) {
        int largest = 0;
        for (int i = 0; i < COLUMNS; i++) {
            largest = Math.max(largest, Float.floatToRawIntBits(source[from + i]) & MAGNITUDE);
        }
        return Float.intBitsToFloat(largest);
    }

    /// Rounds all numbers to levels.
    ///
    /// @param inverse one divided by the step
    /// @return whether all are near a level
    boolean levels(float[] source, int from, float inverse, Fit fit) {
        for (int i = 0; i < COLUMNS; i++) {
            float place = source[from + i] * inverse;
            float level = place + ROUND - ROUND;
            fit.levels[i] = level;
            // At level 0 there is nothing but 0 itself.
            if (!(Math.abs(place - level) <= TOLERANCE * Math.abs(level))) {
                return false;
            }
        }
        return true;
    }

    /// Finds between which bounds the magnitude of the step must be.
    void bounds(float[] source, int from, DenseType type, Fit fit) {
        // Bounds are positive, so that their bits are ordered as they are, and comparing integers is cheaper.
        int low = 0;
        int high = INFINITE;
        int seen = 0;
        for (int i = 0; i < COLUMNS; i++) {
            int level = (int) fit.levels[i];
            int magnitude = Math.abs(level);
            seen |= 1 << level + LEVELS;
            int bits = Float.floatToRawIntBits(source[from + i]) & MAGNITUDE;
            if (bits != 0) {
                low = Math.max(low, Float.floatToRawIntBits(lower(bits, type) * INVERSE[magnitude]));
                high = Math.min(high, Float.floatToRawIntBits(upper(bits, type) * INVERSE[magnitude]));
            }
        }
        fit.low = Float.intBitsToFloat(low) * LOWERED;
        fit.high = Float.intBitsToFloat(high) * RAISED;
        fit.saw(seen);
    }

    /// The least number that rounds to a magnitude.
    private static float lower(int bits, DenseType type) {
        if (type == DenseType.BF16) {
            return Float.intBitsToFloat(bits - 0x8000 + (bits >>> 16 & 1) * OPEN);
        }
        if (type != DenseType.F16) {
            return Float.intBitsToFloat(bits);
        }
        return bits > LEAST_NORMAL_HALF ? Float.intBitsToFloat(bits - 0x1000 + (bits >>> 13 & 1) * OPEN)
                : Float.intBitsToFloat(bits) - HALF_SPACING;
    }

    /// The greatest number that rounds to a magnitude.
    private static float upper(int bits, DenseType type) {
        if (type == DenseType.BF16) {
            return Float.intBitsToFloat(bits + 0x8000 - (bits >>> 16 & 1) * OPEN);
        }
        if (type != DenseType.F16) {
            return Float.intBitsToFloat(bits);
        }
        return bits > LEAST_NORMAL_HALF ? Float.intBitsToFloat(bits + 0x1000 - (bits >>> 13 & 1) * OPEN)
                : Float.intBitsToFloat(bits) + HALF_SPACING;
    }

    /// The step within the bounds that has the least squared error, as bits; -1 where there is none.
    private int step(float[] source, int from, Fit fit) {
        int first = fit.bits(fit.low);
        if (fit.step(first) < fit.low) {
            first++;
        }
        int last = fit.bits(fit.high);
        if (fit.step(last) > fit.high) {
            last--;
        }
        last = Math.min(last, fit.largest());
        first = Math.max(first, 1);
        if (first >= last) {
            return first == last ? first : -1;
        }
        return Math.clamp(fit.bits(leastSquares(source, from, fit)), first, last);
    }

    private float leastSquares(float[] source, int from, Fit fit) {
        int squares = products(source, from, fit);
        return tree(fit.products, 0) / squares;
    }

    /// The sum of 16 numbers, as a tree, which the processor can climb side by side, and no loop, which would take longer than that.
    static float tree(float[] t, int at) {
        float even = t[at] + t[at + 8] + (t[at + 4] + t[at + 12]) + (t[at + 2] + t[at + 10] + (t[at + 6] + t[at + 14]));
        float odd = t[at + 1] + t[at + 9] + (t[at + 5] + t[at + 13]) + (t[at + 3] + t[at + 11] + (t[at + 7] + t[at + 15]));
        return even + odd;
    }

    /// Multiplies numbers and levels, and adds those of the two halves.
    ///
    /// @return the sum of the squares of all levels
    int products(float[] source, int from, Fit fit) {
        float squares = 0;
        for (int i = 0; i < COLUMNS / 2; i++) {
            float low = fit.levels[i];
            float high = fit.levels[i + COLUMNS / 2];
            fit.products[i] = source[from + i] * low + source[from + i + COLUMNS / 2] * high;
            squares += low * low + high * high;
        }
        return (int) squares;
    }

    private static boolean equal(float[] source, int from, float[] levels, float step) {
        for (int i = 0; i < COLUMNS; i++) {
            if (levels[i] * step != source[from + i]) {
                return false;
            }
        }
        return true;
    }

    /// Sum of squared differences; products of step and level are exact.
    private static double error(float[] source, int from, float[] levels, float step) {
        double sum = 0;
        for (int i = 0; i < COLUMNS; i++) {
            double difference = (double) source[from + i] - levels[i] * step;
            sum += difference * difference;
        }
        return sum;
    }

    /// Keeps a step and the levels.
    ///
    /// @param negative whether step and levels change their signs, since there is a level -8 but no level 8
    void pack(int bits, boolean negative, Fit fit) {
        int sign = negative ? -1 : 1;
        fit.found = negative ? bits | SIGN : bits;
        for (int i = 0; i < COLUMNS / 2; i++) {
            int low = sign * (int) fit.levels[i] + LEVELS;
            int high = sign * (int) fit.levels[i + COLUMNS / 2] + LEVELS;
            fit.codes[fit.at + i] = (byte) (low | high << 4);
        }
    }

    /// The step of least error for numbers on no grid.
    ///
    /// As the step shrinks, the level of a number goes up by one wherever the number passes the middle between two levels. Between two such
    /// places all levels stay, and the error is a parabola of the step whose sums change by one number at a time. So its least values over all
    /// choices of levels are visited in one sweep for each sign of the step, and of each the nearest step is the best. Steps so short that
    /// cutting off the largest number alone costs more than the ordinary recipe need no visit. Nothing else is left out, so that no step
    /// has less error, but for the last digits of the arithmetic. The ordinary recipe is kept unless that is better.
    private void search(float[] source, int from, float peak, Fit fit) {
        ordinary(source, from, fit);
        double ordinary = error(source, from, fit);
        double norm = 0;
        for (int i = 0; i < COLUMNS; i++) {
            norm += (double) source[from + i] * source[from + i];
        }
        int places = places(source, from, (float) ((peak - Math.sqrt(ordinary)) / LEVELS) * LOWERED, fit);
        // The squared error is the norm less what a step gains.
        double most = Math.max(0, norm - ordinary);
        int best = 0;
        for (int sign = 1; sign >= -1; sign -= 2) {
            double product = 0;
            double squares = 0;
            for (int i = 0; i < places; i++) {
                int element = (int) fit.places[i] & COLUMNS - 1;
                int level = (int) fit.places[i] >>> 5 & 15;
                float value = source[from + element] * sign;
                if (level == LEVELS && value > 0) {
                    continue;
                }
                product += Math.abs(value);
                squares += 2 * level - 1;
                if (product * product > most * squares) {
                    int bits = Math.min(fit.bits((float) (product / squares)), fit.largest());
                    double step = fit.step(bits);
                    double gain = step * (2 * product - step * squares);
                    if (gain > most) {
                        most = gain;
                        best = sign > 0 ? bits : bits | SIGN;
                    }
                }
            }
        }
        if ((best & ~SIGN) != 0) {
            float step = fit.step(best);
            for (int i = 0; i < COLUMNS; i++) {
                fit.levels[i] = nearest(source[from + i] / step);
            }
            if (error(source, from, fit.levels, step) < ordinary) {
                pack(best, false, fit);
            }
        }
    }

    /// Lists the inverses of steps at which the level of a number goes up, the least first: in the upper half of each the inverse, as bits, in
    /// the lower half the number's index and its new level.
    ///
    /// @param shortest step that matters; where it is not positive, all do
    private static int places(float[] source, int from, float shortest, Fit fit) {
        float end = shortest > 0 ? 1 / shortest : Float.POSITIVE_INFINITY;
        int count = 0;
        for (int i = 0; i < COLUMNS; i++) {
            float unit = 1 / Math.abs(source[from + i]);
            for (int level = 1; level <= LEVELS; level++) {
                float place = (level - 0.5f) * unit;
                // False for a number of 0 too, whose places are infinite.
                if (!(place < end)) {
                    break;
                }
                fit.places[count++] = (long) Float.floatToRawIntBits(place) << 32 | level << 5 | i;
            }
        }
        Arrays.sort(fit.places, 0, count);
        return count;
    }

    private static float nearest(float place) {
        return Math.clamp((float) Math.rint(place), -LEVELS, LEVELS - 1);
    }

    /// Squared error of the codes and the step that are kept.
    private static double error(float[] source, int from, Fit fit) {
        float step = fit.step(fit.found);
        double sum = 0;
        for (int i = 0; i < COLUMNS; i++) {
            int pair = fit.codes[fit.at + i % (COLUMNS / 2)];
            double difference = (double) source[from + i] - ((i < COLUMNS / 2 ? pair & 15 : pair >> 4 & 15) - LEVELS) * step;
            sum += difference * difference;
        }
        return sum;
    }
}
