package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.Grid;

/// What the numbers of a tensor are like. Sums are in double precision and joined in a fixed order.
///
/// @param count numbers
/// @param nan numbers that are none
/// @param infinite infinite numbers
/// @param beyondHalf finite numbers that half precision would make infinite
/// @param zeros numbers that are 0
/// @param smallest least number, of the finite ones
/// @param largest greatest number, of the finite ones
/// @param sum sum of the finite numbers
/// @param squares sum of their squares
/// @param outliers numbers of more than six times the root mean square of their row
/// @param rows rows, or parts of rows where they are longer than what is read in one go
/// @param zeroRows rows that are all 0
/// @param codes what their codes are like; all 0 where there are none
public record ValueSums(long count, long nan, long infinite, long beyondHalf, long zeros, float smallest, float largest, double sum,
        double squares, long outliers, long rows, long zeroRows, CodeSums codes) {
    /// What codes and scales are like.
    ///
    /// @param count codes
    /// @param atLeast codes that are the lowest level
    /// @param atMost codes that are the highest level
    /// @param scales scales, one for each group of a row
    /// @param zeroScales scales that are 0
    /// @param negativeScales scales below 0
    /// @param smallestScale least absolute value of a scale that is not 0; infinite where there is none
    /// @param largestScale greatest absolute value
    public record CodeSums(long count, long atLeast, long atMost, long scales, long zeroScales, long negativeScales, float smallestScale,
            float largestScale) {
        /// No codes.
        public static final CodeSums NONE = new CodeSums(0, 0, 0, 0, 0, 0, Float.POSITIVE_INFINITY, 0);

        /// The sums of both.
        public CodeSums and(CodeSums next) {
            return new CodeSums(count + next.count, atLeast + next.atLeast, atMost + next.atMost, scales + next.scales,
                    zeroScales + next.zeroScales, negativeScales + next.negativeScales, Math.min(smallestScale, next.smallestScale),
                    Math.max(largestScale, next.largestScale));
        }

        /// Share of codes at one of the two ends of their range, where what was larger would have been cut.
        public double atBounds() {
            return count == 0 ? 0 : (double) (atLeast + atMost) / count;
        }

        /// Of the codes of a region.
        public static CodeSums of(Codes codes, Grid.Levels.Range levels) {
            int count = codes.rows() * codes.columns();
            byte low = (byte) levels.minimum();
            byte high = (byte) levels.maximum();
            int atLeast = 0;
            int atMost = 0;
            byte[] all = codes.codes();
            for (int i = 0; i < count; i++) {
                atLeast += all[i] == low ? 1 : 0;
                atMost += all[i] == high ? 1 : 0;
            }
            int scales = codes.rows() * codes.groups();
            int zero = 0;
            int negative = 0;
            float smallest = Float.POSITIVE_INFINITY;
            float largest = 0;
            for (int i = 0; i < scales; i++) {
                float magnitude = Math.abs(codes.scales()[i]);
                negative += codes.scales()[i] < 0 ? 1 : 0;
                zero += magnitude == 0 ? 1 : 0;
                smallest = magnitude > 0 ? Math.min(smallest, magnitude) : smallest;
                largest = Math.max(largest, magnitude);
            }
            return new CodeSums(count, atLeast, atMost, scales, zero, negative, smallest, largest);
        }
    }

    /// Of no numbers.
    public static final ValueSums NONE =
            new ValueSums(0, 0, 0, 0, 0, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0, 0, 0, 0, 0, CodeSums.NONE);

    /// How many times the root mean square of its row an outlier exceeds.
    public static final double OUTLIER = 6;
    /// The least number that rounds to infinity in half precision.
    private static final float HALF_OVERFLOW = 65_520;

    /// The sums of both.
    public ValueSums and(ValueSums next) {
        return new ValueSums(count + next.count, nan + next.nan, infinite + next.infinite, beyondHalf + next.beyondHalf, zeros + next.zeros,
                Math.min(smallest, next.smallest), Math.max(largest, next.largest), sum + next.sum, squares + next.squares,
                outliers + next.outliers, rows + next.rows, zeroRows + next.zeroRows, codes.and(next.codes));
    }

    /// A copy with what codes are like.
    public ValueSums with(CodeSums sums) {
        return new ValueSums(count, nan, infinite, beyondHalf, zeros, smallest, largest, sum, squares, outliers, rows, zeroRows, sums);
    }

    /// Root of the mean of the squares of the finite numbers.
    public double rms() {
        long finite = count - nan - infinite;
        return finite == 0 ? 0 : Math.sqrt(squares / finite);
    }

    /// Largest absolute value of a finite number; 0 where there is none.
    public double peak() {
        return count == nan + infinite ? 0 : Math.max(Math.abs((double) smallest), Math.abs((double) largest));
    }

    /// Of rows of numbers, one behind the other.
    public static ValueSums of(float[] numbers, int count, int columns) {
        ValueSums all = NONE;
        for (int row = 0; row < count; row += columns) {
            all = all.and(row(numbers, row, Math.min(count, row + columns)));
        }
        return all;
    }

    private static ValueSums row(float[] numbers, int begin, int end) {
        double sum = 0;
        double squares = 0;
        float least = Float.POSITIVE_INFINITY;
        float most = Float.NEGATIVE_INFINITY;
        int nan = 0;
        int infinite = 0;
        int zeros = 0;
        for (int i = begin; i < end; i++) {
            float number = numbers[i];
            if (Math.abs(number) <= Float.MAX_VALUE) {
                sum += number;
                squares += (double) number * number;
                least = Math.min(least, number);
                most = Math.max(most, number);
                zeros += number == 0 ? 1 : 0;
            } else if (Float.isNaN(number)) {
                nan++;
            } else {
                infinite++;
            }
        }
        int finite = end - begin - nan - infinite;
        double peak = finite == 0 ? 0 : Math.max(Math.abs(least), Math.abs(most));
        double limit = finite == 0 ? 0 : OUTLIER * Math.sqrt(squares / finite);
        int outliers = peak > limit ? beyond(numbers, begin, end, limit, false) : 0;
        int beyondHalf = peak >= HALF_OVERFLOW ? beyond(numbers, begin, end, HALF_OVERFLOW, true) : 0;
        return new ValueSums(end - begin, nan, infinite, beyondHalf, zeros, least, most, sum, squares, outliers, 1,
                zeros == end - begin ? 1 : 0, CodeSums.NONE);
    }

    private static int beyond(float[] numbers, int begin, int end, double limit, boolean included) {
        int found = 0;
        for (int i = begin; i < end; i++) {
            double magnitude = Math.abs(numbers[i]);
            found += magnitude <= Float.MAX_VALUE && (magnitude > limit || included && magnitude == limit) ? 1 : 0;
        }
        return found;
    }
}
