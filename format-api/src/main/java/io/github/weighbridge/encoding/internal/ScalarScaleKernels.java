package io.github.weighbridge.encoding.internal;

/// The plain form, and the oracle of the vectorised one.
public final class ScalarScaleKernels implements ScaleKernels {
    private static float level(float place, float lowest, float highest) {
        float rounded = place + ScalarCodeKernels.ROUND - ScalarCodeKernels.ROUND;
        return rounded < lowest ? lowest : rounded > highest ? highest : rounded;
    }

    @Override
    public void products(float[] numbers, int from, int count, float[] inverses, int bits, double[] products, double[] squares) {
        float lowest = -(1 << bits - 1);
        float highest = -lowest - 1;
        for (int at = 0; at < COUNT; at++) {
            float inverse = inverses[at];
            products[at] = 0;
            squares[at] = 0;
            for (int begin = from; begin < from + count; begin += PIECE) {
                int end = Math.min(from + count, begin + PIECE);
                float evenProducts = 0;
                float oddProducts = 0;
                float evenSquares = 0;
                float oddSquares = 0;
                int i = begin;
                for (; i < end - 1; i += 2) {
                    float even = level(numbers[i] * inverse, lowest, highest);
                    float odd = level(numbers[i + 1] * inverse, lowest, highest);
                    evenProducts += numbers[i] * even;
                    oddProducts += numbers[i + 1] * odd;
                    evenSquares += even * even;
                    oddSquares += odd * odd;
                }
                if (i < end) {
                    float even = level(numbers[i] * inverse, lowest, highest);
                    evenProducts += numbers[i] * even;
                    evenSquares += even * even;
                }
                products[at] += evenProducts + oddProducts;
                squares[at] += evenSquares + oddSquares;
            }
        }
    }

    @Override
    public void errors(float[] numbers, int from, int count, float[] scales, int bits, double[] errors) {
        float lowest = -(1 << bits - 1);
        float highest = -lowest - 1;
        for (int at = 0; at < COUNT; at++) {
            float scale = scales[at];
            float inverse = 1 / scale;
            errors[at] = 0;
            for (int begin = from; begin < from + count; begin += PIECE) {
                int end = Math.min(from + count, begin + PIECE);
                float evenErrors = 0;
                float oddErrors = 0;
                int i = begin;
                for (; i < end - 1; i += 2) {
                    float even = numbers[i] - scale * level(numbers[i] * inverse, lowest, highest);
                    float odd = numbers[i + 1] - scale * level(numbers[i + 1] * inverse, lowest, highest);
                    evenErrors += even * even;
                    oddErrors += odd * odd;
                }
                if (i < end) {
                    float even = numbers[i] - scale * level(numbers[i] * inverse, lowest, highest);
                    evenErrors += even * even;
                }
                errors[at] += evenErrors + oddErrors;
            }
        }
    }
}
