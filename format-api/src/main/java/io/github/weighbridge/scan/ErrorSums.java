package io.github.weighbridge.scan;

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
        double error = 0;
        double error2 = 0;
        double references = 0;
        double references2 = 0;
        double values = 0;
        double values2 = 0;
        double product = 0;
        double product2 = 0;
        double largest = 0;
        double relative = bound.relative();
        double absolute = bound.absolute();
        int equal = 0;
        int beyond = 0;
        int even = count & ~1;
        for (int i = 0; i < even; i += 2) {
            double x = reference[i];
            double y = value[i];
            double x2 = reference[i + 1];
            double y2 = value[i + 1];
            double d = Math.abs(y - x);
            double d2 = Math.abs(y2 - x2);
            equal += (x == y ? 1 : 0) + (x2 == y2 ? 1 : 0);
            beyond += (d > relative * Math.abs(x) + absolute ? 1 : 0) + (d2 > relative * Math.abs(x2) + absolute ? 1 : 0);
            largest = Math.max(largest, Math.max(d, d2));
            error += d * d;
            error2 += d2 * d2;
            references += x * x;
            references2 += x2 * x2;
            values += y * y;
            values2 += y2 * y2;
            product += x * y;
            product2 += x2 * y2;
        }
        if (even < count) {
            double x = reference[even];
            double y = value[even];
            double d = Math.abs(y - x);
            equal += x == y ? 1 : 0;
            beyond += d > relative * Math.abs(x) + absolute ? 1 : 0;
            largest = Math.max(largest, d);
            error += d * d;
            references += x * x;
            values += y * y;
            product += x * y;
        }
        double all = error + error2 + references + references2 + values + values2;
        if (!(all < Double.POSITIVE_INFINITY)) {
            return withOdd(reference, value, count, columns, bound);
        }
        Peaks peaks = Peaks.of(reference, count, columns, bound.group());
        return new ErrorSums(count, equal, 0, beyond, largest, error + error2, references + references2, values + values2,
                product + product2, peaks.squares, peaks.largest);
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
        static Peaks of(float[] reference, int count, int columns, int group) {
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
                    float peak = 0;
                    for (int i = begin; i < stop; i++) {
                        peak = Math.max(peak, Math.abs(reference[i]));
                    }
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
