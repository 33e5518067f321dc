package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.SmallFloats;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.gguf.Grids;
import io.github.weighbridge.gguf.encoding.internal.ExactKernel.Source;
import io.github.weighbridge.gguf.file.GgmlType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Grids that were there are found again.
class Q4_0ExactTest {
    private static final int COLUMNS = 32;
    private static final int BYTES = 18;
    private static final int BLOCKS = 20_000;
    private static final Q4_0Kernel PLAIN = new Q4_0Kernel();
    private static final VectorQ4_0Kernel VECTORISED = new VectorQ4_0Kernel();

    @TempDir private Path folder;

    /// Blocks on the grid, with what they were made of.
    private record Planted(float[] values, int[] levels, float[] steps) {
        static Planted of(long seed, Source type, float least, float most) {
            Random random = new Random(seed);
            Planted planted = new Planted(new float[BLOCKS * COLUMNS], new int[BLOCKS * COLUMNS], new float[BLOCKS]);
            for (int block = 0; block < BLOCKS; block++) {
                double size = least * Math.pow((double) most / least, random.nextDouble());
                float step = Float.float16ToFloat(Float.floatToFloat16((float) size)) * (random.nextBoolean() ? 1 : -1);
                planted.steps[block] = step;
                int peak = 1 + random.nextInt(8);
                int filled = random.nextInt(10) == 0 ? random.nextInt(3) : COLUMNS;
                for (int i = 0; i < filled; i++) {
                    int at = block * COLUMNS + (filled == COLUMNS ? i : random.nextInt(COLUMNS));
                    int level = Math.clamp(random.nextInt(2 * peak + 1) - peak, -8, 7);
                    planted.levels[at] = level;
                    planted.values[at] = round(level * step, type);
                }
            }
            return planted;
        }
    }

    private static float round(float value, Source type) {
        return switch (type) {
            case BF16 -> SmallFloats.fromBf16(SmallFloats.toBf16(value));
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
            case F32, UNKNOWN -> value;
        };
    }

    private static byte[] exact(Q4_0Kernel kernel, float[] values, Source type) {
        byte[] blocks = new byte[values.length / COLUMNS * BYTES];
        kernel.encodeExact(values, 0, type, blocks, 0, values.length / COLUMNS);
        return blocks;
    }

    private static byte[] plain(float[] values) {
        byte[] blocks = new byte[values.length / COLUMNS * BYTES];
        PLAIN.encode(values, 0, blocks, 0, values.length / COLUMNS);
        return blocks;
    }

    private static float[] decode(byte[] blocks) {
        float[] values = new float[blocks.length / BYTES * COLUMNS];
        PLAIN.decode(blocks, 0, values, 0, blocks.length / BYTES);
        return values;
    }

    private static double error(float[] values, float[] decoded, int block) {
        double sum = 0;
        for (int i = block * COLUMNS; i < (block + 1) * COLUMNS; i++) {
            sum += ((double) values[i] - decoded[i]) * ((double) values[i] - decoded[i]);
        }
        return sum;
    }

    /// Levels by their ratios alone: a step of the other sign, or half of it with all levels twice as far, describes the same numbers.
    private static int[] simplest(int[] levels) {
        int divisor = 0;
        int sign = 0;
        for (int level : levels) {
            divisor = gcd(divisor, Math.abs(level));
            sign = sign == 0 ? Integer.signum(level) : sign;
        }
        int by = divisor == 0 ? 1 : divisor * sign;
        return Arrays.stream(levels).map(level -> level / by).toArray();
    }

    private static int gcd(int a, int b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    private static int[] levels(byte[] blocks, int block) {
        byte[] codes = new byte[COLUMNS];
        PLAIN.readCodes(blocks, block * BYTES, codes, 0, new float[1], new float[0], 0);
        int[] levels = new int[COLUMNS];
        Arrays.setAll(levels, i -> codes[i]);
        return levels;
    }

    @ParameterizedTest
    @EnumSource(names = {"BF16", "F16", "F32"})
    void plantedBlocksComeBack(Source type) {
        Planted planted = Planted.of(1, type, 0x1p-12f, 100);
        for (Source told : List.of(type, Source.UNKNOWN)) {
            byte[] blocks = exact(PLAIN, planted.values, told);
            float[] decoded = decode(blocks);
            for (int block = 0; block < BLOCKS; block++) {
                int from = block * COLUMNS;
                if (told == type) {
                    assertThat(simplest(levels(blocks, block))).as("block %d of step %s", block, planted.steps[block])
                            .isEqualTo(simplest(Arrays.copyOfRange(planted.levels, from, from + COLUMNS)));
                }
                for (int i = from; i < from + COLUMNS; i++) {
                    assertThat(round(decoded[i], type)).isEqualTo(planted.values[i] + 0f);
                }
            }
        }
    }

    /// Half precision has few steps down there, so that several levels may describe a block; the numbers come back all the same.
    @ParameterizedTest
    @EnumSource(names = {"BF16", "F16", "F32"})
    void subnormalStepsComeBack(Source type) {
        Planted planted = Planted.of(2, type, 0x1p-24f, 0x1p-14f);
        float[] decoded = decode(exact(PLAIN, planted.values, type));
        for (int i = 0; i < decoded.length; i++) {
            assertThat(round(decoded[i], type)).as("block %d", i / COLUMNS).isEqualTo(planted.values[i] + 0f);
        }
    }

    /// Of all steps that return a block none has less error, as trying every step of half precision shows.
    @Test
    void returnsBlocksWithTheLeastError() {
        Planted planted = Planted.of(3, Source.BF16, 0x1p-7f, 0x1p-6f);
        float[] decoded = decode(exact(PLAIN, planted.values, Source.BF16));
        for (int block = 0; block < 60; block++) {
            double least = Double.POSITIVE_INFINITY;
            for (int half = 1; half < 0x7c00; half++) {
                least = Math.min(least, returning(planted.values, block, Float.float16ToFloat((short) half)));
            }
            double found = error(planted.values, decoded, block);
            assertThat(found).as("block %d", block).isLessThanOrEqualTo(least * (1 + 1e-6));
        }
    }

    /// The error of a step of either sign; infinite when it does not return all numbers.
    private static double returning(float[] values, int block, float step) {
        double sum = 0;
        boolean plus = false;
        boolean minus = false;
        for (int i = block * COLUMNS; i < (block + 1) * COLUMNS; i++) {
            float level = (float) Math.rint(values[i] / step);
            plus |= level == 8;
            minus |= level == -8;
            if (Math.abs(level) > 8 || round(level * step, Source.BF16) != values[i] + 0f || plus && minus) {
                return Double.POSITIVE_INFINITY;
            }
            sum += ((double) values[i] - level * step) * ((double) values[i] - level * step);
        }
        return sum;
    }

    /// Blocks that no step returns, of many kinds.
    private static float[] offTheGrid(int blocks) {
        Random random = new Random(11);
        float[] values = new float[blocks * COLUMNS];
        for (int block = 0; block < blocks; block++) {
            double size = Math.pow(10, random.nextInt(7) - 5);
            int kind = block % 9;
            for (int i = 0; i < COLUMNS; i++) {
                double value = switch (kind) {
                    case 0 -> random.nextGaussian();
                    case 1 -> random.nextDouble() - 0.5;
                    // Heavy tails; one number that dwarfs all others; numbers of one sign; few different ones.
                    case 2 -> random.nextGaussian() / (0.05 + random.nextDouble());
                    case 3 -> i == 7 ? 10 + random.nextDouble() : 1 + 0.1 * random.nextGaussian();
                    case 4 -> Math.abs(random.nextGaussian());
                    case 5 -> 1 + 0.3 * random.nextInt(3);
                    // On a grid, but for noise; on a grid of 16 levels that has no sign; so small that half precision has few steps.
                    case 6 -> random.nextInt(16) - 8 + 0.02 * random.nextGaussian();
                    case 7 -> random.nextInt(16);
                    default -> random.nextGaussian() * 1e-5 / size * 0.03;
                };
                values[block * COLUMNS + i] = (float) (value * size);
            }
        }
        return values;
    }

    /// The error of a step with the nearest levels.
    private static double errorOf(float[] values, int block, double step) {
        double sum = 0;
        for (int i = block * COLUMNS; i < (block + 1) * COLUMNS; i++) {
            double difference = values[i] - step * Math.clamp(Math.rint(values[i] / step), -8, 7);
            sum += difference * difference;
        }
        return sum;
    }

    /// All 63 486 steps of half precision are tried: none has less error than the one that was found.
    @Test
    void noStepHasLessErrorWhereNoneReturnsABlock() {
        int blocks = 360;
        float[] values = offTheGrid(blocks);
        float[] decoded = decode(exact(PLAIN, values, Source.F32));
        double gain = 0;
        float[] ordinary = decode(plain(values));
        for (int block = 0; block < blocks; block++) {
            double least = Double.POSITIVE_INFINITY;
            for (int half = 1; half < 0x7c00; half++) {
                double step = Float.float16ToFloat((short) half);
                least = Math.min(least, Math.min(errorOf(values, block, step), errorOf(values, block, -step)));
            }
            double found = error(values, decoded, block);
            assertThat(found).as("block %d", block).isLessThanOrEqualTo(least * (1 + 1e-9)).isGreaterThanOrEqualTo(least * (1 - 1e-9));
            gain += Math.sqrt(found / error(values, ordinary, block));
        }
        System.out.printf("%d blocks off the grid: the least error of all steps, %.3f of that of the ordinary recipe%n", blocks,
                gain / blocks);
    }

    @Test
    void neverErrsMoreThanTheOrdinaryRecipe() {
        float[] numbers = offTheGrid(20_000);
        for (Source type : Source.values()) {
            float[] found = decode(exact(PLAIN, numbers, type));
            float[] kept = decode(plain(numbers));
            for (int block = 0; block < numbers.length / COLUMNS; block++) {
                if (error(numbers, found, block) > error(numbers, kept, block)) {
                    throw new AssertionError("block " + block + " as " + type);
                }
            }
        }
        Samples.all(COLUMNS * 500).forEach((name, values) -> {
            float[] ours = decode(exact(PLAIN, values, Source.F32));
            float[] theirs = decode(plain(values));
            for (int block = 0; block < 500; block++) {
                assertThat(error(values, ours, block)).as("%s, block %d", name, block).isLessThanOrEqualTo(error(values, theirs, block));
            }
        });
    }

    @Test
    void gainsOnNumbersOffEveryGrid() {
        float[] values = Samples.normal(COLUMNS * 2000, 5, 0.02f);
        float[] ours = decode(exact(PLAIN, values, Source.F32));
        float[] theirs = decode(plain(values));
        double gain = 0;
        double whole = 0;
        for (int block = 0; block < 2000; block++) {
            gain += error(values, ours, block);
            whole += error(values, theirs, block);
        }
        System.out.printf("numbers off the grid: squared error %.3f of that of the ordinary recipe%n", gain / whole);
        assertThat(gain / whole).isLessThan(0.9);
    }

    @ParameterizedTest
    @EnumSource(Source.class)
    void vectorisedFormIsThePlainOne(Source type) {
        Samples.all(COLUMNS * 2000).forEach((name, values) -> assertThat(
                Differences.inBlocks(GgmlType.Q4_0, exact(VECTORISED, values, type), exact(PLAIN, values, type))).as(name).isEmpty());
        for (Source planted : List.of(Source.BF16, Source.F16, Source.F32)) {
            float[] values = Planted.of(7, planted, 0x1p-22f, 1000).values;
            assertThat(Differences.inBlocks(GgmlType.Q4_0, exact(VECTORISED, values, type), exact(PLAIN, values, type))).as(planted.name())
                    .isEmpty();
        }
    }

    /// 238 592 blocks, every one of which must come back; 18.1 % do not have their largest magnitude at level -8.
    @Test
    void everyBlockOfTheTrainedCheckpointComesBack() throws Exception {
        TrainedCheckpoints.unpack(folder, TrainedCheckpoints.QAT_Q4_0);
        long blocks = 0;
        long returned = 0;
        long lower = 0;
        double squares = 0;
        double errors = 0;
        double plainErrors = 0;
        for (Grids.Matrix matrix : Grids.matrices(folder)) {
            if (matrix.name().contains("per_layer_model_projection")) {
                continue;
            }
            assertThat(matrix.type()).isEqualTo(DenseType.BF16);
            float[] values = matrix.values();
            byte[] found = exact(VECTORISED, values, Source.BF16);
            float[] decoded = decode(found);
            float[] ordinary = decode(plain(values));
            for (int block = 0; block < values.length / COLUMNS; block++) {
                blocks++;
                boolean same = true;
                for (int i = block * COLUMNS; i < (block + 1) * COLUMNS; i++) {
                    same &= round(decoded[i], Source.BF16) == values[i];
                    squares += (double) values[i] * values[i];
                }
                returned += same ? 1 : 0;
                lower += Arrays.stream(levels(found, block)).noneMatch(level -> level == -8) ? 1 : 0;
                errors += error(values, decoded, block);
                plainErrors += error(values, ordinary, block);
            }
        }
        System.out.printf("trained checkpoint: %d blocks, %d returned, %d not at -8; relative RMS error %.3e, ordinary recipe %.3e%n",
                blocks,
                returned, lower, Math.sqrt(errors / squares), Math.sqrt(plainErrors / squares));
        assertThat(blocks).isEqualTo(238_592);
        assertThat(returned).isEqualTo(blocks);
        assertThat(lower).isEqualTo(43_293);
    }
}
