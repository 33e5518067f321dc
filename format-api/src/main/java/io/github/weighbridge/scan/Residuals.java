package io.github.weighbridge.scan;

/// How far a block is from the nearest grid, for blocks that lie on none.
final class Residuals {
    private Residuals() {}

    /// The largest difference between a number and its place on the best grid that is found: steps of least squares, one for each level at which
    /// the extreme may be.
    ///
    /// @param least the lowest level
    /// @param most the highest level
    /// @param shifted whether the grid may be shifted by any number
    static double of(float[] source, int from, int length, int least, int most, boolean shifted, Roundings type) {
        double low = 0;
        double high = 0;
        for (int i = 0; i < length; i++) {
            low = i == 0 && shifted ? source[from] : Math.min(low, source[from + i]);
            high = i == 0 && shifted ? source[from] : Math.max(high, source[from + i]);
        }
        double zero = shifted ? low : 0;
        double extreme = shifted ? high - low : Math.max(high, -low);
        double residual = Double.POSITIVE_INFINITY;
        double fewest = Double.POSITIVE_INFINITY;
        int levels = shifted ? most - least : Math.max(most, -least);
        for (int level = 1; level <= levels && extreme > 0; level++) {
            for (int sign = shifted ? 1 : -1; sign <= 1; sign += 2) {
                double step = sign * extreme / level;
                double products = 0;
                double squares = 0;
                for (int i = 0; i < length; i++) {
                    double q = shifted ? place(source[from + i] - zero, step, 0, levels) : place(source[from + i], step, least, most);
                    products += (source[from + i] - zero) * q;
                    squares += q * q;
                }
                step = squares > 0 ? products / squares : step;
                double error = 0;
                double largest = 0;
                for (int i = 0; i < length; i++) {
                    double q = shifted ? place(source[from + i] - zero, step, 0, levels) : place(source[from + i], step, least, most);
                    double difference = source[from + i] - type.round(zero + q * step);
                    error += difference * difference;
                    largest = Math.max(largest, Math.abs(difference));
                }
                if (error < fewest) {
                    fewest = error;
                    residual = largest;
                }
            }
        }
        return extreme > 0 ? residual : 0;
    }

    private static double place(double value, double step, int least, int most) {
        return step == 0 ? 0 : Math.clamp(Math.rint(value / step), least, most);
    }
}
