package io.github.weighbridge.encoding.internal;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.GridSearch;
import io.github.weighbridge.encoding.SmallFloats;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

/// The search for either type of steps. Its use for `Q4_0` has a test of its own.
class GridSearchTest {
    private static final int COLUMNS = GridSearch.COLUMNS;
    private static final int LARGEST_BF16 = 0x7f7f;

    private record Found(byte[] codes, int[] steps) {
        static Found of(GridSearch search, float[] numbers, DenseType source, DenseType step) {
            int count = numbers.length / COLUMNS;
            Found found = new Found(new byte[numbers.length / 2], new int[count]);
            search.find(numbers, 0, count, source, step, found.codes, 0, COLUMNS / 2, found.steps);
            return found;
        }

        float number(int index, DenseType step) {
            int block = index / COLUMNS;
            int within = index % COLUMNS;
            int pair = codes[block * COLUMNS / 2 + within % (COLUMNS / 2)];
            int level = (within < COLUMNS / 2 ? pair & 15 : pair >> 4 & 15) - 8;
            short bits = (short) steps[block];
            return level * (step == DenseType.F16 ? Float.float16ToFloat(bits) : SmallFloats.fromBf16(bits));
        }
    }

    private static float bf16(float number) {
        return SmallFloats.fromBf16(SmallFloats.toBf16(number));
    }

    private static float rounded(float number, DenseType type) {
        return switch (type) {
            case BF16 -> bf16(number);
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(number));
            default -> number;
        };
    }

    /// Blocks of all sizes: zeros, numbers on no grid, and those on one, with all levels or lower ones.
    private static float[] numbers(int blocks, DenseType source, DenseType step, double least, double most) {
        Random random = new Random(17);
        float[] numbers = new float[blocks * COLUMNS];
        for (int block = 0; block < blocks; block++) {
            double size = least * Math.pow(most / least, random.nextDouble());
            float unit = rounded((float) size, step) * (random.nextBoolean() ? 1 : -1);
            int peak = 1 + random.nextInt(8);
            for (int i = 0; i < COLUMNS; i++) {
                float number = switch (block % 8) {
                    case 0 -> 0;
                    case 1 -> (float) (random.nextGaussian() * size * 4);
                    case 2 -> (float) (random.nextGaussian() / (0.05 + random.nextDouble()) * size);
                    default -> Math.clamp(random.nextInt(2 * peak + 1) - peak, -8, 7) * unit;
                };
                numbers[block * COLUMNS + i] = rounded(number, source);
            }
        }
        return numbers;
    }

    @ParameterizedTest
    @EnumSource(names = {"BF16", "F16"})
    void vectorisedFormIsThePlainOne(DenseType step) {
        for (DenseType source : List.of(DenseType.BF16, DenseType.F16, DenseType.F32)) {
            for (double least : new double[] {0x1p-12, step == DenseType.F16 ? 0x1p-25 : 0x1p-135}) {
                float[] numbers = numbers(4001, source, step, least, step == DenseType.F16 ? 0x1p15 : 0x1p120);
                for (DenseType told : List.of(source, DenseType.F32)) {
                    Found plain = Found.of(new ScalarGridSearch(), numbers, told, step);
                    Found vectorised = Found.of(new VectorGridSearch(), numbers, told, step);
                    assertThat(vectorised.steps).as("%s told as %s", source, told).isEqualTo(plain.steps);
                    assertThat(vectorised.codes).as("%s told as %s", source, told).isEqualTo(plain.codes);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"BF16", "F16", "F32"})
    void numbersOnAGridOfBf16StepsComeBack(DenseType source) {
        double least = source == DenseType.F16 ? 0x1p-14 : 0x1p-110;
        float[] numbers = numbers(8000, source, DenseType.BF16, least, source == DenseType.F16 ? 0x1p12 : 0x1p110);
        Found found = Found.of(new ScalarGridSearch(), numbers, source, DenseType.BF16);
        for (int i = 0; i < numbers.length; i++) {
            if (i / COLUMNS % 8 == 0 || i / COLUMNS % 8 > 2) {
                assertThat(rounded(found.number(i, DenseType.BF16), source)).as("block %d", i / COLUMNS).isEqualTo(numbers[i] + 0f);
            }
        }
    }

    /// Trying every step of BF16 shows that no other has less error where none returns a block.
    @Test
    void noStepOfBf16HasLessErrorOffTheGrid() {
        Random random = new Random(5);
        float[] numbers = new float[48 * COLUMNS];
        for (int i = 0; i < numbers.length; i++) {
            double number = random.nextGaussian() * Math.pow(10, i / COLUMNS % 5 - 3);
            numbers[i] = (float) (i / COLUMNS % 3 == 0 ? Math.abs(number) : number);
        }
        Found found = Found.of(GridSearch.FORMS.best(), numbers, DenseType.F32, DenseType.BF16);
        for (int block = 0; block < found.steps.length; block++) {
            double ours = 0;
            for (int i = block * COLUMNS; i < (block + 1) * COLUMNS; i++) {
                double difference = (double) numbers[i] - found.number(i, DenseType.BF16);
                ours += difference * difference;
            }
            double least = Double.POSITIVE_INFINITY;
            for (int bits = 1; bits <= LARGEST_BF16; bits++) {
                double step = SmallFloats.fromBf16((short) bits);
                least = Math.min(least, Math.min(error(numbers, block, step), error(numbers, block, -step)));
            }
            assertThat(ours).as("block %d", block).isBetween(least * (1 - 1e-9), least * (1 + 1e-9));
        }
    }

    private static double error(float[] numbers, int block, double step) {
        double sum = 0;
        for (int i = block * COLUMNS; i < (block + 1) * COLUMNS; i++) {
            double difference = numbers[i] - step * Math.clamp(Math.rint(numbers[i] / step), -8, 7);
            sum += difference * difference;
        }
        return sum;
    }
}
