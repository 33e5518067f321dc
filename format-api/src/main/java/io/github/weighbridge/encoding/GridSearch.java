package io.github.weighbridge.encoding;

/// Finds for 32 numbers the step and the levels from -8 to 7 that return them: the recipe `exact` of 4-bit codes in groups of 32. Steps are
/// numbers of half precision or of BF16, of either sign; with half precision they are, for groups that lie on the grid, those of
/// GGML's Q4_0 by its exact recipe.
///
/// A group that lies on the grid has its largest magnitude at one of the levels 1 to 8. Each is tried: it gives the other levels, and every
/// number then says between which bounds the step must be for the product to round to that number. The steps within all bounds are all that
/// return the group; one next to the step of least squares has the least error of them. The levels are certain, because rounding to BF16 moves a
/// quotient by a sixteenth at most. Where no level fits, a search finds a step of little error. For use by one thread.
final class GridSearch {
    static final int COLUMNS = 32;
    private static final int LEVELS = 8;
    /// How far a quotient on the grid may be from its level, relatively: two roundings to BF16, and something for the arithmetic.
    private static final float TOLERANCE = 0.0079f;
    /// Added and taken away again, rounds to the nearest integer.
    private static final float ROUND = 12582912f;
    /// Where the search puts the largest magnitude. Between the levels, since numbers that are on no grid need not be on one.
    private static final float[] PLACES = {1, 2, 3, 4, 4.5f, 5, 5.5f, 6, 6.25f, 6.5f, 6.75f, 7, 7.25f, 7.5f, 7.75f, 8, 8.25f, 8.5f, 9};
    /// Above this, the sign of the step decides which numbers are cut off.
    private static final float CUT = 7.4f;
    private static final int NEIGHBOURS = 2;

    private final boolean half;
    private final DenseType source;
    private final float[] levels = new float[COLUMNS];
    private final float[] best = new float[COLUMNS];
    private double low;
    private double high;

    /// @param scale F16 or BF16
    /// @param source the type that numbers had where they came from; F32 where that is not known
    GridSearch(DenseType scale, DenseType source) {
        this.half = scale == DenseType.F16;
        this.source = source;
    }

    private float step(int bits) {
        return half ? Float.float16ToFloat((short) bits) : SmallFloats.fromBf16((short) bits);
    }

    /// The bits of the nearest step.
    private int bits(float step) {
        return (half ? Float.floatToFloat16(step) : SmallFloats.toBf16(step)) & 0xffff;
    }

    private int largest() {
        return half ? 0x7bff : 0x7f7f;
    }

    /// Finds step and levels.
    ///
    /// @param codes receives the levels from `at` on
    /// @return the step
    /// @throws ArithmeticException when the step would pass the largest number of its type
    float find(float[] numbers, int from, byte[] codes, int at) {
        float peak = 0;
        for (int i = from; i < from + COLUMNS; i++) {
            peak = Math.max(peak, Math.abs(numbers[i]));
        }
        // Nothing to find where all numbers vanish in half precision.
        if (half && peak < 0x1p-25f || peak == 0) {
            float step = ordinary(numbers, from, peak);
            put(codes, at);
            return step;
        }
        if (half && peak >= 65_520f * LEVELS) {
            throw new ArithmeticException("its scale would pass 65504, the largest finite number of half precision");
        }
        DenseType type = source == DenseType.F32 ? narrowest(numbers, from) : source;
        double least = Double.POSITIVE_INFINITY;
        float found = 0;
        // From 8 downward; at even error the lower level, that is the longer step, is the simpler description.
        for (int level = LEVELS; level > 0; level--) {
            if (!onLevels(numbers, from, level / peak)) {
                continue;
            }
            bounds(numbers, from, type);
            boolean plus = contains(LEVELS);
            if (low > high || plus && contains(-LEVELS)) {
                continue;
            }
            int bits = stepWithin(numbers, from);
            if (bits < 0 || type == DenseType.F32 && !equal(numbers, from, step(bits))) {
                continue;
            }
            double error = error(numbers, from, levels, step(bits));
            if (error <= least) {
                least = error;
                // Level 8 does not exist; with the other sign it is -8.
                float sign = plus ? -1 : 1;
                found = sign * step(bits);
                for (int i = 0; i < COLUMNS; i++) {
                    best[i] = sign * levels[i];
                }
            }
        }
        if (least == Double.POSITIVE_INFINITY) {
            found = search(numbers, from, peak);
        }
        put(codes, at);
        return found;
    }

    private void put(byte[] codes, int at) {
        for (int i = 0; i < COLUMNS; i++) {
            codes[at + i] = (byte) best[i];
        }
    }

    /// The rule of Q4_0: the first number of the largest magnitude is at level -8.
    ///
    /// @return the step; the levels are in `best`
    private float ordinary(float[] numbers, int from, float peak) {
        float extremum = numbers[from];
        for (int i = from; i < from + COLUMNS; i++) {
            if (Math.abs(numbers[i]) == peak) {
                extremum = numbers[i];
                break;
            }
        }
        float step = (peak == 0 ? 0 : extremum) / -LEVELS;
        float inverse = step == 0 ? 0 : 1 / step;
        for (int i = 0; i < COLUMNS; i++) {
            best[i] = Math.min(2 * LEVELS - 1, (int) (numbers[from + i] * inverse + (LEVELS + 0.5f))) - LEVELS;
        }
        return step(bits(step));
    }

    /// The narrowest type that holds all numbers.
    private static DenseType narrowest(float[] numbers, int from) {
        int bits = 0;
        boolean halves = true;
        for (int i = from; i < from + COLUMNS; i++) {
            bits |= Float.floatToRawIntBits(numbers[i]);
            halves &= Float.float16ToFloat(Float.floatToFloat16(numbers[i])) == numbers[i];
        }
        return (bits & 0xffff) == 0 ? DenseType.BF16 : halves ? DenseType.F16 : DenseType.F32;
    }

    /// Rounds all numbers to levels.
    ///
    /// @param inverse one divided by the step
    /// @return whether all are near a level
    private boolean onLevels(float[] numbers, int from, float inverse) {
        for (int i = 0; i < COLUMNS; i++) {
            float place = numbers[from + i] * inverse;
            float level = place + ROUND - ROUND;
            levels[i] = level;
            // At level 0 there is nothing but 0 itself.
            if (!(Math.abs(place - level) <= TOLERANCE * Math.abs(level))) {
                return false;
            }
        }
        return true;
    }

    private boolean contains(int level) {
        for (float one : levels) {
            if (one == level) {
                return true;
            }
        }
        return false;
    }

    /// Finds between which bounds the magnitude of the step must be. In double precision, where a product of a step and a level, and half the
    /// distance of two numbers, are exact.
    private void bounds(float[] numbers, int from, DenseType type) {
        low = 0;
        high = Double.POSITIVE_INFINITY;
        for (int i = 0; i < COLUMNS; i++) {
            float magnitude = Math.abs(numbers[from + i]);
            if (magnitude == 0) {
                continue;
            }
            double level = Math.abs(levels[i]);
            int bits = Float.floatToRawIntBits(magnitude);
            double below = magnitude;
            double above = magnitude;
            boolean even = true;
            if (type == DenseType.BF16) {
                below = ((double) magnitude + Float.intBitsToFloat(bits - 0x10000)) / 2;
                above = bits >= 0x7f7f0000 ? Double.POSITIVE_INFINITY : ((double) magnitude + Float.intBitsToFloat(bits + 0x10000)) / 2;
                even = (bits >>> 16 & 1) == 0;
            } else if (type == DenseType.F16) {
                int own = Float.floatToFloat16(magnitude) & 0xffff;
                below = ((double) magnitude + Float.float16ToFloat((short) (own - 1))) / 2;
                above = own >= 0x7bff ? 65_520 : ((double) magnitude + Float.float16ToFloat((short) (own + 1))) / 2;
                even = (own & 1) == 0;
            }
            // A tie rounds to the even number.
            low = Math.max(low, even ? below / level : Math.nextUp(below / level));
            high = Math.min(high, even ? above / level : Math.nextDown(above / level));
        }
    }

    /// The step within the bounds that has the least squared error, as bits; -1 where there is none.
    private int stepWithin(float[] numbers, int from) {
        int first = bits((float) low);
        while (step(first) < low) {
            first++;
        }
        while (first > 1 && step(first - 1) >= low) {
            first--;
        }
        int last = high > step(largest()) ? largest() : bits((float) high);
        while (last > 0 && step(last) > high) {
            last--;
        }
        while (last < largest() && step(last + 1) <= high) {
            last++;
        }
        first = Math.max(first, 1);
        if (first >= last) {
            return first == last ? first : -1;
        }
        return Math.clamp(bits(leastSquares(numbers, from, levels)), first, last);
    }

    private static float leastSquares(float[] numbers, int from, float[] levels) {
        float[] t = new float[COLUMNS / 2];
        float squares = 0;
        for (int i = 0; i < COLUMNS / 2; i++) {
            float a = levels[i];
            float b = levels[i + COLUMNS / 2];
            t[i] = numbers[from + i] * a + numbers[from + i + COLUMNS / 2] * b;
            squares += a * a + b * b;
        }
        float even = t[0] + t[8] + (t[4] + t[12]) + (t[2] + t[10] + (t[6] + t[14]));
        float odd = t[1] + t[9] + (t[5] + t[13]) + (t[3] + t[11] + (t[7] + t[15]));
        return (even + odd) / (int) squares;
    }

    private boolean equal(float[] numbers, int from, float step) {
        for (int i = 0; i < COLUMNS; i++) {
            if (levels[i] * step != numbers[from + i]) {
                return false;
            }
        }
        return true;
    }

    /// Sum of squared differences; products of step and level are exact.
    private static double error(float[] numbers, int from, float[] levels, float step) {
        double sum = 0;
        for (int i = 0; i < COLUMNS; i++) {
            double difference = (double) numbers[from + i] - levels[i] * step;
            sum += difference * difference;
        }
        return sum;
    }

    /// A step of little error for numbers on no grid: the best of some places of the largest magnitude, refined by least squares and among its
    /// neighbours. Begins with the rule of Q4_0, that the largest magnitude is at level -8.
    private float search(float[] numbers, int from, float peak) {
        float found = ordinary(numbers, from, peak);
        double least = error(numbers, from, best, found);
        float start = peak / LEVELS;
        double most = -1;
        for (float place : PLACES) {
            for (int sign = 1; sign >= (place > CUT ? -1 : 1); sign -= 2) {
                nearest(numbers, from, sign * place / peak);
                double product = 0;
                double squares = 0;
                for (int i = 0; i < COLUMNS; i++) {
                    product += (double) numbers[from + i] * levels[i];
                    squares += levels[i] * levels[i];
                }
                // The squared error is the sum of squares less this.
                double gain = squares > 0 ? product * product / squares : 0;
                if (gain > most) {
                    most = gain;
                    start = squares > 0 ? (float) (product / squares) : peak / LEVELS;
                }
            }
        }
        for (boolean better = true; better;) {
            better = false;
            int centre = bits(start);
            for (int bits = centre - NEIGHBOURS; bits <= centre + NEIGHBOURS; bits++) {
                // No neighbour of another sign, of no size or without end.
                if ((bits & 0x8000) != (centre & 0x8000) || (bits & 0x7fff) == 0 || (bits & 0x7fff) > largest()) {
                    continue;
                }
                float step = step(bits);
                for (int i = 0; i < COLUMNS; i++) {
                    levels[i] = Math.clamp((float) Math.rint(numbers[from + i] / step), -LEVELS, LEVELS - 1);
                }
                double error = error(numbers, from, levels, step);
                if (error < least) {
                    least = error;
                    found = step;
                    System.arraycopy(levels, 0, best, 0, COLUMNS);
                    start = leastSquares(numbers, from, levels);
                    better = true;
                }
            }
        }
        return found;
    }

    private void nearest(float[] numbers, int from, float inverse) {
        for (int i = 0; i < COLUMNS; i++) {
            levels[i] = Math.clamp((float) Math.rint(numbers[from + i] * inverse), -LEVELS, LEVELS - 1);
        }
    }
}
