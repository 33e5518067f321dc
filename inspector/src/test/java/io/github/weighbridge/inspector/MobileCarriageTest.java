package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.fixtures.EditedFolder;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Mobile checkpoints on the command line: bytes at true size, and plain numbers.
class MobileCarriageTest {
    @TempDir Path folder;

    private static Checkpoint open(Path path) throws IOException {
        return Formats.installed().open(Source.of(path), ReadOptions.defaults());
    }

    /// Tensor data of the GGUF file of a released mobile checkpoint, `rope_freqs` included.
    @ParameterizedTest
    @CsvSource({"E2B, 2410428556, 1032236172", "E4B, 3669275816, 2630459560"})
    void theGgufFileOfAReleasedSizeIsKnownToTheByte(Gemma4Size size, long whole, long stripped) throws IOException {
        Path checkpoint =
                SparseCheckpoint.write(folder.resolve("checkpoint"), Gemma4Options.of(size).withNumbers(Gemma4Options.Numbers.MOBILE));
        SparseCheckpoint.addTokenizer(checkpoint, size);
        Cli.Result plan = Cli.run("plan", checkpoint, "--to", "gguf", "--json");
        assertThat(plan.err()).isEmpty();
        ReportCheck.plan(plan.json());
        assertThat(plan.json().object("totals").orElseThrow().whole("tensor_bytes")).contains(whole);
        Cli.Result without = Cli.run("plan", checkpoint, "--to", "gguf", "--strip", "ple", "--json");
        assertThat(without.json().object("totals").orElseThrow().whole("tensor_bytes")).contains(stripped);
        assertThat(ReportCheck.list(without.json(), "findings")).anySatisfy(finding -> {
            assertThat(finding.text("code")).contains("per-layer-embeddings-left-out");
            assertThat(finding.text("severity")).contains("warning");
            assertThat(finding.text("message").orElseThrow()).contains("predicts far worse", "compare the perplexity");
        });
        assertThat(ReportCheck.list(plan.json(), "findings")).anySatisfy(finding -> {
            assertThat(finding.text("code")).contains("activation-scales-lost");
            assertThat(finding.text("severity")).contains("warning");
            assertThat(finding.text("message").orElseThrow()).contains("Compare the perplexity");
        });
        Cli.Result inspect = Cli.run("inspect", checkpoint, "--json");
        Value.Fields published = inspect.json().object("published_figures").orElseThrow();
        assertThat(ReportCheck.list(published, "cells")).hasSize(2).allSatisfy(cell -> assertThat(cell.flag("equal")).contains(true));
        assertThat(Cli.run("inspect", checkpoint).out()).contains("Published figures", size == Gemma4Size.E2B ? "0.8358" : "2.2345");
    }

    /// Every number as it decodes, in the smallest type that holds all of a tensor; what plain numbers have no place for is said.
    @Test
    void plainNumbersAreExact() throws IOException {
        Path source = folder.resolve("mobile");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        EditedFolder edited = EditedFolder.read(source);
        scales(edited, "model.language_model.layers.1.self_attn.q_proj.weight_scale", 0.03125f);
        scales(edited, "model.language_model.layers.2.self_attn.q_proj.weight_scale", 0x1.8p-6f);
        scales(edited, "model.language_model.layers.0.self_attn.o_proj.weight_scale", 0x1.0fp-6f);
        edited.write();
        Path target = folder.resolve("plain");
        Cli.Result run = Cli.run("convert", source, target, "--to", "safetensors", "--report", folder.resolve("report.json"));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out() + java.nio.file.Files.readString(folder.resolve("report.json"))).contains("activation-scales-lost");
        int[] types = new int[3];
        try (Checkpoint from = open(source); Checkpoint to = open(target);
                ViewReader read = new ViewReader(from.files().stream().map(Checkpoint.CheckpointFile::source).toList());
                ViewReader written = new ViewReader(to.files().stream().map(Checkpoint.CheckpointFile::source).toList())) {
            assertThat(to.graph().weights()).extracting(weight -> weight.key())
                    .containsExactlyInAnyOrderElementsOf(from.graph().weights().stream().map(weight -> weight.key()).toList());
            for (var weight : from.graph().weights()) {
                View other = to.graph().weight(weight.key()).orElseThrow().view();
                Region all = Region.all(weight.view().shape());
                float[] expected = new float[all.elements()];
                float[] actual = new float[all.elements()];
                read.read(weight.view(), all, expected, 0);
                written.read(other, all, actual, 0);
                assertThat(actual).as(weight.key()).isEqualTo(expected);
                if (weight.stored().getFirst().encoding().dense().isEmpty()) {
                    StoredTensor stored = View.stored(other).getFirst();
                    types[List.of("F32", "BF16", "F16").indexOf(stored.encoding().name())]++;
                }
            }
        }
        System.out.printf("mobile to plain numbers: %d tensors F32, %d BF16, %d F16%n", types[0], types[1], types[2]);
        assertThat(types[1]).as("scales of few digits").isEqualTo(2);
        assertThat(types[2]).isEqualTo(1);
    }

    private static void scales(EditedFolder edited, String name, float scale) {
        for (int i = 0; i < edited.bytes(name).length / 4; i++) {
            edited.set(name, i, scale);
        }
    }
}
