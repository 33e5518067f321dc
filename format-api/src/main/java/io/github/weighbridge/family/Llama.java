package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.TensorSpec.Presence;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Llama 2 and 3, and what is built like them.
///
/// transformers rotates halves of a head, llama.cpp neighbouring pairs: GGUF stores the rows of each query and key head so that the pairs are
/// neighbours. Facts: transformers `models/llama`, llama.cpp v0.5.0 `conversion/llama.py`.
public final class Llama extends Decoder {
    private static final List<Key> KEYS =
            Key.decoder(List.of(Key.whole("vocab_size", "vocab_size", Parameters.MAXIMUM).as(Key.Use.WRITTEN),
                    Key.whole("head_dim", "rope.dimension_count", 1 << 20).as(Key.Use.WRITTEN)));

    /// The family.
    public Llama() {
        super("llama", List.of("llama"), "LlamaForCausalLM");
    }

    @Override
    List<Key> keys() {
        return KEYS;
    }

    @Override
    Map<String, Value> defaults() {
        Map<String, Value> defaults = new LinkedHashMap<>();
        defaults.put("hidden_act", Value.of("silu"));
        defaults.put("attention_bias", Value.of(false));
        defaults.put("mlp_bias", Value.of(false));
        defaults.put("rms_norm_eps", Value.of(1e-6));
        defaults.put("rope_theta", Value.of(10_000.0));
        defaults.put("max_position_embeddings", Value.of(2048));
        defaults.put("tie_word_embeddings", Value.of(false));
        return defaults;
    }

    @Override
    void complete(Parameters given, Map<String, Value> config) throws CheckpointFormatException {
        headSize(given, config);
        given.flag("attention_bias", false);
        given.flag("mlp_bias", false);
    }

    @Override
    void told(Parameters gguf, Map<String, Value> config) throws CheckpointFormatException {
        config.put("attention_bias", Value.of(gguf.flag(Dialect.TENSOR + "blk.0.attn_q.bias", false)));
        config.put("mlp_bias", Value.of(gguf.flag(Dialect.TENSOR + "blk.0.ffn_gate.bias", false)));
    }

    /// Heads share the width where no size of their own is given; each query head has its key where no number of those is given.
    static void headSize(Parameters given, Map<String, Value> config) throws CheckpointFormatException {
        long heads = given.whole("num_attention_heads", 1, 1 << 20);
        config.putIfAbsent("num_key_value_heads", Value.of(heads));
        config.putIfAbsent("head_dim", Value.of(given.whole("hidden_size", 1, Parameters.MAXIMUM) / heads));
    }

    @Override
    void rows(Architecture a, Rows rows) {
        Value.Fields p = a.parameters();
        long h = a.hiddenSize();
        boolean attentionBias = p.flag("attention_bias").orElse(false);
        boolean feedForwardBias = p.flag("mlp_bias").orElse(false);
        int head = a.layers().getFirst().keyLength();
        Rotary.factors(p, head).ifPresent(factors -> rows.in(Component.TEXT_DECODER, Identity.NO_LAYER).add(Role.ROPE_FREQUENCIES, "",
                "rope_freqs.weight", Presence.REQUIRED, new Holding.Made(factors)));
        ends(a, rows);
        for (Layer layer : a.layers()) {
            Rows own = rows.in(Component.TEXT_DECODER, layer.index());
            String hf = "model.layers." + layer.index() + ".";
            String gg = "blk." + layer.index() + ".";
            long queries = (long) layer.heads() * head;
            long keys = (long) layer.keyValueHeads() * head;
            List<Transform> pairs = List.of(new Transform.Swap(0, 2, head / 2, 1));
            own.add(Role.ATTENTION_NORM, hf + "input_layernorm.weight", gg + "attn_norm.weight", Shape.of(h));
            own.transformed(Role.ATTENTION_Q, hf + "self_attn.q_proj.weight", gg + "attn_q.weight", Presence.REQUIRED, Shape.of(queries, h),
                    pairs);
            own.transformed(Role.ATTENTION_K, hf + "self_attn.k_proj.weight", gg + "attn_k.weight", Presence.REQUIRED, Shape.of(keys, h),
                    pairs);
            own.add(Role.ATTENTION_V, hf + "self_attn.v_proj.weight", gg + "attn_v.weight", Shape.of(keys, h));
            own.add(Role.ATTENTION_OUTPUT, hf + "self_attn.o_proj.weight", gg + "attn_output.weight", Shape.of(h, queries));
            if (attentionBias) {
                own.bias(Role.ATTENTION_Q, hf + "self_attn.q_proj", gg + "attn_q", queries, pairs);
                own.bias(Role.ATTENTION_K, hf + "self_attn.k_proj", gg + "attn_k", keys, pairs);
                own.bias(Role.ATTENTION_V, hf + "self_attn.v_proj", gg + "attn_v", keys, List.of());
                own.bias(Role.ATTENTION_OUTPUT, hf + "self_attn.o_proj", gg + "attn_output", h, List.of());
            }
            // Saved by versions of transformers in which it was a buffer; it follows from the parameters.
            own.keyed(own.key(Role.ROPE_FREQUENCIES), Role.ROPE_FREQUENCIES, hf + "self_attn.rotary_emb.inv_freq", "", Presence.OPTIONAL,
                    Shape.of(head / 2));
            own.add(Role.FFN_NORM, hf + "post_attention_layernorm.weight", gg + "ffn_norm.weight", Shape.of(h));
            feedForward(own, hf, gg, h, layer.feedForward());
            if (feedForwardBias) {
                own.bias(Role.FFN_GATE, hf + "mlp.gate_proj", gg + "ffn_gate", layer.feedForward(), List.of());
                own.bias(Role.FFN_UP, hf + "mlp.up_proj", gg + "ffn_up", layer.feedForward(), List.of());
                own.bias(Role.FFN_DOWN, hf + "mlp.down_proj", gg + "ffn_down", h, List.of());
            }
        }
    }

    /// What stands before and behind the layers.
    static void ends(Architecture a, Rows rows) {
        long h = a.hiddenSize();
        rows.in(Component.TOKEN_EMBEDDING, Identity.NO_LAYER).add(Role.TOKEN_EMBEDDING, "model.embed_tokens.weight", "token_embd.weight",
                Shape.of(a.vocabularySize(), h));
        rows.in(Component.TEXT_DECODER, Identity.NO_LAYER).add(Role.OUTPUT_NORM, "model.norm.weight", "output_norm.weight", Shape.of(h));
        boolean tied = a.parameters().flag("tie_word_embeddings").orElse(false);
        rows.in(Component.OUTPUT_HEAD, Identity.NO_LAYER).add(Role.OUTPUT_HEAD, "lm_head.weight", "output.weight",
                tied ? Presence.OPTIONAL : Presence.REQUIRED, Shape.of(a.vocabularySize(), h));
    }

    /// A gated feed-forward network.
    static void feedForward(Rows own, String hf, String gg, long h, long f) {
        own.add(Role.FFN_GATE, hf + "mlp.gate_proj.weight", gg + "ffn_gate.weight", Shape.of(f, h));
        own.add(Role.FFN_UP, hf + "mlp.up_proj.weight", gg + "ffn_up.weight", Shape.of(f, h));
        own.add(Role.FFN_DOWN, hf + "mlp.down_proj.weight", gg + "ffn_down.weight", Shape.of(h, f));
    }
}
