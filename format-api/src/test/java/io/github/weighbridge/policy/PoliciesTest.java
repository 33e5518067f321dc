package io.github.weighbridge.policy;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class PoliciesTest {
    /// Two layers of q and norm and an embedding, all BF16; norms are fixed to F32, and F16 is refused for the embedding.
    private static class TwoLayers implements Target {
        private final List<TargetTensor> tensors = new ArrayList<>();

        TwoLayers() {
            add("embd", Role.TOKEN_EMBEDDING, Component.TOKEN_EMBEDDING, Identity.NO_LAYER);
            for (int i = 0; i < 2; i++) {
                add("blk." + i + ".q", Role.ATTENTION_Q, Component.TEXT_DECODER, i);
                add("blk." + i + ".norm", Role.ATTENTION_NORM, Component.TEXT_DECODER, i);
            }
        }

        private void add(String name, Role role, Component component, int layer) {
            StoredTensor stored = new StoredTensor(name, Shape.of(4), DenseEncoding.BF16, List.of(new Span(0, 0, 8)));
            tensors.add(new TargetTensor(name, new Identity(role, component, layer), View.of(stored), List.of(name)));
        }

        @Override
        public List<TargetTensor> tensors() {
            return tensors;
        }

        @Override
        public List<Finding> findings() {
            return List.of();
        }

        @Override
        public Optional<Choice> fixed(TargetTensor tensor) {
            return tensor.name().endsWith("norm") ? Optional.of(Choice.of(DenseEncoding.F32, "fixed")) : Optional.empty();
        }

        @Override
        public Choice keep(TargetTensor tensor) {
            return Choice.of(DenseEncoding.BF16, "keep");
        }

        @Override
        public Optional<Encoding> encoding(String word) {
            return switch (word) {
                case "bf16" -> Optional.of(DenseEncoding.BF16);
                case "f16" -> Optional.of(DenseEncoding.F16);
                case "f32" -> Optional.of(DenseEncoding.F32);
                default -> Optional.empty();
            };
        }

        @Override
        public Assignment type(String type, boolean pure) throws PolicyException {
            if (!type.equals("MIX")) {
                throw new PolicyException("no type " + type);
            }
            Map<String, Choice> choices = new LinkedHashMap<>();
            tensors.forEach(tensor -> choices.put(tensor.name(), Choice.of(DenseEncoding.F16, pure ? "pure" : "mixed")));
            return new Assignment(choices, List.of(Finding.info("fallback", "a fallback", List.of())), Optional.of("mix"));
        }

        @Override
        public Optional<String> refuses(TargetTensor tensor, Encoding encoding) {
            return tensor.name().equals("embd") && encoding.equals(DenseEncoding.F16) ? Optional.of("too coarse") : Optional.empty();
        }

        @Override
        public ConversionPlan plan(Assignment assignment) {
            throw new UnsupportedOperationException();
        }
    }

    private static Rule rule(String pattern, String encoding) {
        return new Rule(Match.named(Pattern.compile(pattern)), encoding, "rule " + pattern);
    }

    private static Map<String, Choice> assign(Policy policy) throws PolicyException {
        return Policies.assign(policy, new TwoLayers()).choices();
    }

    private static Map<String, Choice> assign(Rule... rules) throws PolicyException {
        return assign(Policy.KEEP.withFirst(List.of(rules)));
    }

    @Test
    void keepingGivesWhatTheTargetKeepsAndWhatItFixes() throws PolicyException {
        Map<String, Choice> choices = assign(Policy.KEEP);
        assertThat(choices.keySet()).containsExactly("embd", "blk.0.q", "blk.0.norm", "blk.1.q", "blk.1.norm");
        assertThat(choices.get("embd")).isEqualTo(Choice.of(DenseEncoding.BF16, "keep"));
        assertThat(choices.get("blk.1.norm")).isEqualTo(Choice.of(DenseEncoding.F32, "fixed"));
    }

    @Test
    void theFirstRuleThatMatchesDecides() throws PolicyException {
        Map<String, Choice> choices = assign(rule("blk\\.1", "f16"), rule("q$", "f32"));
        assertThat(choices.get("blk.1.q")).isEqualTo(Choice.of(DenseEncoding.F16, "rule blk\\.1"));
        assertThat(choices.get("blk.0.q")).isEqualTo(Choice.of(DenseEncoding.F32, "rule q$"));
        assertThat(choices.get("embd").reason()).isEqualTo("keep");
    }

    @Test
    void whatTheRuntimeFixesWinsOverEveryRule() throws PolicyException {
        assertThat(assign(rule(".", "bf16")).get("blk.0.norm")).isEqualTo(Choice.of(DenseEncoding.F32, "fixed"));
    }

    @Test
    void aRuleMayKeepATensor() throws PolicyException {
        Map<String, Choice> choices = assign(rule("embd", Rule.KEEP), rule(".", "f32"));
        assertThat(choices.get("embd")).isEqualTo(Choice.of(DenseEncoding.BF16, "keep"));
        assertThat(choices.get("blk.0.q").encoding()).isEqualTo(DenseEncoding.F32);
    }

    @Test
    void aRuleThatMatchesNothingIsRefused() {
        assertThatThrownBy(() -> assign(rule("vision", "f16"))).isInstanceOf(PolicyException.class)
                .hasMessage("rule vision matches no tensor that it could decide");
        assertThatThrownBy(() -> assign(rule("norm", "f16"))).as("only fixed ones").isInstanceOf(PolicyException.class)
                .hasMessage("rule norm matches no tensor that it could decide; the runtime fixes all that it matches");
        assertThatThrownBy(() -> assign(rule("q", "f16"), rule("blk\\.1\\.q", "f32"))).as("decided before")
                .isInstanceOf(PolicyException.class)
                .hasMessage("rule blk\\.1\\.q matches no tensor that it could decide; earlier rules decide blk.1.q");
    }

    @Test
    void anEncodingThatTheTargetRefusesIsNamedWithRuleAndTensor() {
        assertThatThrownBy(() -> assign(rule(".", "f16"))).isInstanceOf(PolicyException.class)
                .hasMessage("rule .: embd cannot be F16: too coarse");
    }

    @Test
    void aWordThatTheTargetDoesNotKnowIsNamedWithRuleAndTensor() {
        assertThatThrownBy(() -> assign(rule("q", "int3"))).isInstanceOf(PolicyException.class)
                .hasMessage("rule q: the target has no encoding \"int3\", asked for blk.0.q");
    }

    @Test
    void theNamedTypeDecidesWhereNoRuleDoes() throws PolicyException {
        Policy policy = Policy.KEEP.withType("MIX", false).withFirst(List.of(rule("embd", "f32")));
        Assignment assignment = Policies.assign(policy, new TwoLayers());
        assertThat(assignment.choices().get("embd").encoding()).isEqualTo(DenseEncoding.F32);
        assertThat(assignment.choices().get("blk.0.q")).isEqualTo(Choice.of(DenseEncoding.F16, "mixed"));
        assertThat(assignment.choices().get("blk.0.norm").reason()).isEqualTo("fixed");
        assertThat(assignment.findings()).extracting(Finding::code).containsExactly("fallback");
        assertThat(assignment.type()).contains("mix");
        assertThat(Policies.assign(Policy.KEEP, new TwoLayers()).type()).isEmpty();
        assertThat(assign(Policy.KEEP.withType("MIX", true)).get("blk.0.q").reason()).isEqualTo("pure");
        assertThatThrownBy(() -> assign(Policy.KEEP.withType("Q9_X", false))).isInstanceOf(PolicyException.class)
                .hasMessage("no type Q9_X");
    }

    @Test
    void thePresetsAreKnownByName() throws PolicyException {
        assertThat(PolicyFiles.presets()).startsWith("keep", "bf16", "f16", "f32").contains("gemma4-mobile", "w4a16", "q4_k_m");
        assertThat(PolicyFiles.preset("keep")).contains(Policy.KEEP);
        assertThat(PolicyFiles.preset("int4")).isEmpty();
        for (String name : PolicyFiles.presets()) {
            Policy preset = PolicyFiles.preset(name).orElseThrow();
            assertThat(preset.name()).isEqualTo(name);
            assertThat(preset.description()).as(name).isNotEmpty();
        }
        Map<String, Choice> choices = assign(PolicyFiles.preset("f32").orElseThrow());
        assertThat(choices.values()).extracting(Choice::encoding).containsOnly(DenseEncoding.F32);
        assertThat(choices.get("blk.0.q").reason()).isEqualTo("policy f32");
    }

    /// Presets are for models that do not all have the same tensors.
    @Test
    void aRuleThatIsOptionalMayMatchNothing() throws PolicyException {
        Rule vision = rule("vision", "f16");
        assertThat(assign(new Rule(vision.match(), vision.encoding(), vision.label(), true, List.of(), List.of())).get("embd").reason())
                .isEqualTo("keep");
    }

    @Test
    void aTypeThatAPolicyNamesItselfIsRefusedInItsName() {
        for (String name : List.of("qat-q4_0", "google-q4_0")) {
            assertThatThrownBy(() -> assign(PolicyFiles.preset(name).orElseThrow().in("gguf"))).isInstanceOf(PolicyException.class)
                    .hasMessage("policy " + name + ": no type Q4_0");
        }
    }

    @Test
    void aFallbackIsTakenWhereThePolicyHasOneAndIsPrinted() throws PolicyException {
        Rule rule = new Rule(Match.EVERYTHING, "f16", "rule 1", false, List.of(), List.of("int3", "f32"));
        Decision decision =
                Policies.decide(Policy.KEEP.withFirst(List.of(rule)), Architecture.unknown("", Value.Fields.EMPTY), new TwoLayers());
        assertThat(decision.assignment().choices().get("embd")).isEqualTo(Choice.of(DenseEncoding.F32, "rule 1, fallback"));
        assertThat(decision.assignment().choices().get("blk.0.q")).isEqualTo(Choice.of(DenseEncoding.F16, "rule 1"));
        assertThat(decision.assignment().findings()).extracting(Finding::message)
                .containsExactly("rule 1: 1 tensor (20.00 % of the parameters) became F32 instead of f16: too coarse");
        assertThat(decision.outcomes()).containsExactly(new Decision.Outcome("fixed by the runtime", "", 2, 8),
                new Decision.Outcome("rule 1", "f16", 3, 12));
    }

    @Test
    void fusedTensorsNeedOneEncoding() {
        TwoLayers fusing = new TwoLayers() {
            @Override
            public List<List<String>> fused() {
                return List.of(List.of("blk.0.q", "blk.1.q"));
            }
        };
        Policy policy = Policy.KEEP.withFirst(List.of(rule("blk.0.q", "f16")));
        assertThatThrownBy(() -> Policies.assign(policy, fusing)).isInstanceOf(PolicyException.class)
                .hasMessage(
                        "rule blk.0.q and keep: the runtime fuses blk.0.q and blk.1.q, which therefore need one encoding, not F16 and BF16");
    }

    @Test
    void layersAreThoseOfTheArchitecture() throws PolicyException {
        List<Layer> layers = List.of(layer(0, Layer.Attention.SLIDING, 0), layer(1, Layer.Attention.FULL, 0));
        Architecture architecture = new Architecture("x", "x", 4, 4, 4, layers, Value.Fields.EMPTY);
        for (var expected : Map.<LayerSet, List<Integer>>of(new LayerSet.Attention(Layer.Attention.SLIDING), List.of(0),
                new LayerSet.Attention(Layer.Attention.FULL), List.of(1), new LayerSet.Shared(), List.of(1), new LayerSet.First(1),
                List.of(0),
                new LayerSet.Last(1), List.of(1), new LayerSet.Last(7), List.of(0, 1), new LayerSet.Range(1, 34), List.of(1)).entrySet()) {
            Match match = new Match(Set.of(), Set.of(), List.of(expected.getKey()), Optional.empty(), 0, 4);
            Map<String, Choice> choices = Policies.decide(Policy.KEEP.withFirst(List.of(new Rule(match, "f32", "rule"))), architecture,
                    new TwoLayers()).assignment().choices();
            for (int layer = 0; layer < 2; layer++) {
                assertThat(choices.get("blk." + layer + ".q").reason().equals("rule")).as(expected.getKey() + " " + layer)
                        .isEqualTo(expected.getValue().contains(layer));
            }
            assertThat(choices.get("embd").reason()).isEqualTo("keep");
        }
    }

    private static Layer layer(int index, Layer.Attention attention, int owner) {
        return new Layer(index, attention, 2, 1, 1, 1, 1, owner, 1, 0, 0, 0);
    }

    @Test
    void aRuleIsPassedOverWhereItsConditionDoesNotHold() throws PolicyException {
        Architecture architecture = Architecture.unknown("m", new Value.Fields(Map.of("wide", Value.of(true), "width", Value.of(8))));
        for (var expected : Map.of("true", true, "false", false, "!= true", false).entrySet()) {
            Policy policy = PolicyFiles.parse("p.yaml",
                    "rules: [{match: all, encoding: f32, when: {wide: \"" + expected.getKey() + "\", width: \"> 7\"}}]");
            Decision decision = Policies.decide(policy, architecture, new TwoLayers());
            assertThat(decision.assignment().choices().get("embd").encoding().equals(DenseEncoding.F32)).isEqualTo(expected.getValue());
        }
        Policy policy = PolicyFiles.parse("p.yaml", """
                requires:
                  - when: { absent: "> 0" }
                    otherwise: this is for others
                """);
        assertThatThrownBy(() -> Policies.decide(policy, architecture, new TwoLayers())).isInstanceOf(PolicyException.class)
                .hasMessage("p.yaml:2:5: requirement: this is for others (absent > 0 does not hold of m)");
    }

    @Test
    void aMatchHoldsWhenAllItsConditionsDo() {
        TargetTensor q = new TwoLayers().tensors().get(3);
        assertThat(new Match(Set.of(), Set.of(), Set.of(), Optional.empty()).matches(q)).isTrue();
        assertThat(new Match(Set.of("text_decoder"), Set.of("attention_q"), Set.of(1), Optional.of(Pattern.compile("q"))).matches(q))
                .isTrue();
        assertThat(new Match(Set.of("drafter"), Set.of("attention_q"), Set.of(1), Optional.empty()).matches(q)).isFalse();
        assertThat(new Match(Set.of("text_decoder"), Set.of("attention_k"), Set.of(1), Optional.empty()).matches(q)).isFalse();
        assertThat(new Match(Set.of("text_decoder"), Set.of("attention_q"), Set.of(0, 2), Optional.empty()).matches(q)).isFalse();
        assertThat(Match.named(Pattern.compile("^q")).matches(q)).isFalse();
        assertThat(Match.named(Pattern.compile("1.q")).matches(q)).as("found anywhere").isTrue();
    }

    @Test
    void changesMakeANewPolicy() {
        Policy policy = Policy.KEEP.withStrip(Set.of("vision")).withStrip(Set.of("audio")).withType("Q4_0", true)
                .withFirst(List.of(rule("b", "f16"))).withFirst(List.of(rule("a", "f16")));
        assertThat(policy.strip()).containsExactlyInAnyOrder("vision", "audio");
        assertThat(policy.type()).contains("Q4_0");
        assertThat(policy.pure()).isTrue();
        assertThat(policy.rules()).extracting(Rule::label).containsExactly("rule a", "rule b");
        assertThat(Policy.KEEP.rules()).isEmpty();
        assertThat(Policy.KEEP.strip()).isEmpty();
    }
}
