package io.github.weighbridge.inspector;

import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Options.Numbers;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Whatever is written: each tensor of the source, scales of activations and caches and the bounds of clipped layers among them, is in exactly one file
/// of the output, whole, or a finding names it.
class EveryTensorTest {
    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource({"TINY_TOWERS, BF16, gguf, mmproj=b.gguf", "TINY_TOWERS, MOBILE, gguf, mmproj=b.gguf",
        "TINY_UNIFIED, BF16, gguf, mmproj=b.gguf", "TINY_TOWERS, BF16, gguf, mmproj=b.gguf;split-max-size=4M",
        "TINY_TOWERS, BF16, gguf, ''",
        "TINY_TOWERS, MOBILE, gguf, ''", "TINY_TOWERS, BF16, gguf, mmproj=a.gguf", "TINY_MOE, BF16, gguf, ''",
        "TINY_ASSISTANT, BF16, gguf, ''", "TINY_TOWERS, BF16, safetensors, max-shard-size=3MB", "TINY_TOWERS, MOBILE, safetensors, ''",
        "TINY_TOWERS, MOBILE, safetensors, form=gemma", "TINY_MOE, BF16, safetensors, ''", "TINY_ASSISTANT, BF16, safetensors, ''",
        "TINY_TOWERS, BF16, compressed-tensors, ''", "TINY_TOWERS, MOBILE, compressed-tensors, max-shard-size=2MB",
        "TINY_TOWERS, MOBILE, compressed-tensors, kv-cache-sliding=f16;kv-cache-full=f16",
        "TINY_TOWERS, MOBILE, compressed-tensors, activations=none", "TINY_MOE, BF16, compressed-tensors, ''",
        "TINY_UNIFIED, BF16, compressed-tensors, ''"})
    void isInOneOutputOrNamed(Gemma4Size size, Numbers numbers, String format, String options) throws Exception {
        Path made = folder.resolve("source");
        Gemma4Fixture.write(made, Gemma4Options.of(size).withNumbers(numbers));
        TargetRequest request = TargetRequest.named("a.gguf");
        for (String option : options.split(";")) {
            if (!option.isEmpty()) {
                request = request.withOption(option.substring(0, option.indexOf('=')), option.substring(option.indexOf('=') + 1));
            }
        }
        for (Set<String> strip : size == Gemma4Size.TINY_TOWERS ? List.of(Set.<String>of(), Set.of("vision"), Set.of("audio", "ple"))
                : List.of(Set.<String>of())) {
            try (Checkpoint source = Formats.installed().open(Source.of(made), ReadOptions.defaults())) {
                ConversionPlan plan =
                        Planner.plan(source, Formats.installed().byName(format).orElseThrow(), Policy.KEEP.withStrip(strip), request);
                check(source, plan, options.equals("mmproj=a.gguf"));
            }
        }
    }

    /// @param encodersAlone whether the text model is not asked for
    private static void check(Checkpoint source, ConversionPlan plan, boolean encodersAlone) {
        Map<String, Set<String>> places = new TreeMap<>();
        Map<String, Long> numbers = new HashMap<>();
        for (Job job : plan.jobs()) {
            String file = plan.files().get(job.target().planes().getFirst().file()).name();
            assertThat(job.target().planes()).as(job.target().name()).allMatch(plane -> plan.files().get(plane.file()).name().equals(file)
                    || plan.folder());
            for (StoredTensor stored : View.stored(job.view())) {
                places.computeIfAbsent(stored.name(), _ -> new HashSet<>()).add(file);
            }
            count(job.view(), numbers);
        }
        Set<String> named = new HashSet<>();
        plan.findings().stream().filter(finding -> LEFT.contains(finding.code())).forEach(finding -> named.addAll(finding.tensors()));
        long left = 0;
        for (StoredTensor stored : source.graph().stored()) {
            if (named.contains(stored.name())) {
                assertThat(places).as(stored.name()).doesNotContainKey(stored.name());
                left++;
            } else if (places.containsKey(stored.name())) {
                assertThat(places.get(stored.name())).as(stored.name()).hasSize(1);
                assertThat(numbers.get(stored.name())).as("numbers of " + stored.name()).isEqualTo(stored.shape().elements());
            } else {
                assertThat(encodersAlone && stored.name().contains("language_model"))
                        .as(stored.name() + " is nowhere, and no finding names it")
                        .isTrue();
            }
        }
        assertThat(places.size() + left).isPositive();
    }

    /// The findings that say that tensors are not in the output.
    private static final Set<String> LEFT = Set.of("encoders-left-out", "tied-head-left-out", "dead-weights-left-out", "tensors-left-out",
            "activation-scales-lost", "activation-scales-idle", "cache-scales-lost", "cache-scales-left-out", "kv-scales-lost", "stripped",
            "per-layer-embeddings-left-out", "scale-left-out");

    /// How many numbers of each stored tensor a view takes.
    private static void count(View view, Map<String, Long> numbers) {
        switch (view) {
            case View.Stored(StoredTensor stored) -> numbers.merge(stored.name(), stored.shape().elements(), Long::sum);
            case View.Slice slice ->
                    View.stored(slice).forEach(stored -> numbers.merge(stored.name(), slice.shape().elements(), Long::sum));
            case View.Concat(int _, List<View> parts) -> parts.forEach(part -> count(part, numbers));
            case View.Swap(View of, int _, long _, long _, long _) -> count(of, numbers);
            case View.Reshape(View of, _) -> count(of, numbers);
            case View.Transpose(View of, _) -> count(of, numbers);
            case View.Mapped(View of, _) -> count(of, numbers);
            case View.Constant _ -> {
                // made, and of no tensor
            }
        }
    }
}
