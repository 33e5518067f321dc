package io.github.weighbridge.scan.internal;

/// The plain form, and the oracle of the vectorised one.
public final class ScalarErrorKernels implements ErrorKernels {
    /// Pairs that stay in the first-level cache while lanes pass over them two by two: more sums at a time find no registers.
    private static final int PIECE = 1 << 11;

    @Override
    public Sums sums(float[] reference, float[] value, int count, double relative, double absolute) {
        Sums sums = new Sums();
        for (int begin = 0; begin < count; begin += PIECE) {
            int end = Math.min(count, begin + PIECE);
            int whole = begin + (end - begin & -LANES);
            for (int lane = 0; lane < LANES; lane += 2) {
                pairs(reference, value, begin + lane, whole, relative, absolute, sums, lane);
            }
            rest(reference, value, whole, end, relative, absolute, sums);
        }
        return sums;
    }

    /// Two lanes.
    private static void pairs(float[] reference, float[] value, int from, int end, double relative, double absolute, Sums sums, int lane) {
        double error = sums.error[lane];
        double error2 = sums.error[lane + 1];
        double references = sums.reference[lane];
        double references2 = sums.reference[lane + 1];
        double values = sums.value[lane];
        double values2 = sums.value[lane + 1];
        double product = sums.product[lane];
        double product2 = sums.product[lane + 1];
        double largest = sums.largest;
        int equal = 0;
        int beyond = 0;
        for (int i = from; i < end; i += LANES) {
            double x = reference[i];
            double y = value[i];
            double x2 = reference[i + 1];
            double y2 = value[i + 1];
            double d = Math.abs(y - x);
            double d2 = Math.abs(y2 - x2);
            equal += (x == y ? 1 : 0) + (x2 == y2 ? 1 : 0);
            beyond += (d > relative * Math.abs(x) + absolute ? 1 : 0) + (d2 > relative * Math.abs(x2) + absolute ? 1 : 0);
            largest = d > largest ? d : largest;
            largest = d2 > largest ? d2 : largest;
            error += d * d;
            error2 += d2 * d2;
            references += x * x;
            references2 += x2 * x2;
            values += y * y;
            values2 += y2 * y2;
            product += x * y;
            product2 += x2 * y2;
        }
        sums.error[lane] = error;
        sums.error[lane + 1] = error2;
        sums.reference[lane] = references;
        sums.reference[lane + 1] = references2;
        sums.value[lane] = values;
        sums.value[lane + 1] = values2;
        sums.product[lane] = product;
        sums.product[lane + 1] = product2;
        sums.largest = largest;
        sums.equal += equal;
        sums.beyond += beyond;
    }

    /// What fills no row of lanes.
    static void rest(float[] reference, float[] value, int from, int end, double relative, double absolute, Sums sums) {
        for (int i = from; i < end; i++) {
            int lane = i - from;
            double x = reference[i];
            double y = value[i];
            double d = Math.abs(y - x);
            sums.equal += x == y ? 1 : 0;
            sums.beyond += d > relative * Math.abs(x) + absolute ? 1 : 0;
            sums.largest = d > sums.largest ? d : sums.largest;
            sums.error[lane] += d * d;
            sums.reference[lane] += x * x;
            sums.value[lane] += y * y;
            sums.product[lane] += x * y;
        }
    }

    @Override
    public float largest(float[] numbers, int from, int count) {
        // Magnitudes have the order of their bits.
        int largest = 0;
        for (int i = from; i < from + count; i++) {
            largest = Math.max(largest, Float.floatToRawIntBits(numbers[i]) & 0x7fffffff);
        }
        return Float.intBitsToFloat(largest);
    }
}
