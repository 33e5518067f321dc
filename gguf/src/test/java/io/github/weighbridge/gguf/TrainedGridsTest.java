package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.scan.GridDetector;
import io.github.weighbridge.scan.GridEvidence;
import io.github.weighbridge.scan.GridFinding;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// The grids of checkpoints that were trained on them.
class TrainedGridsTest {
    @TempDir private static Path folder;

    private static Path unpacked(String variant) throws IOException {
        Path path = folder.resolve(variant);
        TrainedCheckpoints.unpack(path, variant);
        return path;
    }

    private static boolean trained(StoredTensor tensor) {
        return tensor.shape().rank() == 2 && !tensor.name().contains("per_layer_model_proj");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void namesTheGridOfEachTensor(boolean full) throws Exception {
        try (Checkpoint checkpoint = Conversions.open(unpacked(TrainedCheckpoints.QAT_Q4_0))) {
            long begin = System.nanoTime();
            Map<String, Optional<GridFinding>> findings = GridDetector.detect(checkpoint, full, 2);
            System.out.printf("grids of the trained checkpoint, %s: %d ms%n", full ? "full" : "sampled",
                    (System.nanoTime() - begin) / 1_000_000);
            assertThat(findings).hasSize(129);
            for (StoredTensor tensor : checkpoint.graph().stored()) {
                Optional<GridFinding> finding = findings.get(tensor.name());
                if (trained(tensor)) {
                    assertThat(finding).as(tensor.name()).isPresent();
                    assertThat(finding.orElseThrow()).as(tensor.name()).returns(4, GridFinding::bits).returns(32L, GridFinding::group)
                            .returns(true, GridFinding::symmetric).returns(1.0, GridFinding::exactBlocks)
                            .returns(0.0, GridFinding::maxResidual);
                    assertThat(finding.orElseThrow().keptBy(List.of(GgmlEncodings.of(GgmlType.Q4_K), GgmlEncodings.of(GgmlType.Q4_0),
                            GgmlEncodings.of(GgmlType.Q8_0)), tensor.shape())).first().isEqualTo(GgmlEncodings.of(GgmlType.Q4_0));
                } else {
                    assertThat(finding).as(tensor.name()).isEmpty();
                }
            }
        }
    }

    /// The rows of the mobile checkpoint, decoded and written as single precision and as BF16, are found again.
    @ParameterizedTest
    @ValueSource(strings = {"F32", "BF16"})
    void namesTheGridOfDecodedRows(String type) throws Exception {
        Path gguf = folder.resolve("mobile-" + type + ".gguf");
        Conversions.convert(unpacked(TrainedCheckpoints.QAT_MOBILE), gguf, Policy.KEEP.withType(type, true));
        try (Checkpoint checkpoint = Conversions.open(gguf)) {
            Map<String, Optional<GridFinding>> findings = GridDetector.detect(checkpoint, false, 1);
            for (StoredTensor tensor : checkpoint.graph().stored()) {
                String name = tensor.name();
                Optional<GridFinding> finding = findings.getOrDefault(name, Optional.empty());
                int bits = name.equals("token_embd.weight") || name.equals("output.weight") || name.matches("blk\\.[4-7]\\.ffn_.*\\.weight")
                        ? 2
                        : name.endsWith("inp_gate.weight") || name.matches("blk\\.\\d\\.proj\\.weight") ? 8 : 4;
                if (trained(tensor)) {
                    assertThat(finding).as(name).isPresent();
                    assertThat(finding.orElseThrow()).as(name).returns(bits, GridFinding::bits).returns(true, GridFinding::symmetric)
                            .returns(name.startsWith("per_layer_token") ? 32L : tensor.shape().columns(), GridFinding::group);
                } else {
                    assertThat(finding).as(name).isEmpty();
                }
            }
        }
    }

    @Test
    void theBaseCheckpointIsOnNone() throws Exception {
        Optional<Path> base = SharedData.find("tiny-gemma4/base");
        assumeTrue(base.isPresent(), "../shared/data is not there");
        try (Checkpoint checkpoint = Conversions.open(base.get())) {
            assertThat(GridDetector.detect(checkpoint, true, 2)).hasSize(141).allSatisfy((_, finding) -> assertThat(finding).isEmpty());
            List<ByteSource> files = checkpoint.files().stream().map(Checkpoint.CheckpointFile::source).toList();
            for (StoredTensor tensor : checkpoint.graph().stored()) {
                assertThat(GridEvidence.of(new View.Stored(tensor), DenseType.BF16, 4, 32, DenseType.F16, files).onGrid()).isFalse();
            }
        }
    }

    @Test
    void aFewBlocksAreEvidence() throws Exception {
        try (Checkpoint checkpoint = Conversions.open(unpacked(TrainedCheckpoints.QAT_Q4_0))) {
            List<ByteSource> files = checkpoint.files().stream().map(Checkpoint.CheckpointFile::source).toList();
            for (StoredTensor tensor : checkpoint.graph().stored()) {
                GridEvidence evidence = GridEvidence.of(new View.Stored(tensor), DenseType.BF16, 4, 32, DenseType.F16, files);
                assertThat(evidence.onGrid()).as("%s: %s", tensor.name(), evidence).isEqualTo(trained(tensor));
            }
        }
    }
}
