package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.gguf.encoding.internal.ExactKernel.Source;

/// Finds for 32 numbers the step and the levels of `Q4_0` that return them.
///
/// A block that lies on the grid has its largest magnitude at one of the levels 1 to 8. Each is tried: it gives the other levels, and every
/// number then says between which bounds the step must be for the product to round to that number. The steps of half precision within all
/// bounds are all that return the block; one next to the step of least squares has the least error of them. The levels are certain,
/// because rounding to BF16 moves a quotient by a sixteenth at most.
///
/// Where no level fits, a search finds the step of least error.
class Q4_0Exact {
    static final int COLUMNS = Q4_0Kernel.COLUMNS;
    /// How far a quotient on the grid may be from its level, relatively: two roundings to BF16, and something for the arithmetic.
    static final float TOLERANCE = 0.0079f;
    /// Added and taken away again, rounds to the nearest integer.
    static final float ROUND = 12582912f;
    /// Keeps a bound that itself rounds elsewhere out of reach. Products of step and level have 15 bits, so none lies in between.
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
    /// `OTHERS[m][set]`: the levels, as bits, at which the largest magnitude could be as well when it is at m and the magnitudes of the other
    /// numbers' levels are the bits of the set.
    static final int[][] OTHERS = others();
    private static final float[] INVERSE = {1, 1, 1 / 2f, 1 / 3f, 1 / 4f, 1 / 5f, 1 / 6f, 1 / 7f, 1 / 8f};
    /// From here on, the step rounds to infinite in half precision even where the largest magnitude is at level 8.
    private static final float INFINITE_STEP = 65_520f * LEVELS;

    private static int[][] others() {
        int[][] table = new int[LEVELS + 1][1 << LEVELS + 1];
        for (int m = 1; m <= LEVELS; m++) {
            java.util.Arrays.fill(table[m], (1 << LEVELS + 1) - 1);
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

    /// What is known of a block at one level of its largest magnitude.
    static final class Fit {
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

    /// Turns numbers into blocks, see [ExactKernel#encodeExact].
    void encodeAll(float[] source, int from, Source type, byte[] blocks, int at, int count) {
        Fit fit = new Fit();
        for (int i = 0; i < count; i++) {
            encode(source, from + i * COLUMNS, type, blocks, at + i * Q4_0Kernel.BYTES, fit);
        }
    }

    /// Turns numbers into a block.
    void encode(float[] source, int from, Source type, byte[] blocks, int block, Fit fit) {
        float peak = peak(source, from);
        // Nothing to find where all numbers vanish in half precision, and nothing to hold where the largest passes it.
        if (peak < HALF_SPACING || peak >= INFINITE_STEP) {
            Q4_0Kernel.encodeBlock(source, from, blocks, block);
            return;
        }
        Source narrowest = type == Source.UNKNOWN || type == Source.F32 ? narrowest(source, from) : type;
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
            int half = step(source, from, fit);
            if (half < 0 || narrowest == Source.F32 && !equal(source, from, fit.levels, Float.float16ToFloat((short) half))) {
                continue;
            }
            untried &= OTHERS[level][fit.magnitudes] & (1 << level) - 1;
            if (untried == 0 && least == Double.POSITIVE_INFINITY) {
                pack(fit.levels, half, fit.atPlusEight, blocks, block);
                return;
            }
            // At even error the lower level, that is the longer step, is the simpler description.
            double error = error(source, from, fit.levels, Float.float16ToFloat((short) half));
            if (error <= least) {
                least = error;
                pack(fit.levels, half, fit.atPlusEight, blocks, block);
            }
        }
        if (least == Double.POSITIVE_INFINITY) {
            search(source, from, peak, fit, blocks, block);
        }
    }

    /// The narrowest type that holds all numbers.
    private static Source narrowest(float[] source, int from) {
        int bits = 0;
        for (int i = 0; i < COLUMNS; i++) {
            bits |= Float.floatToRawIntBits(source[from + i]);
        }
        if ((bits & 0xffff) == 0) {
            return Source.BF16;
        }
        for (int i = 0; i < COLUMNS; i++) {
            if (Float.float16ToFloat(Float.floatToFloat16(source[from + i])) != source[from + i]) {
                return Source.F32;
            }
        }
        return Source.F16;
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
    void bounds(float[] source, int from, Source type, Fit fit) {
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
    private static float lower(int bits, Source type) {
        return switch (type) {
            case BF16 -> Float.intBitsToFloat(bits - 0x8000 + (bits >>> 16 & 1) * OPEN);
            case F16 -> bits > LEAST_NORMAL_HALF ? Float.intBitsToFloat(bits - 0x1000 + (bits >>> 13 & 1) * OPEN)
                    : Float.intBitsToFloat(bits) - HALF_SPACING;
            case F32, UNKNOWN -> Float.intBitsToFloat(bits);
        };
    }

    /// The greatest number that rounds to a magnitude.
    private static float upper(int bits, Source type) {
        return switch (type) {
            case BF16 -> Float.intBitsToFloat(bits + 0x8000 - (bits >>> 16 & 1) * OPEN);
            case F16 -> bits > LEAST_NORMAL_HALF ? Float.intBitsToFloat(bits + 0x1000 - (bits >>> 13 & 1) * OPEN)
                    : Float.intBitsToFloat(bits) + HALF_SPACING;
            case F32, UNKNOWN -> Float.intBitsToFloat(bits);
        };
    }

    /// The step of half precision within the bounds that has the least squared error, as bits; -1 where there is none.
    private int step(float[] source, int from, Fit fit) {
        int first = Float.floatToFloat16(fit.low);
        if (Float.float16ToFloat((short) first) < fit.low) {
            first++;
        }
        int last = Float.floatToFloat16(fit.high);
        if (Float.float16ToFloat((short) last) > fit.high) {
            last--;
        }
        last = Math.min(last, LARGEST_HALF);
        first = Math.max(first, 1);
        if (first >= last) {
            return first == last ? first : -1;
        }
        return Math.clamp(Float.floatToFloat16(leastSquares(source, from, fit)), first, last);
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

    /// Writes a block.
    ///
    /// @param negative whether step and levels change their signs, since there is a level -8 but no level 8
    void pack(float[] levels, int half, boolean negative, byte[] blocks, int block) {
        int sign = negative ? -1 : 1;
        Bytes.putI16(blocks, block, negative ? half | 0x8000 : half);
        for (int i = 0; i < COLUMNS / 2; i++) {
            int low = sign * (int) levels[i] + LEVELS;
            int high = sign * (int) levels[i + COLUMNS / 2] + LEVELS;
            blocks[block + Q4_0Kernel.CODES + i] = (byte) (low | high << 4);
        }
    }

    /// The step of least error for numbers on no grid.
    ///
    /// As the step shrinks, the level of a number goes up by one wherever the number passes the middle between two levels. Between two such
    /// places all levels stay, and the error is a parabola of the step whose sums change by one number at a time. So its least values over all
    /// choices of levels are visited in one sweep for each sign of the step, and of each the nearest half is the best. Steps so short that
    /// cutting off the largest number alone costs more than the ordinary recipe need no visit. Nothing else is left out, so that no step of
    /// half precision has less error, but for the last digits of the arithmetic. The ordinary recipe is kept unless that is better.
    private static void search(float[] source, int from, float peak, Fit fit, byte[] blocks, int block) {
        Q4_0Kernel.encodeBlock(source, from, blocks, block);
        double ordinary = error(source, from, blocks, block);
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
                    int half = Math.min(Float.floatToFloat16((float) (product / squares)), LARGEST_HALF);
                    double step = Float.float16ToFloat((short) half);
                    double gain = step * (2 * product - step * squares);
                    if (gain > most) {
                        most = gain;
                        best = sign > 0 ? half : half | 0x8000;
                    }
                }
            }
        }
        if ((best & 0x7fff) != 0) {
            float step = Float.float16ToFloat((short) best);
            for (int i = 0; i < COLUMNS; i++) {
                fit.levels[i] = nearest(source[from + i] / step);
            }
            if (error(source, from, fit.levels, step) < ordinary) {
                write(fit.levels, best, blocks, block);
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
        java.util.Arrays.sort(fit.places, 0, count);
        return count;
    }

    private static float nearest(float place) {
        return Math.clamp((float) Math.rint(place), -LEVELS, LEVELS - 1);
    }

    private static void write(float[] levels, int half, byte[] blocks, int block) {
        Bytes.putI16(blocks, block, half);
        for (int i = 0; i < COLUMNS / 2; i++) {
            int low = (int) levels[i] + LEVELS;
            int high = (int) levels[i + COLUMNS / 2] + LEVELS;
            blocks[block + Q4_0Kernel.CODES + i] = (byte) (low | high << 4);
        }
    }

    /// Squared error of a block that is written.
    private static double error(float[] source, int from, byte[] blocks, int block) {
        float step = Bytes.half(blocks, block);
        double sum = 0;
        for (int i = 0; i < COLUMNS; i++) {
            int pair = blocks[block + Q4_0Kernel.CODES + i % (COLUMNS / 2)];
            double difference = (double) source[from + i] - ((i < COLUMNS / 2 ? pair & 15 : pair >> 4 & 15) - LEVELS) * step;
            sum += difference * difference;
        }
        return sum;
    }
}
