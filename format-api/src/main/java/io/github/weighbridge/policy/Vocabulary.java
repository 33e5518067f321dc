package io.github.weighbridge.policy;

import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// The words that rules may use for roles and components: those of reports, and what plugins added to the model at hand.
public final class Vocabulary {
    /// The components of reports.
    public static final List<String> COMPONENTS = List.of("text_decoder", "token_embedding", "per_layer_embedding", "output_head",
            "vision_encoder", "audio_encoder", "projector", "drafter", "other");
    /// The roles of reports.
    public static final List<String> ROLES = List.of("token_embedding", "per_layer_embedding", "per_layer_model_projection",
            "per_layer_projection_norm", "output_head", "output_norm", "rope_frequencies", "attention_norm", "attention_q", "attention_k",
            "attention_v", "attention_qkv", "attention_output", "attention_q_norm", "attention_k_norm", "attention_post_norm", "ffn_norm",
            "ffn_gate", "ffn_up", "ffn_gate_up", "ffn_down", "ffn_post_norm", "router", "router_scale", "expert_gate_up", "expert_gate",
            "expert_up", "expert_down", "expert_scale", "per_layer_gate", "per_layer_projection", "per_layer_post_norm", "layer_scalar",
            "activation_scale", "kv_scale", "other");
    /// The parts that can be stripped.
    public static final List<String> PARTS = List.of("audio", "mtp", "ple", "vision");
    /// The formats that are built in.
    public static final List<String> FORMATS = List.of("compressed-tensors", "gguf", "litertlm", "safetensors", "task");

    private Vocabulary() {}

    /// The words of all formats that are written, those of plugins included.
    public static Set<String> formats() {
        Set<String> formats = new TreeSet<>(FORMATS);
        Formats.installed().all().stream().filter(Format::writes).map(Format::name).forEach(formats::add);
        return formats;
    }

    static void check(List<Rule> rules, Collection<TargetTensor> tensors) throws PolicyException {
        Set<String> components = new TreeSet<>(COMPONENTS);
        Set<String> roles = new TreeSet<>(ROLES);
        for (TargetTensor tensor : tensors) {
            components.add(tensor.identity().component().word());
            roles.add(tensor.identity().role().word());
        }
        for (Rule rule : rules) {
            check(rule, "component", rule.match().components(), components);
            check(rule, "role", rule.match().roles(), roles);
        }
    }

    private static void check(Rule rule, String what, Set<String> words, Set<String> known) throws PolicyException {
        for (String word : words) {
            if (!known.contains(word)) {
                throw new PolicyException(rule.label() + ": there is no " + what + " \"" + word + "\"" + suggestion(word, known));
            }
        }
    }

    /// `, did you mean "x"?` where a word is near, otherwise the whole list.
    public static String suggestion(String word, Collection<String> known) {
        Optional<String> near = known.stream().filter(candidate -> distance(word, candidate) <= Math.max(1, candidate.length() / 4))
                .min(java.util.Comparator.comparingInt((String candidate) -> distance(word, candidate))
                        .thenComparing(candidate -> candidate));
        return near.map(candidate -> ", did you mean \"" + candidate + "\"?").orElseGet(() -> ", only " + String.join(", ", known));
    }

    /// Number of letters to insert, take away or replace.
    private static int distance(String a, String b) {
        if (a.length() > 64 || b.length() > 64) {
            return Integer.MAX_VALUE;
        }
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int before = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int above = row[j];
                row[j] = Math.min(Math.min(row[j], row[j - 1]) + 1, before + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1));
                before = above;
            }
        }
        return row[b.length()];
    }
}
