package io.github.weighbridge.gguf;

import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.fixtures.llama.QuantizeOptions;
import io.github.weighbridge.gguf.file.GgufSplit;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// GGUF as a source of GGUF: split, merged, kept and requantised, against the real llama.cpp where it has a say.
class RewriteTest {
    @TempDir private static Path folder;

    private static Path f32;

    @BeforeAll
    static void make() throws Exception {
        Path source = folder.resolve("moe");
        Gemma4Fixture.write(source, Gemma4Options.of(Gemma4Size.TINY_MOE).withThreads(2));
        f32 = folder.resolve("f32.gguf");
        Conversions.convert(source, f32, Policy.KEEP.withType("F32", false));
    }

    private static LlamaCpp llama() {
        Optional<LlamaCpp> found = LlamaCpp.find();
        if (found.isEmpty()) {
            System.out.println("skipped: tests against the real llama.cpp: " + LlamaCpp.whyAbsent());
        }
        assumeTrue(found.isPresent(), LlamaCpp::whyAbsent);
        return found.get();
    }

    private static TargetRequest split(String name, String size) {
        return TargetRequest.named(name).withOption("split-max-size", size);
    }

    @Test
    void splitsAndMerges() throws Exception {
        Path whole = folder.resolve("whole.gguf");
        Conversions.convert(f32, whole, Policy.KEEP.withType("BF16", false));
        ConversionPlan plan = Conversions.convert(f32, folder.resolve("parts.gguf"), Policy.KEEP.withType("BF16", false),
                split("parts.gguf", "2M"));
        int count = plan.files().size();
        assertThat(count).isGreaterThan(2);
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            String name = new GgufSplit("parts", i + 1, count).fileName();
            assertThat(plan.files().get(i).name()).isEqualTo(name);
            assertThat(Files.size(folder.resolve(name))).as(name).isEqualTo(plan.files().get(i).length());
            bytes += Files.size(folder.resolve(name));
            long padded = 0;
            int tensors = 0;
            for (StoredTensor tensor : plan.tensors()) {
                if (tensor.planes().getFirst().file() == i) {
                    padded += (tensor.bytes() + 31) / 32 * 32;
                    tensors++;
                }
            }
            assertThat(padded <= 2_000_000 || tensors == 1).as(name + " has " + padded + " bytes in " + tensors + " tensors").isTrue();
        }
        assertThat(plan.bytes()).isEqualTo(bytes);
        assertThat(folder.resolve("parts.gguf")).doesNotExist();
        Path third = folder.resolve(new GgufSplit("parts", 3, count).fileName());
        try (Checkpoint set = Formats.installed().open(Source.of(third), ReadOptions.defaults())) {
            assertThat(set.bytes()).isEqualTo(bytes);
            assertThat(set.graph().stored()).containsExactlyElementsOf(plan.tensors());
        }
        Path merged = folder.resolve("merged.gguf");
        Conversions.convert(third, merged, Policy.KEEP);
        assertThat(merged).hasSameBinaryContentAs(whole);
    }

    @Test
    void llamaLoadsASplitSet() throws Exception {
        Path parts = folder.resolve("loaded.gguf");
        ConversionPlan plan = Conversions.convert(f32, parts, Policy.KEEP.withType("Q8_0", false), split("loaded.gguf", "1M"));
        int count = plan.files().size();
        try (LlamaModel model = llama().open(folder.resolve(new GgufSplit("loaded", 1, count).fileName()))) {
            assertThat(model.loadProblems().stream().filter(line -> !line.toString().contains("<|tool_response>"))).isEmpty();
        }
    }

    @Test
    void oneShardIsASetToo() throws Exception {
        ConversionPlan plan = Conversions.convert(f32, folder.resolve("single.gguf"), Policy.KEEP, split("single.gguf", "1G"));
        assertThat(plan.files()).hasSize(1);
        Path only = folder.resolve("single-00001-of-00001.gguf");
        assertThat(Contents.of(only).keys()).containsKey("split.count");
        Path again = folder.resolve("again.gguf");
        Conversions.convert(only, again, Policy.KEEP);
        assertThat(again).hasSameBinaryContentAs(f32);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "-1", "1K", "1.5M", "9999999999999G", "M"})
    void refusesSizesThatAreNone(String size) {
        assertThatThrownBy(() -> Conversions.convert(f32, folder.resolve("no.gguf"), Policy.KEEP, split("no.gguf", size)))
                .isInstanceOf(PolicyException.class).hasMessageContaining("--split-max-size \"" + size + "\"");
    }

    @Test
    void keepsAFileOfLlamaCpp() throws Exception {
        Path theirs = folder.resolve("theirs-f16.gguf");
        llama().quantize(f32, theirs, QuantizeOptions.of(GgufFileType.F16.id()));
        Path ours = folder.resolve("ours-f16.gguf");
        ConversionPlan plan = Conversions.convert(theirs, ours, Policy.KEEP);
        assertThat(plan.findings()).noneMatch(finding -> finding.code().equals("requantised"));
        Contents expected = Contents.of(theirs);
        Contents found = Contents.of(ours);
        assertThat(found.keys()).isEqualTo(expected.keys());
        assertThat(List.copyOf(found.keys().keySet())).isEqualTo(List.copyOf(expected.keys().keySet()));
        assertThat(found.types()).isEqualTo(expected.types());
        found.data().forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(expected.data().get(name)));
        assertThat(ours).hasSameBinaryContentAs(theirs);
    }

    @Test
    void requantisesAsLlamaCppDoes() throws Exception {
        Path q8 = folder.resolve("q8.gguf");
        llama().quantize(f32, q8, QuantizeOptions.of(GgufFileType.Q8_0.id()));
        Path theirs = folder.resolve("theirs-q4km.gguf");
        llama().quantize(q8, theirs, QuantizeOptions.of(GgufFileType.Q4_K_M.id()).withAllowRequantize(true));
        Path ours = folder.resolve("ours-q4km.gguf");
        ConversionPlan plan = Conversions.convert(q8, ours, Policy.KEEP.withType("Q4_K_M", false));
        Finding finding = plan.findings().stream().filter(one -> one.code().equals("requantised")).findFirst().orElseThrow();
        assertThat(finding.tensors()).isNotEmpty();
        Contents expected = Contents.of(theirs);
        Contents found = Contents.of(ours);
        assertThat(found.types()).isEqualTo(expected.types());
        found.data().forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(expected.data().get(name)));
        assertThat(found.keys()).isEqualTo(expected.keys());
        assertThat(List.copyOf(found.keys().keySet())).isEqualTo(List.copyOf(expected.keys().keySet()));
    }
}
