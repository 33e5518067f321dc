package io.github.weighbridge.policy;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.TargetTensor;
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
    private static final class TwoLayers implements Target {
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
                .hasMessage("rule norm matches no tensor that it could decide");
        assertThatThrownBy(() -> assign(rule("q", "f16"), rule("blk\\.1\\.q", "f32"))).as("decided before")
                .isInstanceOf(PolicyException.class)
                .hasMessage("rule blk\\.1\\.q matches no tensor that it could decide");
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
    void theBuiltInPoliciesAreKnownByName() throws PolicyException {
        assertThat(Policies.builtIn()).extracting(Policy::name).containsExactly("keep", "bf16", "f16", "f32", "qat-q4_0",
                "google-q4_0");
        assertThat(Policies.byName("keep")).contains(Policy.KEEP);
        assertThat(Policies.byName("int4")).isEmpty();
        Map<String, Choice> choices = assign(Policies.byName("f32").orElseThrow());
        assertThat(choices.values()).extracting(Choice::encoding).containsOnly(DenseEncoding.F32);
        assertThat(choices.get("blk.0.q").reason()).isEqualTo("policy f32");
    }

    /// Presets are for models that do not all have the same tensors.
    @Test
    void aRuleThatIsNotRequiredMayMatchNothing() throws PolicyException {
        Rule vision = rule("vision", "f16");
        assertThat(assign(new Rule(vision.match(), vision.encoding(), vision.label(), false)).get("embd").reason()).isEqualTo("keep");
    }

    @Test
    void aTypeThatAPolicyNamesItselfIsRefusedInItsName() {
        for (String name : List.of("qat-q4_0", "google-q4_0")) {
            assertThatThrownBy(() -> assign(Policies.byName(name).orElseThrow())).isInstanceOf(PolicyException.class)
                    .hasMessage("policy " + name + ": no type Q4_0:exact");
        }
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
