package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.SmallFloats;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.llama.EvaluationOptions;
import io.github.weighbridge.fixtures.llama.KlDivergence;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.fixtures.llama.QuantizeOptions;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// A checkpoint that was trained on the grid of Q4_0, in the real llama.cpp: what our steps and what its own quantiser's leave of it.
class ExactLlamaTest {
    @TempDir private Path folder;

    @Test
    void theGridIsKeptByDefault() throws Exception {
        assumeTrue(LlamaCpp.find().isPresent(), LlamaCpp::whyAbsent);
        LlamaCpp llama = LlamaCpp.find().orElseThrow();
        Path source = folder.resolve("source");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_Q4_0);
        Path f32 = folder.resolve("f32.gguf");
        Conversions.convert(source, f32, Policy.KEEP.withType("F32", false));
        Path exact = folder.resolve("exact.gguf");
        ConversionPlan plan = Conversions.convert(source, exact, PolicyFiles.preset("qat-q4_0").orElseThrow());
        assertThat(plan.jobs()).filteredOn(job -> job.target().encoding().name().equals("Q4_0"))
                .allSatisfy(job -> assertThat(job.method()).as(job.target().name()).isEqualTo("exact")).hasSize(66);
        Path theirs = folder.resolve("theirs.gguf");
        llama.quantize(f32, theirs, QuantizeOptions.of(GgufFileType.Q4_0.id()).withThreads(1));
        Fidelity ourWeights = fidelity(f32, exact);
        Fidelity theirWeights = fidelity(f32, theirs);
        try (LlamaModel base = llama.open(f32); LlamaModel ours = llama.open(exact); LlamaModel other = llama.open(theirs)) {
            int[] tokens = base.tokenize(TrainedCheckpoints.evalText(), true, false);
            KlDivergence our = KlDivergence.between(base, ours, tokens, EvaluationOptions.STANDARD.withThreads(1));
            KlDivergence their = KlDivergence.between(base, other, tokens, EvaluationOptions.STANDARD.withThreads(1));
            for (KlDivergence one : List.of(our, their)) {
                Fidelity weights = one == our ? ourWeights : theirWeights;
                System.out.printf("%s: exact blocks %.2f %% of %d, RMSE %.3e, mean KLD %.6f, same top %.2f %%, RMS dp %.3f %%,"
                        + " perplexity %.4f (F32 %.4f)%n", one == our ? "--policy qat-q4_0" : "llama-quantize Q4_0",
                        weights.exactBlocks * 100.0 / weights.blocks, weights.blocks, weights.rmse, one.meanKld(), one.sameTopShare() * 100,
                        one.rmsDeltaP() * 100, one.other().perplexity(), one.base().perplexity());
            }
            assertThat(ourWeights.blocks).isEqualTo(238_592);
            assertThat(ourWeights.exactBlocks).isEqualTo(ourWeights.blocks);
            assertThat(theirWeights.exactBlocks).isLessThan(theirWeights.blocks * 9 / 10);
            assertThat(ourWeights.rmse).isLessThan(theirWeights.rmse / 10);
            assertThat(our.meanKld()).isLessThanOrEqualTo(0.0001);
            assertThat(our.sameTopShare()).isGreaterThanOrEqualTo(0.99);
            assertThat(our.other().perplexity()).isCloseTo(45.6676, within(0.02));
        }
    }

    /// What became of the weights that were trained on the grid, in blocks of 32.
    ///
    /// @param exactBlocks those all of whose numbers come back when rounded to BF16, which is what the checkpoint holds
    private record Fidelity(long blocks, long exactBlocks, double rmse) {}

    private static Fidelity fidelity(Path reference, Path other) throws IOException {
        long blocks = 0;
        long exact = 0;
        double squares = 0;
        try (Checkpoint a = Conversions.open(reference); Checkpoint b = Conversions.open(other);
                ViewReader first = new ViewReader(a.files().stream().map(Checkpoint.CheckpointFile::source).toList());
                ViewReader second = new ViewReader(b.files().stream().map(Checkpoint.CheckpointFile::source).toList())) {
            for (StoredTensor tensor : a.graph().stored()) {
                if (tensor.shape().rank() != 2 || tensor.name().contains("per_layer_model_proj")) {
                    continue;
                }
                Region all = Region.all(tensor.shape());
                float[] expected = new float[all.elements()];
                float[] actual = new float[all.elements()];
                first.read(View.of(tensor), all, expected, 0);
                second.read(View.of(b.graph().stored(tensor.name()).orElseThrow()), all, actual, 0);
                for (int block = 0; block < expected.length; block += 32) {
                    boolean same = true;
                    for (int i = block; i < block + 32; i++) {
                        same &= SmallFloats.fromBf16(SmallFloats.toBf16(actual[i])) == expected[i];
                        squares += ((double) actual[i] - expected[i]) * ((double) actual[i] - expected[i]);
                    }
                    blocks++;
                    exact += same ? 1 : 0;
                }
            }
        }
        return new Fidelity(blocks, exact, Math.sqrt(squares / (blocks * 32.0)));
    }

    /// Single precision in a GGUF file holds the same BF16 numbers, so that the grid is found there too.
    @Test
    void theGridIsFoundInSinglePrecisionToo() throws Exception {
        Path source = folder.resolve("source");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_Q4_0);
        Path f32 = folder.resolve("f32.gguf");
        Conversions.convert(source, f32, Policy.KEEP.withType("F32", false));
        Path one = folder.resolve("one.gguf");
        Path other = folder.resolve("other.gguf");
        Conversions.convert(source, one, Policy.KEEP.withType("Q4_0:exact", true));
        ConversionPlan plan = Conversions.convert(f32, other, Policy.KEEP.withType("Q4_0", true));
        assertThat(plan.jobs()).filteredOn(job -> job.method().equals("exact")).isNotEmpty();
        try (ByteSource a = ByteSource.of(one); ByteSource b = ByteSource.of(other)) {
            GgufFile first = GgufFile.read(a, Limits.DEFAULT);
            GgufFile second = GgufFile.read(b, Limits.DEFAULT);
            for (GgufTensorInfo tensor : first.tensors()) {
                // The matrix that was not trained on the grid keeps its type, which differs.
                if (!tensor.name().contains("per_layer_model_proj")) {
                    GgufTensorInfo same = second.tensor(tensor.name()).orElseThrow();
                    assertThat(second.data(same).readBytes(0, Math.toIntExact(same.byteLength()))).as(tensor.name())
                            .isEqualTo(first.data(tensor).readBytes(0, Math.toIntExact(tensor.byteLength())));
                }
            }
        }
        assertThat(methods(source, "Q4_0:plain")).containsOnly("plain");
    }

    private List<String> methods(Path source, String type) throws Exception {
        return Conversions.convert(source, folder.resolve("methods.gguf"), Policy.KEEP.withType(type, true)).jobs().stream()
                .map(Job::method).distinct().toList();
    }

    @Test
    void numbersOffTheGridKeepTheOrdinaryRecipe() throws Exception {
        Path source = folder.resolve("source");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        assertThat(methods(source, "Q4_0")).doesNotContain("exact");
    }
}
