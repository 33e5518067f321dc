package io.github.weighbridge.encoding.internal;

import io.github.weighbridge.encoding.ScaleSearch;
import io.github.weighbridge.encoding.SmallFloats;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

class ScaleSearchTest {
    private static float bf16(float scale) {
        return SmallFloats.fromBf16(SmallFloats.toBf16(scale));
    }

    private static float largest(float[] numbers) {
        float largest = 0;
        for (float number : numbers) {
            largest = Math.max(largest, Math.abs(number));
        }
        return largest;
    }

    private static double error(float[] numbers, float scale, int bits) {
        double sum = 0;
        for (float number : numbers) {
            double level = Math.clamp(Math.rint(number / (double) scale), -(1 << bits - 1), (1 << bits - 1) - 1);
            sum += Math.pow(number - (float) (scale * level), 2);
        }
        return sum;
    }

    private static float[] numbers(int count, DoubleSupplier next) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) next.getAsDouble();
        }
        return numbers;
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4})
    void bothFormsOfTheSumsAreTheSame(int bits) {
        Random random = new Random(bits);
        for (int count : new int[] {1, 2, 3, 31, 32, 33, 255, 256, 257, 511, 512, 1000, 3001}) {
            float[] numbers = numbers(count + 5, random::nextGaussian);
            float[] scales = new float[ScaleKernels.COUNT];
            for (int i = 0; i < scales.length; i++) {
                scales[i] = (random.nextBoolean() ? 1 : -1) * (0.01f + random.nextFloat());
            }
            double[][] plain = new double[3][ScaleKernels.COUNT];
            double[][] best = new double[3][ScaleKernels.COUNT];
            ScaleKernels.CHOICE.plain().products(numbers, 3, count, scales, bits, plain[0], plain[1]);
            ScaleKernels.CHOICE.best().products(numbers, 3, count, scales, bits, best[0], best[1]);
            ScaleKernels.CHOICE.plain().errors(numbers, 3, count, scales, bits, plain[2]);
            ScaleKernels.CHOICE.best().errors(numbers, 3, count, scales, bits, best[2]);
            assertThat(best).as("%d numbers", count).isDeepEqualTo(plain);
            float[] part = java.util.Arrays.copyOfRange(numbers, 3, 3 + count);
            for (int i = 0; i < scales.length; i++) {
                assertThat(plain[2][i]).isCloseTo(error(part, scales[i], bits), org.assertj.core.api.Assertions.withinPercentage(0.01));
            }
        }
    }

    /// Gaussian, Laplacian and uniform numbers in groups and rows, beside the best of 4000 scales.
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4})
    void theErrorIsNearlyTheLeastAndNeverAboveTheOther(int bits) {
        Random random = new Random(7);
        double sum = 0;
        double least = 0;
        for (int kind = 0; kind < 3; kind++) {
            DoubleSupplier next = switch (kind) {
                case 0 -> random::nextGaussian;
                case 1 -> () -> Math.log(1 - random.nextDouble()) * (random.nextBoolean() ? 1 : -1);
                default -> () -> random.nextDouble() * 2 - 1;
            };
            for (int count : new int[] {32, 64, 128, 1536}) {
                for (int repeat = 0; repeat < 4096 / count + 3; repeat++) {
                    float[] numbers = numbers(count, next);
                    float largest = largest(numbers);
                    float range = bf16(largest / ((1 << bits - 1) - 0.5f));
                    float found = new ScaleSearch(bits, false, ScaleSearchTest::bf16).find(numbers, 0, count, largest, range);
                    double error = error(numbers, found, bits);
                    assertThat(found).isPositive().isEqualTo(bf16(found));
                    assertThat(error).isLessThanOrEqualTo(error(numbers, range, bits));
                    double best = error;
                    for (int i = 1; i <= 4000; i++) {
                        best = Math.min(best, error(numbers, bf16(largest * i / 4000 * 1.2f), bits));
                    }
                    sum += error / best;
                    least++;
                }
            }
        }
        System.out.printf("%d bits: %.4f times the least error on average%n", bits, sum / least);
        assertThat(sum / least).isLessThan(1.01);
    }

    /// Numbers on a grid are returned, whichever level the largest of them has.
    @Test
    void aGridIsFoundAgain() {
        Random random = new Random(3);
        for (int bits = 2; bits <= 4; bits++) {
            int lowest = -(1 << bits - 1);
            for (int peak = lowest; peak < -lowest; peak++) {
                if (peak == 0) {
                    continue;
                }
                for (boolean negative : new boolean[] {false, true}) {
                    float scale = bf16(0.001f + random.nextFloat()) * (negative ? -1 : 1);
                    int least = Math.max(lowest, -Math.abs(peak));
                    int most = Math.min(-lowest - 1, Math.abs(peak));
                    float[] numbers = numbers(32, () -> random.nextInt(least, most + 1) * scale);
                    numbers[random.nextInt(32)] = peak * scale;
                    float largest = largest(numbers);
                    float range = bf16(largest / (-lowest - 0.5f));
                    float found = new ScaleSearch(bits, negative, ScaleSearchTest::bf16).find(numbers, 0, 32, largest, range);
                    assertThat(error(numbers, found, bits)).as("%d bits, %d at the peak, %s", bits, peak, scale).isZero();
                }
            }
        }
    }

    @Test
    void whatHasNoBetterScaleKeepsTheOther() {
        float[] tiny = {1e-30f, -2e-30f};
        assertThat(new ScaleSearch(4, true, scale -> scale).find(tiny, 0, 2, 2e-30f, 3e-31f)).isEqualTo(3e-31f);
        // A scale that cannot be stored is not taken.
        float[] numbers = {1, -3, 5};
        assertThat(new ScaleSearch(2, true, scale -> Float.POSITIVE_INFINITY).find(numbers, 0, 3, 5, 2.5f)).isEqualTo(2.5f);
        assertThat(new ScaleSearch(2, true, scale -> 0).find(numbers, 0, 3, 5, 2.5f)).isEqualTo(2.5f);
    }
}
