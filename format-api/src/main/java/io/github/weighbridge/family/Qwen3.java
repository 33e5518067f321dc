package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.TensorSpec.Presence;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Qwen3, dense or with a mixture of experts in each layer.
///
/// Queries and keys have norms; nothing is permuted. Experts are matrices of their own in safetensors and one stack in GGUF. Facts: transformers
/// `models/qwen3` and `models/qwen3_moe`, llama.cpp v0.5.0 `conversion/qwen.py`.
public final class Qwen3 extends Decoder {
    private static final List<Key> DENSE = Key.decoder(List.of());
    private static final List<Key> EXPERTS = Key.decoder(List.of(Key.whole("moe_intermediate_size", "expert_feed_forward_length",
            Parameters.MAXIMUM)));

    private final boolean experts;

    private Qwen3(String name, String modelType, String className, boolean experts) {
        super(name, List.of(modelType), className);
        this.experts = experts;
    }

    /// The dense models: `qwen3`.
    public static Qwen3 dense() {
        return new Qwen3("qwen3", "qwen3", "Qwen3ForCausalLM", false);
    }

    /// The mixtures of experts: `qwen3moe`.
    public static Qwen3 mixture() {
        return new Qwen3("qwen3moe", "qwen3_moe", "Qwen3MoeForCausalLM", true);
    }

    @Override
    List<Key> keys() {
        return experts ? EXPERTS : DENSE;
    }

    @Override
    Map<String, Value> defaults() {
        Map<String, Value> defaults = new LinkedHashMap<>();
        defaults.put("hidden_act", Value.of("silu"));
        defaults.put("attention_bias", Value.of(false));
        defaults.put("rms_norm_eps", Value.of(1e-6));
        defaults.put("rope_theta", Value.of(10_000.0));
        defaults.put("max_position_embeddings", Value.of(32_768));
        defaults.put("tie_word_embeddings", Value.of(false));
        if (experts) {
            defaults.put("decoder_sparse_step", Value.of(1));
            defaults.put("norm_topk_prob", Value.of(true));
            defaults.put("mlp_only_layers", new Value.Items(List.of()));
        } else {
            defaults.put("head_dim", Value.of(128));
        }
        return defaults;
    }

    @Override
    void complete(Parameters given, Map<String, Value> config) throws CheckpointFormatException {
        Llama.headSize(given, config);
        if (experts) {
            given.whole("num_experts", 1, 1 << 16);
            given.whole("decoder_sparse_step", 1, 1 << 16);
            given.list("mlp_only_layers");
        }
    }

    @Override
    boolean sparse(Value.Fields config, int layer) {
        long step = config.whole("decoder_sparse_step").orElse(1L);
        return (layer + 1) % step == 0 && !config.list("mlp_only_layers").orElse(List.of()).contains(Value.of((long) layer));
    }

    @Override
    void rows(Architecture a, Rows rows) {
        long h = a.hiddenSize();
        Llama.ends(a, rows);
        for (Layer layer : a.layers()) {
            Rows own = rows.in(Component.TEXT_DECODER, layer.index());
            String hf = "model.layers." + layer.index() + ".";
            String gg = "blk." + layer.index() + ".";
            int head = layer.keyLength();
            long queries = (long) layer.heads() * head;
            long keys = (long) layer.keyValueHeads() * head;
            own.add(Role.ATTENTION_NORM, hf + "input_layernorm.weight", gg + "attn_norm.weight", Shape.of(h));
            own.add(Role.ATTENTION_Q, hf + "self_attn.q_proj.weight", gg + "attn_q.weight", Shape.of(queries, h));
            own.add(Role.ATTENTION_Q_NORM, hf + "self_attn.q_norm.weight", gg + "attn_q_norm.weight", Shape.of(head));
            own.add(Role.ATTENTION_K, hf + "self_attn.k_proj.weight", gg + "attn_k.weight", Shape.of(keys, h));
            own.add(Role.ATTENTION_K_NORM, hf + "self_attn.k_norm.weight", gg + "attn_k_norm.weight", Shape.of(head));
            own.add(Role.ATTENTION_V, hf + "self_attn.v_proj.weight", gg + "attn_v.weight", Shape.of(keys, h));
            own.add(Role.ATTENTION_OUTPUT, hf + "self_attn.o_proj.weight", gg + "attn_output.weight", Shape.of(h, queries));
            own.add(Role.FFN_NORM, hf + "post_attention_layernorm.weight", gg + "ffn_norm.weight", Shape.of(h));
            if (layer.experts() > 0) {
                own.add(Role.ROUTER, hf + "mlp.gate.weight", gg + "ffn_gate_inp.weight", Shape.of(layer.experts(), h));
                long f = layer.expertFeedForward();
                stack(own, Role.EXPERT_GATE, layer.experts(), hf, "gate_proj", gg + "ffn_gate_exps.weight", Shape.of(f, h));
                stack(own, Role.EXPERT_UP, layer.experts(), hf, "up_proj", gg + "ffn_up_exps.weight", Shape.of(f, h));
                stack(own, Role.EXPERT_DOWN, layer.experts(), hf, "down_proj", gg + "ffn_down_exps.weight", Shape.of(h, f));
            } else {
                Llama.feedForward(own, hf, gg, h, layer.feedForward());
            }
        }
    }

    private static void stack(Rows own, Role role, int experts, String hf, String matrix, String gguf, Shape shape) {
        List<Holding> parts = new ArrayList<>(experts);
        for (int e = 0; e < experts; e++) {
            Holding one = Holding.one(own.key(role) + "." + e, shape);
            own.add(role, hf + "mlp.experts." + e + "." + matrix + ".weight", "", Presence.REQUIRED, one);
            parts.add(one);
        }
        own.add(role, "", gguf, Presence.REQUIRED, new Holding.Stacked(parts));
    }
}
