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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Gemma 3: 270M and 1B, which are text models, and 4B, 12B, 27B, whose vision tower GGUF text models leave out.
///
/// Norms are used as `1 + w`; safetensors stores `w`, GGUF the sum. Every sixth layer sees all positions, with a base frequency and scaling of its
/// own. The attention scale and the kinds of layers are no keys of GGUF: llama.cpp knows them by the number of layers. Facts: transformers
/// `models/gemma3`, llama.cpp v0.5.0 `conversion/gemma.py` and `src/models/gemma3.cpp`.
public final class Gemma3 extends Decoder {
    private static final String PATTERN = "sliding_window_pattern";
    private static final String OWN_PATTERN = Key.OURS + PATTERN;
    private static final int FULL_EVERY = 6;
    /// The number of layers by which llama.cpp knows the 27B model, whose attention scale is another.
    private static final int LAYERS_OF_27B = 62;
    private static final List<Key> KEYS = Key.decoder(List.of(Key.number("final_logit_softcapping", "final_logit_softcapping"),
            Key.whole("sliding_window", "attention.sliding_window", Parameters.MOST_TOKENS).as(Key.Use.OPTIONAL),
            Key.whole(OWN_PATTERN, "attention." + PATTERN, 4096).as(Key.Use.OPTIONAL)));

    /// The family.
    public Gemma3() {
        super("gemma3", List.of("gemma3_text", "gemma3"), "Gemma3ForCausalLM");
    }

    @Override
    public Set<String> parts() {
        return Set.of("vision");
    }

    @Override
    public boolean belongsTo(String part, String key, Identity identity) {
        return part.equals("vision")
                && (identity.component().equals(Component.VISION_ENCODER) || identity.component().equals(Component.PROJECTOR));
    }

    @Override
    public Architecture without(Architecture architecture, String part) {
        return part.equals("vision") ? architecture.withParameters(architecture.parameters().without("vision_config")) : architecture;
    }

    @Override
    List<Key> keys() {
        return KEYS;
    }

    @Override
    Map<String, Value> defaults() {
        Map<String, Value> defaults = new LinkedHashMap<>();
        defaults.put("vocab_size", Value.of(262_208));
        defaults.put("hidden_activation", Value.of("gelu_pytorch_tanh"));
        defaults.put("num_attention_heads", Value.of(8));
        defaults.put("num_key_value_heads", Value.of(4));
        defaults.put("head_dim", Value.of(256));
        defaults.put("attention_bias", Value.of(false));
        defaults.put("rms_norm_eps", Value.of(1e-6));
        defaults.put("rope_theta", Value.of(1_000_000.0));
        defaults.put("rope_local_base_freq", Value.of(10_000.0));
        defaults.put("max_position_embeddings", Value.of(131_072));
        defaults.put("sliding_window", Value.of(4096));
        defaults.put("tie_word_embeddings", Value.of(true));
        return defaults;
    }

    @Override
    void complete(Parameters given, Map<String, Value> config) throws CheckpointFormatException {
        int count = (int) given.whole("num_hidden_layers", 1, 4096);
        long period = given.whole(OWN_PATTERN, 1, 4096, given.whole("_" + PATTERN, 1, 4096, given.whole(PATTERN, 1, 4096, FULL_EVERY)));
        Optional<List<Value>> types = given.list("layer_types");
        if (types.isPresent()) {
            int full = types.get().indexOf(Value.of("full_attention"));
            period = full < 0 ? count + 1 : full + 1;
        }
        // llama.cpp takes this period where the key is missing, as the converter leaves it.
        if (period == FULL_EVERY) {
            config.remove(OWN_PATTERN);
        } else {
            config.put(OWN_PATTERN, Value.of(period));
        }
        config.remove("_" + PATTERN);
        config.put(PATTERN, Value.of(period));
        List<Value> all = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            all.add(Value.of(i % period == period - 1 ? "full_attention" : "sliding_attention"));
        }
        if (types.isPresent() && !types.get().equals(all)) {
            throw CheckpointFormatException.unsupported(given.file(), -1, "layer_types", "layers without a period",
                    count + " layers of which every " + period + "th has full attention");
        }
        config.put("layer_types", new Value.Items(all));
        if (given.fields().get("query_pre_attn_scalar").isEmpty()) {
            long heads = given.whole("num_attention_heads", 1, 1 << 20);
            long scalar = count == LAYERS_OF_27B ? given.whole("hidden_size", 1, Parameters.MAXIMUM) / heads
                    : given.whole("head_dim", 1, 1 << 20);
            config.put("query_pre_attn_scalar", Value.of(scalar));
        }
        Optional<Parameters> vision = given.object("vision_config");
        if (vision.isPresent()) {
            for (String width : List.of("hidden_size", "intermediate_size", "image_size", "patch_size", "num_channels")) {
                vision.get().whole(width, 1, 1 << 16, 1);
            }
            vision.get().whole("num_hidden_layers", 0, 4096, 0);
        }
    }

    @Override
    List<Layer.Attention> attentions(Parameters config, int count) throws CheckpointFormatException {
        return config.list("layer_types").orElseThrow().stream()
                .map(type -> type.equals(Value.of("full_attention")) ? Layer.Attention.FULL : Layer.Attention.SLIDING).toList();
    }

    /// Saves of different versions have the text model at different depths.
    @Override
    String canonicalName(String stored) {
        for (String prefix : List.of("language_model.model.", "model.language_model.", "model.vision_tower.",
                "model.multi_modal_projector.")) {
            if (stored.startsWith(prefix)) {
                String own = stored.substring(prefix.length());
                return prefix.contains("language_model") ? "model." + own : prefix.substring("model.".length()) + own;
            }
        }
        return stored.equals("language_model.lm_head.weight") ? "lm_head.weight" : stored;
    }

    @Override
    void rows(Architecture a, Rows rows) {
        long h = a.hiddenSize();
        List<Transform> plusOne = List.of(new Transform.Add(1));
        rows.in(Component.TOKEN_EMBEDDING, Identity.NO_LAYER).add(Role.TOKEN_EMBEDDING, "model.embed_tokens.weight", "token_embd.weight",
                Shape.of(a.vocabularySize(), h));
        rows.in(Component.TEXT_DECODER, Identity.NO_LAYER).transformed(Role.OUTPUT_NORM, "model.norm.weight", "output_norm.weight",
                Presence.REQUIRED, Shape.of(h), plusOne);
        rows.in(Component.OUTPUT_HEAD, Identity.NO_LAYER).add(Role.OUTPUT_HEAD, "lm_head.weight", "output.weight", Presence.OPTIONAL,
                Shape.of(a.vocabularySize(), h));
        for (Layer layer : a.layers()) {
            Rows own = rows.in(Component.TEXT_DECODER, layer.index());
            String hf = "model.layers." + layer.index() + ".";
            String gg = "blk." + layer.index() + ".";
            int head = layer.keyLength();
            long queries = (long) layer.heads() * head;
            long keys = (long) layer.keyValueHeads() * head;
            own.transformed(Role.ATTENTION_NORM, hf + "input_layernorm.weight", gg + "attn_norm.weight", Presence.REQUIRED, Shape.of(h),
                    plusOne);
            own.add(Role.ATTENTION_Q, hf + "self_attn.q_proj.weight", gg + "attn_q.weight", Shape.of(queries, h));
            own.transformed(Role.ATTENTION_Q_NORM, hf + "self_attn.q_norm.weight", gg + "attn_q_norm.weight", Presence.REQUIRED,
                    Shape.of(head),
                    plusOne);
            own.add(Role.ATTENTION_K, hf + "self_attn.k_proj.weight", gg + "attn_k.weight", Shape.of(keys, h));
            own.transformed(Role.ATTENTION_K_NORM, hf + "self_attn.k_norm.weight", gg + "attn_k_norm.weight", Presence.REQUIRED,
                    Shape.of(head),
                    plusOne);
            own.add(Role.ATTENTION_V, hf + "self_attn.v_proj.weight", gg + "attn_v.weight", Shape.of(keys, h));
            own.add(Role.ATTENTION_OUTPUT, hf + "self_attn.o_proj.weight", gg + "attn_output.weight", Shape.of(h, queries));
            own.transformed(Role.ATTENTION_POST_NORM, hf + "post_attention_layernorm.weight", gg + "post_attention_norm.weight",
                    Presence.REQUIRED, Shape.of(h), plusOne);
            own.transformed(Role.FFN_NORM, hf + "pre_feedforward_layernorm.weight", gg + "ffn_norm.weight", Presence.REQUIRED, Shape.of(h),
                    plusOne);
            Llama.feedForward(own, hf, gg, h, layer.feedForward());
            own.transformed(Role.FFN_POST_NORM, hf + "post_feedforward_layernorm.weight", gg + "post_ffw_norm.weight", Presence.REQUIRED,
                    Shape.of(h), plusOne);
        }
        a.parameters().object("vision_config").ifPresent(vision -> tower(h, vision, rows));
    }

    /// SigLIP, as safetensors has it. All of it may be missing: text models saved out of a whole one keep its configuration.
    private static void tower(long text, Value.Fields vision, Rows rows) {
        long h = vision.whole("hidden_size").orElse(1152L);
        long f = vision.whole("intermediate_size").orElse(4304L);
        long patch = vision.whole("patch_size").orElse(14L);
        long side = vision.whole("image_size").orElse(896L) / patch;
        String v = "vision_tower.vision_model.";
        Rows tower = rows.in(Component.VISION_ENCODER, Identity.NO_LAYER);
        optional(tower, v + "embeddings.patch_embedding.weight", Shape.of(h, vision.whole("num_channels").orElse(3L), patch, patch));
        optional(tower, v + "embeddings.patch_embedding.bias", Shape.of(h));
        optional(tower, v + "embeddings.position_embedding.weight", Shape.of(side * side, h));
        for (int i = 0; i < vision.whole("num_hidden_layers").orElse(27L); i++) {
            Rows layer = rows.in(Component.VISION_ENCODER, i);
            String hf = v + "encoder.layers." + i + ".";
            both(layer, hf + "layer_norm1", Shape.of(h), h);
            for (String projection : List.of("q_proj", "k_proj", "v_proj", "out_proj")) {
                both(layer, hf + "self_attn." + projection, Shape.of(h, h), h);
            }
            both(layer, hf + "layer_norm2", Shape.of(h), h);
            both(layer, hf + "mlp.fc1", Shape.of(f, h), f);
            both(layer, hf + "mlp.fc2", Shape.of(h, f), h);
        }
        both(tower, v + "post_layernorm", Shape.of(h), h);
        Rows projector = rows.in(Component.PROJECTOR, Identity.NO_LAYER);
        optional(projector, "multi_modal_projector.mm_input_projection_weight", Shape.of(h, text));
        optional(projector, "multi_modal_projector.mm_soft_emb_norm.weight", Shape.of(h));
    }

    private static void both(Rows rows, String module, Shape weight, long bias) {
        optional(rows, module + ".weight", weight);
        optional(rows, module + ".bias", Shape.of(bias));
    }

    private static void optional(Rows rows, String name, Shape shape) {
        rows.keyed(rows.key(Role.OTHER) + "." + name.substring(name.indexOf('.') + 1), Role.OTHER, name, "", Presence.OPTIONAL, shape);
    }
}
