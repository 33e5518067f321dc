package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.TensorGraph;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/// The rule by which codes find a type, case by case.
class CodeCarriageTest {
    private static final int ROWS = 3;

    /// Group 0 means a scale for each row. All scales are the one given, but for the last.
    @ParameterizedTest
    @CsvSource({
        // The smallest type whose levels and blocks fit.
        "2, 256, 0, 0.01, 0.01, Q2_K, ''", "2, 512, 256, 0.01, 0.01, Q2_K, ''", "2, 512, 128, 0.01, 0.01, Q4_0, ''",
        "2, 288, 0, 0.01, 0.01, Q4_0, ''", "2, 512, 32, 0.01, 0.01, Q4_0, ''", "4, 256, 0, 0.01, 0.01, Q4_0, ''",
        "4, 96, 32, 0.01, 0.01, Q4_0, ''", "8, 96, 0, 0.01, 0.01, Q8_0, ''", "8, 128, 64, 0.01, 0.01, Q8_0, ''",
        // Rows or groups that no block fits: as decoded, in the smallest type that is exact.
        "4, 48, 0, 0.01, 0.01, F32, codes-not-carried", "4, 48, 0, 0.125, 0.125, BF16, codes-not-carried",
        "4, 48, 0, 0.01000213623046875, 0.01000213623046875, F32, codes-not-carried",
        "2, 100, 0, 0.0999755859375, 0.0999755859375, F16, codes-not-carried",
        "8, 100, 0, 0.375, 0.375, F16, codes-not-carried", "8, 100, 0, 0.25, 0.25, BF16, codes-not-carried",
        "2, 256, 16, 0.01, 0.01, F32, codes-not-carried", "4, 64, 16, 0.5, 2, BF16, codes-not-carried",
        // Scales: subnormal halves that hold them, and others; twice the scale, and the scale itself, beyond half precision.
        "4, 32, 0, 0.01, 9.5367431640625e-7, Q4_0, ''", "4, 32, 0, 0.01, 1.1e-6, F32, scales-outside-half-precision",
        "4, 32, 0, 0.5, 2.98023223876953125e-8, BF16, scales-outside-half-precision", "4, 32, 0, 0.01, 0, Q4_0, ''",
        "2, 256, 0, 0.01, 40000, Q4_0, ''", "2, 256, 0, 0.01, 32752, Q2_K, ''",
        "4, 32, 0, 0.01, 70000, F32, scales-outside-half-precision"})
    void codesFindTheirType(int bits, int columns, int group, float scale, float last, String type, String code) throws IOException {
        assertType(bits, columns, group, scale, last, false, type, code);
    }

    /// A scale too small for half precision is none that matters where all its codes are 0. One that is too large has no half at all.
    @ParameterizedTest
    @CsvSource({"4, 32, 0, 0.01, 1.1e-6, Q4_0, ''", "4, 96, 32, 0.01, 1.1e-6, Q4_0, ''", "8, 96, 0, 0.01, 1e-30, Q8_0, ''",
        "2, 256, 0, 0.01, 3e-8, Q2_K, ''", "4, 32, 0, 0.01, 70000, F32, scales-outside-half-precision"})
    void scalesOfZerosNeedNotBeHeld(int bits, int columns, int group, float scale, float last, String type, String code)
            throws IOException {
        assertType(bits, columns, group, scale, last, true, type, code);
    }

    private static void assertType(int bits, int columns, int group, float scale, float last, boolean zeros, String type, String code)
            throws IOException {
        int groups = group == 0 ? 1 : columns / group;
        ByteBuffer bytes = ByteBuffer.allocate(ROWS * (columns * bits / 8) + ROWS * groups * 4).order(ByteOrder.LITTLE_ENDIAN);
        int codes = ROWS * columns * bits / 8;
        for (int i = 0; i < ROWS * groups; i++) {
            bytes.putFloat(codes + i * 4, i == ROWS * groups - 1 ? last : scale);
        }
        if (zeros) {
            // The codes of the last scale; all others are the lowest level.
            int width = (group == 0 ? columns : group) * bits / 8;
            byte zero = (byte) (bits == 8 ? 0x80 : bits == 4 ? 0x88 : 0xaa);
            for (int i = codes - width; i < codes; i++) {
                bytes.put(i, zero);
            }
        }
        Grid.Granularity granularity = group == 0 ? new Grid.Granularity.Row() : new Grid.Granularity.Group(group);
        GridEncoding encoding = new GridEncoding("codes",
                new Grid(Grid.Levels.Range.ofBits(bits), granularity, DenseType.F32, false, Grid.Zero.NONE), new Packing(bits, true, 8));
        StoredTensor stored = new StoredTensor("t", Shape.of(ROWS, columns), encoding,
                List.of(new Span(0, 0, codes), new Span(0, codes, ROWS * groups * 4L)));
        TargetTensor tensor = new TargetTensor("t.weight", Identity.NONE, View.of(stored), List.of("t"));
        try (Checkpoint checkpoint = new Checkpoint("made", Optional.empty(),
                List.of(new CheckpointFile("made", ByteSource.of("made", bytes.array()))), Architecture.unknown("made", Value.Fields.EMPTY),
                new TensorGraph(List.of(stored), Map.of(), List.of()), Documents.NONE, List.of(), List.of())) {
            CodeCarriage carriage = CodeCarriage.of(checkpoint, List.of(tensor));
            Choice kept = carriage.kept(tensor).orElseThrow();
            assertThat(kept.encoding().name()).isEqualTo(type);
            assertThat(kept.method()).isEqualTo(code.isEmpty() ? "carry" : "plain");
            List<Finding> findings =
                    carriage.findings(new Assignment(Map.of("t.weight", kept), List.of(), Optional.empty()), List.of(tensor));
            boolean rounded = code.isEmpty() && scale == 0.01f;
            assertThat(findings).extracting(Finding::code)
                    .containsExactlyElementsOf(rounded ? List.of("scales-rounded") : code.isEmpty() ? List.of() : List.of(code));
            assertThat(findings).allSatisfy(finding -> assertThat(finding.tensors()).containsExactly("t.weight"));
        }
    }
}
