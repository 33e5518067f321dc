package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.Grid;
import java.util.Arrays;
import java.util.Set;

/// The search for a grid in one block of numbers that share a step. Working memory that is used again for the next block; not safe for several
/// threads.
///
/// Numbers on a grid are rounded products of a step and a whole number. For each level at which the largest magnitude may be, the step lies in
/// a known interval, and each further magnitude cuts out of it the pieces in which it is a rounded product too. What is left, if anything,
/// are exactly the steps that return the block. A grid that is shifted by any number is searched for likewise, with the distance of the
/// extremes for the largest magnitude; its steps are bounded by all pairs of numbers.
final class GridBlock {
    /// Most levels on one side: those of a grid of 8 bits whose zero is at an end.
    static final int MOST_LEVELS = 255;
    /// Pieces of an interval that are kept. There are more only where the grid is finer than the numbers, which says nothing anyway.
    private static final int PIECES = 64;

    private final Roundings type;
    private final double unitOfData;
    private int[] bits = new int[0];
    private double[] values = new double[0];
    private double[] lower = new double[0];
    private double[] upper = new double[0];
    private int count;
    private double most;
    private double least;
    private double[] lows = new double[PIECES];
    private double[] highs = new double[PIECES];
    private double[] nextLows = new double[PIECES];
    private double[] nextHighs = new double[PIECES];
    private int pieces;
    private int level;

    /// A search among numbers of a type.
    ///
    /// @param significant binary digits that the numbers really have; fewer than the type's make a grid less of a surprise
    GridBlock(Roundings type, int significant) {
        this.type = type;
        this.unitOfData = Math.scalb(1.0, type.digits() - Math.min(significant, type.digits()));
    }

    /// Takes the next block.
    void load(float[] source, int from, int length, boolean shifted) {
        if (bits.length < length) {
            bits = new int[length];
            values = new double[length];
            lower = new double[length];
            upper = new double[length];
        }
        most = 0;
        least = 0;
        for (int i = 0; i < length; i++) {
            float value = source[from + i];
            most = Math.max(most, value);
            least = Math.min(least, value);
            bits[i] = shifted ? ordered(value + 0f) : Float.floatToRawIntBits(value) & 0x7fffffff;
        }
        Arrays.sort(bits, 0, length);
        count = 0;
        for (int i = 0; i < length; i++) {
            if ((shifted || bits[i] != 0) && (i == 0 || bits[i] != bits[i - 1])) {
                bits[count++] = bits[i];
            }
        }
        pieces = 0;
        for (int i = 0; i < count && count <= MOST_LEVELS + 1; i++) {
            double value = shifted ? Float.intBitsToFloat(ordered(bits[i])) : Float.intBitsToFloat(bits[i]);
            values[i] = value;
            if (value == 0) {
                lower[i] = 0;
                upper[i] = 0;
            } else {
                lower[i] = value > 0 ? type.lower(value) : -type.upper(-value);
                upper[i] = value > 0 ? type.upper(value) : -type.lower(-value);
            }
        }
    }

    /// Bits that are ordered as the numbers are; its own inverse.
    private static int ordered(float value) {
        return ordered(Float.floatToRawIntBits(value));
    }

    private static int ordered(int bits) {
        return bits ^ bits >> 31 & 0x7fffffff;
    }

    /// Whether all numbers are finite.
    boolean finite() {
        return most < Double.POSITIVE_INFINITY && least > Double.NEGATIVE_INFINITY && !Double.isNaN(most) && !Double.isNaN(least);
    }

    /// Whether there are enough different numbers for a grid to show: all blocks of fewer lie on one.
    boolean informative(boolean shifted) {
        return count > (shifted ? 2 : 1);
    }

    /// Finds the longest step, with levels on either side of 0.
    ///
    /// @return whether there is one
    boolean fit(int mostLevels) {
        if (count == 0) {
            level = 0;
            pieces = 0;
            return true;
        }
        for (level = count; level <= mostLevels; level++) {
            if (stepsAt(level)) {
                return true;
            }
        }
        return false;
    }

    private boolean stepsAt(int top) {
        int last = count - 1;
        lows[0] = lower[last] / top;
        highs[0] = upper[last] / top;
        pieces = 1;
        for (int i = 0; i < last && pieces > 0; i++) {
            int next = 0;
            for (int piece = 0; piece < pieces; piece++) {
                int first = Math.max(1, (int) Math.ceil(lower[i] / highs[piece]));
                int end = (int) Math.floor(upper[i] / lows[piece]);
                for (int q = first; q <= end && next < PIECES; q++) {
                    double low = Math.max(lows[piece], lower[i] / q);
                    double high = Math.min(highs[piece], upper[i] / q);
                    if (low <= high) {
                        nextLows[next] = low;
                        nextHighs[next++] = high;
                    }
                }
            }
            double[] spareLows = lows;
            double[] spareHighs = highs;
            lows = nextLows;
            highs = nextHighs;
            nextLows = spareLows;
            nextHighs = spareHighs;
            pieces = next;
        }
        return pieces > 0 && holds(Roundings.F32);
    }

    /// Finds the longest step of a grid that is shifted by any number.
    boolean fitShifted(int mostLevels) {
        level = 0;
        pieces = 0;
        if (count <= 1) {
            return true;
        }
        double span = values[count - 1] - values[0];
        double blur = Math.max(upper[0] - lower[0], upper[count - 1] - lower[count - 1]);
        for (level = count - 1; level <= mostLevels; level++) {
            double step = span / level;
            int before = -1;
            int i = 0;
            for (; i < count; i++) {
                double place = (values[i] - values[0]) / step;
                int q = (int) Math.rint(place);
                double reach = (upper[i] - lower[i] + blur) * 0.51 / step;
                if (reach > 0.4 || Math.abs(place - q) > reach || q <= before) {
                    break;
                }
                before = q;
            }
            if (i == count && shiftedSteps(step)) {
                return true;
            }
        }
        return false;
    }

    /// For each step there must be a shift within all bounds, which is so when there is one for each pair of numbers.
    private boolean shiftedSteps(double step) {
        double low = 0;
        double high = Double.POSITIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            double from = Math.rint((values[i] - values[0]) / step);
            for (int j = i + 1; j < count; j++) {
                double distance = Math.rint((values[j] - values[0]) / step) - from;
                low = Math.max(low, (lower[j] - upper[i]) / distance);
                high = Math.min(high, (upper[j] - lower[i]) / distance);
            }
        }
        lows[0] = low;
        highs[0] = high;
        pieces = low <= high ? 1 : 0;
        return pieces > 0;
    }

    /// Whether a number type holds a step that returns the block.
    boolean holds(Roundings scale) {
        for (int i = 0; i < pieces; i++) {
            if (scale.between(lows[i], highs[i])) {
                return true;
            }
        }
        return pieces == 0;
    }

    /// A step that returns the block; 0 where any does.
    double step() {
        return pieces == 0 ? 0 : (lows[0] + highs[0]) / 2;
    }

    /// Whether a step is among those that return the block.
    boolean returnedBy(double step) {
        for (int i = 0; i < pieces; i++) {
            if (step >= lows[i] * (1 - 0x1p-20) && step <= highs[i] * (1 + 0x1p-20)) {
                return true;
            }
        }
        return pieces == 0;
    }

    /// Bits that codes need on the grid that was found; 2 at least.
    int bits(Grid.Zero zero) {
        double step = step();
        int above = step == 0 ? 0 : (int) Math.rint(most / step);
        int below = step == 0 ? 0 : (int) Math.rint(-least / step);
        int needed = 2;
        switch (zero) {
            // A step of the other sign lets either side have the further level.
            case NONE -> {
                while (Math.max(above, below) > 1 << needed - 1 || Math.min(above, below) >= 1 << needed - 1) {
                    needed++;
                }
            }
            case INTEGER -> {
                while (above + below + 1 > 1 << needed) {
                    needed++;
                }
            }
            case MINIMUM -> {
                while (level + 1 > 1 << needed) {
                    needed++;
                }
            }
        }
        return needed;
    }

    /// How surprising the fit is, as the negative binary logarithm of its probability among random numbers of this type. Only magnitudes that
    /// no block before had count, since equal numbers in many blocks say no more than in one.
    double surprise(Set<Integer> seen, boolean shifted) {
        double step = step();
        int last = count - 1;
        double sum = 0;
        // The extremes gave the step, and so are no surprise.
        for (int i = shifted ? 1 : 0; i < last; i++) {
            if (seen.add(bits[i]) && values[i] != 0) {
                double blur = shifted ? spacing(values[0]) + spacing(values[last]) : spacing(values[last]) * values[i] / values[last];
                sum += Math.max(0, Math.log(step / (spacing(values[i]) + blur)) / Math.log(2));
            }
        }
        return sum;
    }

    private double spacing(double value) {
        return value == 0 ? 0 : type.spacing(Math.abs(value)) * unitOfData;
    }
}
