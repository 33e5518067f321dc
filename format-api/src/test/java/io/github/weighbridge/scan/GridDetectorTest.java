package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;

class GridDetectorTest {
    private static final int ROWS = 96;
    private static final int COLUMNS = 512;

    private static Optional<GridFinding> detect(DenseType type, int rows, int columns, float[] values, boolean full) throws IOException {
        Shape shape = Shape.of(rows, columns);
        DenseEncoding encoding = DenseEncoding.of(type);
        byte[] bytes = new byte[Math.toIntExact(encoding.planeBytes(0, shape))];
        encoding.encoder(EncoderInputs.PLAIN).orElseThrow().encode(shape, Region.all(shape), values, 0,
                new MemorySegment[] {MemorySegment.ofArray(bytes)});
        StoredTensor tensor = new StoredTensor("tensor", shape, encoding, List.of(new Span(0, 0, bytes.length)));
        return GridDetector.detect(new View.Stored(tensor), type, List.of(ByteSource.of("memory", bytes)), full, 2);
    }

    private interface Level {
        int next();
    }

    /// Products of levels and steps of half precision, one for each group.
    private static float[] planted(int rows, int columns, int group, long seed, Level levels, double shift) {
        Random random = new Random(seed);
        float[] values = new float[rows * columns];
        for (int row = 0; row < rows; row++) {
            float step = 0;
            float minimum = 0;
            for (int i = 0; i < columns; i++) {
                if (i % group == 0) {
                    step = Float.float16ToFloat(Float.floatToFloat16((float) (0.004 * (1 + random.nextDouble()))));
                    minimum = (float) (shift * (1 + random.nextDouble()));
                }
                values[row * columns + i] = step * levels.next() + minimum;
            }
        }
        return values;
    }

    static Stream<Arguments> grids() {
        List<Arguments> all = new ArrayList<>();
        for (DenseType type : List.of(DenseType.BF16, DenseType.F16, DenseType.F32)) {
            for (int bits : new int[] {2, 3, 4, 8}) {
                for (int group : new int[] {COLUMNS, 128, 64, 32, 16}) {
                    all.add(Arguments.of(type, bits, group));
                }
            }
        }
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("grids")
    void namesTheGridOfUniformLevels(DenseType type, int bits, int group) throws IOException {
        Random random = new Random(bits * 1000L + group);
        float[] values = planted(ROWS, COLUMNS, group, 1, () -> random.nextInt(1 << bits) - (1 << bits - 1), 0);
        check(detect(type, ROWS, COLUMNS, values, false), bits, group, true);
        check(detect(type, ROWS, COLUMNS, values, true), bits, group, true);
    }

    @ParameterizedTest
    @MethodSource("grids")
    void namesTheGridOfBellShapedLevels(DenseType type, int bits, int group) throws IOException {
        Random random = new Random(bits * 1000L + group);
        int most = 1 << bits - 1;
        int[] count = {0};
        float[] values = planted(ROWS, COLUMNS, group, 2, () -> count[0]++ % group == 0 ? -most
                : (int) Math.clamp(Math.rint(random.nextGaussian() * most / 2.6), -most, most - 1), 0);
        check(detect(type, ROWS, COLUMNS, values, false), bits, group, true);
    }

    private static void check(Optional<GridFinding> found, int bits, int group, boolean symmetric) {
        assertThat(found).isPresent();
        GridFinding finding = found.orElseThrow();
        assertThat(finding).as("%s", finding).returns(bits, GridFinding::bits).returns((long) group, GridFinding::group)
                .returns(group == COLUMNS, GridFinding::wholeRows).returns(symmetric, GridFinding::symmetric)
                .returns(1.0, GridFinding::exactBlocks).returns(0.0, GridFinding::maxResidual);
    }

    @ParameterizedTest
    @CsvSource({"BF16, 4, 32", "F16, 4, 64", "F32, 4, 128", "BF16, 3, 512", "F32, 8, 32", "F16, 2, 32", "F16, 8, 512"})
    void shiftsByWholeStepsAreAsymmetric(DenseType type, int bits, int group) throws IOException {
        Random random = new Random(3);
        int zero = 3 * (1 << bits) / 16;
        Optional<GridFinding> found =
                detect(type, ROWS, COLUMNS, planted(ROWS, COLUMNS, group, 3, () -> random.nextInt(1 << bits) - zero, 0), false);
        check(found, bits, group, false);
        assertThat(found.orElseThrow().zero()).isEqualTo(Grid.Zero.INTEGER);
    }

    @ParameterizedTest
    @CsvSource({"BF16, 3, 64", "F16, 4, 64", "F32, 4, 32", "F32, 8, 128", "F16, 2, 512"})
    void shiftsByAnythingAreAsymmetric(DenseType type, int bits, int group) throws IOException {
        Random random = new Random(4);
        float[] values = planted(ROWS, COLUMNS, group, 4, () -> random.nextInt(1 << bits), -0.0137);
        if (type == DenseType.F32) {
            for (int i = 0; i < values.length; i++) {
                values[i] += 0f;
            }
        }
        Optional<GridFinding> found = detect(type, ROWS, COLUMNS, values, false);
        check(found, bits, group, false);
        assertThat(found.orElseThrow().zero()).isEqualTo(Grid.Zero.MINIMUM);
    }

    @Test
    void someBlocksOffTheGridAreCounted() throws IOException {
        Random random = new Random(5);
        float[] values = planted(ROWS, COLUMNS, 32, 5, () -> random.nextInt(16) - 8, 0);
        for (int block = 0; block < values.length / 32; block += 20) {
            values[block * 32 + 7] *= 1.07f;
            values[block * 32 + 8] *= 0.93f;
        }
        GridFinding finding = detect(DenseType.BF16, ROWS, COLUMNS, values, true).orElseThrow();
        assertThat(finding).returns(4, GridFinding::bits).returns(32L, GridFinding::group);
        assertThat(finding.exactBlocks()).isBetween(0.949, 0.96);
        assertThat(finding.maxResidual()).isBetween(0.0005, 0.01);
    }

    @Test
    void outliersDoNotShortenTheGroup() throws IOException {
        Random random = new Random(6);
        int[] count = {0};
        float[] values = planted(16, 8192, 8192, 6, () -> count[0]++ % 4096 == 0 ? -128 : (int) Math.rint(random.nextGaussian() * 9), 0);
        assertThat(detect(DenseType.F32, 16, 8192, values, false).orElseThrow()).returns(8, GridFinding::bits)
                .returns(8192L, GridFinding::group);
    }

    @Test
    void typesOfStepsDecideWhatKeepsTheNumbers() throws IOException {
        Random random = new Random(7);
        GridFinding finding = detect(DenseType.F32, ROWS, COLUMNS, planted(ROWS, COLUMNS, 32, 7, () -> random.nextInt(16) - 8, 0), true)
                .orElseThrow();
        assertThat(finding.scales()).containsExactlyInAnyOrder(DenseType.F16, DenseType.F32);
        float[] odd = planted(ROWS, COLUMNS, 32, 7, () -> random.nextInt(16) - 8, 0);
        for (int i = 0; i < odd.length; i++) {
            odd[i] *= 1.2345678f;
        }
        assertThat(detect(DenseType.BF16, ROWS, COLUMNS, odd, true)).isPresent();
    }

    static Stream<Arguments> randomNumbers() {
        List<Arguments> all = new ArrayList<>();
        for (DenseType type : List.of(DenseType.BF16, DenseType.F16, DenseType.F32)) {
            for (String kind : List.of("gaussian", "uniform", "positive", "near one", "tiny", "heavy tails")) {
                all.add(Arguments.of(type, kind));
            }
        }
        return all.stream();
    }

    private static DoubleSupplier numbers(String kind, Random random) {
        return switch (kind) {
            case "gaussian" -> () -> random.nextGaussian() * 0.02;
            case "uniform" -> () -> random.nextDouble() - 0.5;
            case "positive" -> random::nextDouble;
            case "near one" -> () -> 1 + random.nextGaussian() * 0.05;
            case "tiny" -> () -> random.nextGaussian() * 1e-6;
            case "heavy tails" -> () -> random.nextGaussian() / (0.1 + random.nextDouble());
            default -> throw new IllegalArgumentException(kind);
        };
    }

    private static float[] filled(int count, DoubleSupplier next) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) next.getAsDouble();
        }
        return values;
    }

    /// 10 000 blocks, each a tensor of its own.
    @ParameterizedTest
    @MethodSource("randomNumbers")
    void singleRandomBlocksAreOnNoGrid(DenseType type, String kind) throws IOException {
        DoubleSupplier next = numbers(kind, new Random(8));
        for (int i = 0; i < 10_000; i++) {
            assertThat(detect(type, 1, 32, filled(32, next), false)).as("block %d", i).isEmpty();
        }
    }

    /// 10 000 blocks in one tensor, and in tensors of other forms.
    @ParameterizedTest
    @MethodSource("randomNumbers")
    void randomTensorsAreOnNoGrid(DenseType type, String kind) throws IOException {
        DoubleSupplier next = numbers(kind, new Random(9));
        assertThat(detect(type, 1000, 320, filled(320_000, next), true)).isEmpty();
        for (int columns : new int[] {16, 48, 64, 128, 1000, 4096}) {
            for (int rows : new int[] {1, 2, 3, 8, 40}) {
                assertThat(detect(type, rows, columns, filled(rows * columns, next), false)).as("%d x %d", rows, columns).isEmpty();
            }
        }
        // Stored in a wider type than they have.
        float[] narrow = filled(64 * 256, next);
        for (int i = 0; i < narrow.length; i++) {
            narrow[i] = Roundings.BF16.round(narrow[i]);
        }
        assertThat(detect(DenseType.F32, 64, 256, narrow, false)).isEmpty();
        assertThat(detect(DenseType.F32, 16, 16, narrow, false)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(names = {"BF16", "F16", "F32"})
    void fewDifferentNumbersAreNoGrid(DenseType type) throws IOException {
        Random random = new Random(10);
        assertThat(detect(type, 64, 256, new float[64 * 256], true)).isEmpty();
        assertThat(detect(type, 64, 256, filled(64 * 256, () -> 0.7), true)).isEmpty();
        assertThat(detect(type, 64, 256, filled(64 * 256, () -> random.nextBoolean() ? 0.7 : -0.7), true)).isEmpty();
        assertThat(detect(type, 64, 256, filled(64 * 256, () -> random.nextBoolean() ? 0.1 : 0.3), true)).isEmpty();
        assertThat(detect(type, 64, 256, filled(64 * 256, () -> random.nextInt(20) == 0 ? random.nextGaussian() : 0), true)).isEmpty();
        float[] sparse = new float[64 * 256];
        for (int i = 0; i < sparse.length; i += 512) {
            sparse[i] = (float) random.nextGaussian();
        }
        assertThat(detect(type, 64, 256, sparse, true)).isEmpty();
        float[] infinite = filled(64 * 256, random::nextGaussian);
        Arrays.fill(infinite, 0, 100, Float.NaN);
        infinite[1000] = Float.POSITIVE_INFINITY;
        assertThat(detect(type, 64, 256, infinite, true)).isEmpty();
        assertThat(detect(type, 0, 256, new float[0], true)).isEmpty();
    }
}
