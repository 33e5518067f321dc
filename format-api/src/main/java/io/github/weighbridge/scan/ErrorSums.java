package io.github.weighbridge.scan;

import io.github.weighbridge.scan.internal.ErrorKernels;

/// Sums over pairs of numbers, a reference and what stands in its place, from which all figures of error follow. Sums are in double
/// precision and joined in a fixed order.
///
/// A pair is equal when both numbers are (0 and -0 are), or when both are NaN. Pairs that are not equal and of which one is not finite are
/// counted, and are in no sum.
///
/// @param count pairs
/// @param equal pairs that are equal
/// @param broken pairs that differ and of which one is infinite or NaN
/// @param beyond pairs that differ by more than the bound that was asked for, the broken among them
/// @param largest largest absolute difference
/// @param error sum of squares of differences
/// @param reference sum of squares of references
/// @param value sum of squares of the others
/// @param product sum of products
/// @param peaks sum over groups of their size and the square of their largest absolute reference
/// @param peak largest absolute reference
public record ErrorSums(long count, long equal, long broken, long beyond, double largest, double error, double reference, double value,
        double product, double peaks, double peak) {
    /// Of no pairs.
    public static final ErrorSums NONE = new ErrorSums(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /// What is asked of single pairs.
    ///
    /// @param relative difference allowed for each unit of the reference
    /// @param absolute difference allowed in any case
    /// @param group number of neighbouring pairs whose largest reference goes into [ErrorSums#peaks]; 0 for none
    public record Bound(double relative, double absolute, int group) {
        /// Equal or not.
        public static final Bound NONE = new Bound(0, 0, 0);
    }

    /// Of pairs that are all equal, of which nothing else is known.
    public static ErrorSums equalPairs(long count) {
        return new ErrorSums(count, count, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    /// The sums of both.
    public ErrorSums and(ErrorSums next) {
        return new ErrorSums(count + next.count, equal + next.equal, broken + next.broken, beyond + next.beyond,
                Math.max(largest, next.largest), error + next.error, reference + next.reference, value + next.value,
                product + next.product, peaks + next.peaks, Math.max(peak, next.peak));
    }

    /// Sums over the first pairs of two arrays.
    ///
    /// @param columns groups begin anew after so many pairs
    public static ErrorSums of(float[] reference, float[] value, int count, int columns, Bound bound) {
        ErrorKernels kernels = ErrorKernels.CHOICE.forCount(count);
        ErrorKernels.Sums sums = kernels.sums(reference, value, count, bound.relative(), bound.absolute());
        double error = sums.error();
        double references = sums.reference();
        double values = sums.value();
        if (!(error + references + values < Double.POSITIVE_INFINITY)) {
            return withOdd(reference, value, count, columns, bound);
        }
        Peaks peaks = Peaks.of(kernels, reference, count, columns, bound.group());
        return new ErrorSums(count, sums.equal(), 0, sums.beyond(), sums.largest(), error, references, values, sums.product(),
                peaks.squares,
                peaks.largest);
    }

    /// The same where some numbers are not finite.
    private static ErrorSums withOdd(float[] reference, float[] value, int count, int columns, Bound bound) {
        float[] finiteReference = reference.clone();
        float[] finiteValue = value.clone();
        int broken = 0;
        for (int i = 0; i < count; i++) {
            if (!Float.isFinite(reference[i]) || !Float.isFinite(value[i])) {
                broken += Float.compare(reference[i], value[i]) == 0 ? 0 : 1;
                finiteReference[i] = 0;
                finiteValue[i] = 0;
            }
        }
        // Every pair set aside counts as an equal one there.
        ErrorSums rest = of(finiteReference, finiteValue, count, columns, bound);
        return new ErrorSums(count, rest.equal - broken, broken, rest.beyond + broken, rest.largest, rest.error, rest.reference, rest.value,
                rest.product, rest.peaks, rest.peak);
    }

    private record Peaks(double squares, double largest) {
        static Peaks of(ErrorKernels kernels, float[] reference, int count, int columns, int group) {
            if (group == 0) {
                return new Peaks(0, 0);
            }
            double squares = 0;
            float largest = 0;
            int width = Math.min(group, columns);
            for (int row = 0; row < count; row += columns) {
                int end = Math.min(count, row + columns);
                for (int begin = row; begin < end; begin += width) {
                    int stop = Math.min(end, begin + width);
                    float peak = kernels.largest(reference, begin, stop - begin);
                    squares += (double) peak * peak * (stop - begin);
                    largest = Math.max(largest, peak);
                }
            }
            return new Peaks(squares, largest);
        }
    }

    /// Root of the mean square of differences; infinite where a pair is broken.
    public double rmse() {
        return broken > 0 ? Double.POSITIVE_INFINITY : count == 0 ? 0 : Math.sqrt(error / count);
    }

    /// Largest absolute difference; infinite where a pair is broken.
    public double maxAbs() {
        return broken > 0 ? Double.POSITIVE_INFINITY : largest;
    }

    /// Signal to noise in decibels; infinite without a difference, and minus infinity where a pair is broken.
    public double snrDb() {
        if (broken > 0) {
            return Double.NEGATIVE_INFINITY;
        }
        return error == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(reference / error);
    }

    /// Cosine of the angle between all references and all others: 1 without a difference, 0 where a pair is broken.
    public double cosine() {
        double length = Math.sqrt(reference) * Math.sqrt(value);
        if (broken > 0 || error > 0 && length == 0) {
            return 0;
        }
        return error == 0 ? 1 : Math.clamp(product / length, -1, 1);
    }

    /// Share of pairs that are equal.
    public double exact() {
        return count == 0 ? 1 : (double) equal / count;
    }
}
