package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.Footprint;
import io.github.weighbridge.convert.Planned;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.policy.Policies;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.budget.Budget;
import io.github.weighbridge.policy.budget.BudgetRequest;
import io.github.weighbridge.policy.budget.BudgetResult;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

/// What presets make of the released models, to the byte. Their weights are not read: sizes follow from headers.
class PresetsTest {
    /// Elements of the embedding table, and what Q2_K takes for 256.
    private static final long E2B_EMBEDDING = 262_144L * 1536;
    private static final long E4B_EMBEDDING = 262_144L * 2560;
    private static final long ROPE_FREQUENCIES = 256L * Float.BYTES;

    private static Checkpoint open(Gemma4Size size) throws IOException {
        return Formats.installed().open(
                new Source(size.name(), Gemma4Fixture.virtual(size.name(), Gemma4Options.of(size)), Optional.empty()),
                ReadOptions.defaults());
    }

    private static Format format(String name) {
        return Formats.installed().byName(name).orElseThrow();
    }

    /// The bits of the published checkpoints (Google's quantization_config of both, first match wins).
    private static int published(Gemma4Size size, Identity identity) {
        boolean small = size == Gemma4Size.E2B;
        String role = identity.role().word();
        if (identity.component().equals(Component.TOKEN_EMBEDDING) || identity.component().equals(Component.OUTPUT_HEAD)) {
            return 2;
        }
        if (identity.component().equals(Component.PER_LAYER_EMBEDDING)) {
            return small ? 4 : 2;
        }
        if (!identity.component().equals(Component.TEXT_DECODER)) {
            return 0;
        }
        return switch (role) {
            case "ffn_gate", "ffn_up", "ffn_down" -> small && identity.layer() >= 15 ? 2 : 4;
            case "attention_q", "attention_k", "attention_v", "attention_output" -> 4;
            case "per_layer_gate", "per_layer_projection" -> 8;
            case "per_layer_model_projection" -> 16;
            default -> 32;
        };
    }

    /// A BF16 checkpoint with the mobile preset: every tensor has the published width, and the bytes are those of a mobile checkpoint whose codes
    /// are carried, less the head that a tied model does not store (in Q2_K), with the rotary factors that GGUF adds.
    @ParameterizedTest
    @EnumSource(names = {"E2B", "E4B"})
    void mobileInGguf(Gemma4Size size) throws IOException, PolicyException {
        try (Checkpoint checkpoint = open(size)) {
            Planned planned = Planner.prepare(checkpoint, format("gguf"), PolicyFiles.preset("gemma4-mobile").orElseThrow(),
                    TargetRequest.named("mobile.gguf"));
            for (Job job : planned.plan().jobs()) {
                Identity identity = planned.plan().identities().get(job.target().name());
                assertThat(job.target().encoding().codeBits()).as(job.target().name()).isEqualTo(published(size, identity));
            }
            long carried = size == Gemma4Size.E2B ? 2_410_427_532L : 3_669_274_792L;
            long head = (size == Gemma4Size.E2B ? E2B_EMBEDDING : E4B_EMBEDDING) / 256 * 84;
            assertThat(Footprint.of(Audited.of(planned.plan())).tensorBytes()).isEqualTo(carried - head + ROPE_FREQUENCIES);
            assertThat(planned.plan().findings()).noneMatch(finding -> finding.code().equals("fallback"));
            assertThat(planned.decision().outcomes()).filteredOn(outcome -> outcome.rule().startsWith("gemma4-mobile rule"))
                    .filteredOn(outcome -> outcome.tensors() == 0).as("encoders have no place in a text GGUF").hasSize(4);
        }
    }

    /// A part of the published decomposition (gemma4.md section 5), or nothing for tensors that it does not count.
    private static Optional<String> part(Identity identity, int owners) {
        return switch (identity.role().word()) {
            case "attention_q", "attention_output" -> decoder(identity, "attention");
            case "attention_k", "attention_v" -> decoder(identity, identity.layer() < owners ? "attention" : "dead");
            case "ffn_gate", "ffn_up", "ffn_down" -> decoder(identity, identity.layer() < 15 ? "first" : "last");
            case "per_layer_gate", "per_layer_projection" -> Optional.of("adapters");
            case "per_layer_embedding" -> Optional.of("ple");
            case "token_embedding" -> Optional.of("embedding");
            default -> Optional.empty();
        };
    }

    private static Optional<String> decoder(Identity identity, String part) {
        return identity.component().equals(Component.TEXT_DECODER) ? Optional.of(part) : Optional.empty();
    }

    /// The same in the format of Google's mobile-ct: codes of every part have the published bytes. These are given with a scale of four bytes
    /// for each row (for each row and layer, of the table of per-layer embeddings) and two activation scales for each linear layer, so that what is
    /// left are the codes.
    @ParameterizedTest
    @EnumSource(names = {"E2B", "E4B"})
    void mobileInCompressedTensors(Gemma4Size size) throws IOException, PolicyException {
        boolean small = size == Gemma4Size.E2B;
        try (Checkpoint checkpoint = open(size)) {
            Planned planned = Planner.prepare(checkpoint, format("compressed-tensors"), PolicyFiles.preset("gemma4-mobile").orElseThrow(),
                    TargetRequest.named("mobile"));
            Map<String, Long> bytes = new TreeMap<>();
            for (Job job : planned.plan().jobs()) {
                Identity identity = planned.plan().identities().get(job.target().name());
                boolean decoder = identity.component().equals(Component.TEXT_DECODER);
                int expected = published(size, identity);
                if (job.target().shape().rank() == 2 && expected < 16 && expected > 0) {
                    assertThat(job.target().encoding().codeBits()).as(job.target().name()).isEqualTo(expected);
                }
                long layers = identity.component().equals(Component.PER_LAYER_EMBEDDING) ? checkpoint.architecture().layers().size() : 1;
                part(identity, small ? 15 : 24).ifPresent(part -> bytes.merge(part, job.target().planes().getFirst().length()
                        + 4 * layers * job.target().shape().rows() + (decoder ? 8 : 0), Long::sum));
                if (identity.component().equals(Component.VISION_ENCODER) && job.target().shape().rank() == 2
                        && job.target().name().endsWith(".linear.weight")) {
                    assertThat(job.target().encoding().codeBits()).as(job.target().name()).isEqualTo(8);
                }
                if (identity.component().equals(Component.AUDIO_ENCODER) && job.target().name().endsWith(".linear.weight")) {
                    assertThat(job.target().encoding().codeBits()).as(job.target().name())
                            .isEqualTo(job.target().name().contains("lconv1d.linear_start") ? 4 : 2);
                }
            }
            assertThat(bytes).isEqualTo(small
                    ? Map.of("attention", 139_795_232L, "dead", 9_486_656L, "first", 213_166_440L, "last", 285_204_960L, "adapters",
                            27_776_560L, "ple", 1_211_105_280L, "embedding", 101_711_872L)
                    : Map.of("attention", 294_548_512L, "dead", 27_611_424L, "first", 1_655_378_928L * 15 / 42, "last",
                            1_655_378_928L * 27 / 42, "adapters", 55_524_000L, "ple", 748_683_264L, "embedding", 168_820_736L));
        }
    }

    /// And for LiteRT-LM, whose tables of per-layer embeddings are apart, and which stores the tied head again.
    @ParameterizedTest
    @EnumSource(names = {"E2B", "E4B"})
    void mobileInLiteRt(Gemma4Size size) throws IOException, PolicyException {
        boolean small = size == Gemma4Size.E2B;
        try (Checkpoint checkpoint = open(size)) {
            Planned planned = Planner.prepare(checkpoint, format("litertlm"), PolicyFiles.preset("gemma4-mobile").orElseThrow(),
                    TargetRequest.named("mobile.litertlm"));
            Map<String, Long> bytes = new TreeMap<>();
            for (Job job : planned.plan().jobs()) {
                Identity identity = planned.plan().identities().get(job.target().name());
                boolean head = identity.component().equals(Component.OUTPUT_HEAD);
                int expected = published(size, identity);
                if (job.target().shape().rank() == 2 && expected < 16 && expected > 0) {
                    assertThat(job.target().encoding().codeBits()).as(job.target().name()).isEqualTo(expected);
                }
                (head ? Optional.of("head") : part(identity, small ? 15 : 24)).ifPresent(part -> bytes.merge(part,
                        job.target().planes().getFirst().length() + 4 * job.target().shape().rows()
                                + (head || identity.component().equals(Component.TEXT_DECODER) ? 8 : 0),
                        Long::sum));
            }
            assertThat(bytes).isEqualTo(small
                    ? Map.of("attention", 139_795_232L, "first", 213_166_440L, "last", 285_204_960L, "adapters", 27_776_560L, "ple",
                            1_211_105_280L, "embedding", 101_711_872L, "head", 101_711_880L)
                    : Map.of("attention", 294_548_512L, "first", 1_655_378_928L * 15 / 42, "last", 1_655_378_928L * 27 / 42, "adapters",
                            55_524_000L, "ple", 748_683_264L, "embedding", 168_820_736L, "head", 168_820_744L));
            assertThat(planned.plan().findings()).noneMatch(finding -> finding.code().equals("fallback"));
        }
    }

    /// A budget for a released model is met, used, and solved to the optimum or near it.
    @ParameterizedTest
    @CsvSource({"2500000000, FILE", "1200000000, RESIDENT"})
    void budgetsOfE2b(long bytes, BudgetRequest.Measure measure) throws IOException, PolicyException {
        Policy policy = PolicyFiles.parse("test.yaml", "default: q4_0\nrules: []\n");
        try (Checkpoint checkpoint = open(Gemma4Size.E2B)) {
            TargetRequest request = TargetRequest.named("budget.gguf");
            Target target = format("gguf").target(checkpoint, request);
            BudgetResult result = Budget.solve(policy, checkpoint, target, new BudgetRequest(bytes, measure, 0, 2));
            System.out.println("E2B, " + measure + ": " + result.used() + " of " + bytes + ", gap " + result.gap());
            assertThat(result.used()).isBetween(bytes * 99 / 100, bytes);
            assertThat(result.gap()).isLessThan(0.01);
            Audited audited = Audited.of(target.plan(Policies.decide(result.policy(), checkpoint, target).assignment()));
            assertThat(measure == BudgetRequest.Measure.FILE ? audited.bytes() : Footprint.of(audited).memory().residentBytes())
                    .isEqualTo(result.used());
        }
    }

    /// The page about presets says what they make of E2B. To write it anew: `-Dweighbridge.write=true`.
    @Test
    void thePageIsTrue() throws IOException, PolicyException {
        StringBuilder page = new StringBuilder("""
                # Presets

                What `--policy NAME` makes of Gemma 4 E2B in BF16 (2011 tensors, 10 246 621 918 bytes), to the byte: the length of the files with tensors, of
                which so much is tensors, and the bits of a parameter. The tokenizer is the fixture's, 262 144 entries like the real one, of other words. This page
                is held true by `PresetsTest`.
                """);
        for (String format : List.of("gguf", "compressed-tensors", "litertlm")) {
            page.append("\n## ").append(format)
                    .append("\n\n| preset | file bytes | tensor bytes | bits | encodings of matrices |\n| --- | ---: | ---: | ---: | --- |\n");
            // Making a target reads the tokenizer, which takes longer than all else.
            Map<TargetRequest, Target> targets = new HashMap<>();
            try (Checkpoint checkpoint = open(Gemma4Size.E2B)) {
                for (String name : PolicyFiles.presets()) {
                    Policy preset = PolicyFiles.preset(name).orElseThrow().in(format);
                    page.append("| `").append(name).append("` | ")
                            .append(row(checkpoint, preset, target(checkpoint, format, preset, targets)))
                            .append(" |\n");
                }
            }
        }
        page.append("\n## safetensors\n\nA folder of plain numbers has no integers that stand for numbers, so that it takes ");
        List<String> plain = new ArrayList<>();
        List<String> refused = new ArrayList<>();
        try (Checkpoint checkpoint = open(Gemma4Size.E2B)) {
            for (String name : PolicyFiles.presets()) {
                try {
                    Planner.prepare(checkpoint, format("safetensors"), PolicyFiles.preset(name).orElseThrow(),
                            TargetRequest.named("plain"));
                    plain.add("`" + name + "`");
                } catch (PolicyException e) {
                    assertThat(e).hasMessageContainingAll(name.startsWith("gemma4-mobile") ? "gemma4-mobile" : name, "safetensors");
                    refused.add("`" + name + "`");
                }
            }
        }
        page.append(String.join(", ", plain)).append(" and refuses\n").append(String.join(", ", refused)).append(".\n");
        page.append("\n## What they are for\n\n");
        for (String name : PolicyFiles.presets()) {
            page.append("- `").append(name).append("`: ").append(PolicyFiles.preset(name).orElseThrow().description()).append('\n');
        }
        Path file = Path.of(System.getProperty("weighbridge.root"), "docs/presets.md");
        if (Boolean.getBoolean("weighbridge.write")) {
            Files.writeString(file, page);
        }
        assertThat(Files.readString(file)).isEqualTo(page.toString());
    }

    private static Target target(Checkpoint checkpoint, String format, Policy preset, Map<TargetRequest, Target> targets)
            throws IOException, PolicyException {
        TargetRequest request = Planner.request(preset, TargetRequest.named("model." + format));
        if (!targets.containsKey(request)) {
            targets.put(request, format(format).target(checkpoint, request));
        }
        return targets.get(request);
    }

    private static String row(Checkpoint checkpoint, Policy policy, Target target) throws PolicyException {
        ConversionPlan plan = target.plan(Policies.decide(policy, checkpoint, target).assignment());
        Audited audited = Audited.of(plan);
        Footprint footprint = Footprint.of(audited);
        Set<String> encodings = new TreeSet<>();
        plan.jobs().stream().map(Job::target).filter(tensor -> tensor.shape().rank() > 1)
                .forEach(tensor -> encodings.add(tensor.encoding().name()));
        return Numbers.grouped(audited.bytes()) + " | " + Numbers.grouped(footprint.tensorBytes()) + " | "
                + String.format(Locale.ROOT, "%.3f", footprint.bitsPerWeight()) + " | " + String.join(", ", encodings);
    }
}
