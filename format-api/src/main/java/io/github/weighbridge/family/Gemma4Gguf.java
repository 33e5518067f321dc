package io.github.weighbridge.family;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Layer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToLongFunction;

/// Gemma 4 as GGUF writes it: architectures `gemma4` and `gemma4-assistant`.
record Gemma4Gguf(Family family) implements Dialect {
    private static final String TEXT = "gemma4";
    private static final String ASSISTANT = "gemma4-assistant";
    private static final double FULL_THETA = 1_000_000;
    private static final double SLIDING_THETA = 10_000;

    @Override
    public String name() {
        return GGUF;
    }

    @Override
    public boolean describes(Parameters metadata) {
        return metadata.fields().text("general.architecture").filter(name -> name.equals(TEXT) || name.equals(ASSISTANT)).isPresent();
    }

    @Override
    public List<TensorSpec> tensors(Architecture architecture) {
        return Row.gguf(Gemma4Tensors.of(architecture));
    }

    @Override
    public List<MetadataEntry> metadata(Architecture architecture) {
        Value.Fields p = architecture.parameters();
        List<Layer> layers = architecture.layers();
        boolean assistant = Gemma4.isAssistant(architecture);
        Keys keys = new Keys(assistant ? ASSISTANT : TEXT);
        keys.u32("block_count", layers.size());
        keys.u32("context_length", architecture.contextLength());
        keys.u32("embedding_length", architecture.hiddenSize());
        if (p.flag("use_double_wide_mlp").orElse(false)) {
            keys.perLayer("feed_forward_length", layers, Layer::feedForward);
        } else {
            keys.u32("feed_forward_length", layers.getFirst().feedForward());
        }
        keys.u32("attention.head_count", layers.getFirst().heads());
        // A list also says that keys are values on full layers, where both kinds have equally many heads.
        boolean keysAsValues = p.flag("attention_k_eq_v").orElse(false);
        if (keysAsValues || layers.stream().mapToInt(Layer::keyValueHeads).distinct().count() > 1) {
            keys.perLayer("attention.head_count_kv", layers, Layer::keyValueHeads);
        } else {
            keys.u32("attention.head_count_kv", layers.getFirst().keyValueHeads());
        }
        keys.f32("attention.layer_norm_rms_epsilon", p.number("rms_norm_eps").orElse(1e-6));
        int full = headSize(layers, Layer.Attention.FULL);
        int sliding = headSize(layers, Layer.Attention.SLIDING);
        keys.u32("attention.key_length", full);
        keys.u32("attention.value_length", full);
        keys.u32("attention.key_length_swa", sliding);
        keys.u32("attention.value_length_swa", sliding);
        keys.u32("attention.sliding_window", layers.stream().mapToLong(Layer::window).max().orElse(0));
        keys.add("attention.sliding_window_pattern", MetadataEntry.Type.BOOL,
                new Value.Items(layers.stream().map(layer -> Value.of(layer.attention() == Layer.Attention.SLIDING)).toList()));
        keys.u32("attention.shared_kv_layers", layers.stream().filter(layer -> !layer.ownsCache()).count());
        keys.u32("embedding_length_per_layer_input", p.whole("hidden_size_per_layer_input").orElse(0L));
        p.number("final_logit_softcapping").ifPresent(cap -> keys.f32("final_logit_softcapping", cap));
        keys.f32("rope.freq_base", theta(p, "full_attention", FULL_THETA));
        keys.f32("rope.freq_base_swa", theta(p, "sliding_attention", SLIDING_THETA));
        keys.u32("rope.dimension_count", full);
        double partial = p.object("rope_parameters").flatMap(rope -> rope.number("partial_rotary_factor")).orElse(1.0);
        keys.u32("rope.dimension_count_swa", (long) (sliding * partial));
        if (layers.getFirst().experts() > 0) {
            keys.u32("expert_count", layers.getFirst().experts());
            keys.u32("expert_used_count", layers.getFirst().expertsUsed());
            keys.u32("expert_feed_forward_length", layers.getFirst().expertFeedForward());
        }
        if (assistant) {
            keys.u32("embedding_length_out", p.whole("backbone_hidden_size").orElse(0L));
            keys.u32("nextn_predict_layers", layers.size());
        }
        return keys.entries;
    }

    private static int headSize(List<Layer> layers, Layer.Attention attention) {
        return layers.stream().filter(layer -> layer.attention() == attention).mapToInt(Layer::keyLength).findFirst()
                .orElse(layers.getFirst().keyLength());
    }

    private static double theta(Value.Fields parameters, String attention, double otherwise) {
        return parameters.object("rope_parameters").flatMap(rope -> rope.object(attention)).flatMap(rope -> rope.number("rope_theta"))
                .orElse(otherwise);
    }

    private static final class Keys {
        private final String prefix;
        private final List<MetadataEntry> entries = new ArrayList<>();

        Keys(String prefix) {
            this.prefix = prefix + ".";
        }

        void add(String key, MetadataEntry.Type type, Value value) {
            entries.add(new MetadataEntry(prefix + key, type, value));
        }

        void u32(String key, long value) {
            add(key, MetadataEntry.Type.U32, Value.of(value));
        }

        void f32(String key, double value) {
            add(key, MetadataEntry.Type.F32, Value.of(value));
        }

        void perLayer(String key, List<Layer> layers, ToLongFunction<Layer> number) {
            add(key, MetadataEntry.Type.I32, new Value.Items(layers.stream().map(layer -> Value.of(number.applyAsLong(layer))).toList()));
        }
    }

    /// Turns the keys into the parameters config.json would have, and reads those: one reader knows how layers follow from them.
    @Override
    public Architecture architecture(Parameters metadata, String name) throws CheckpointFormatException {
        String architecture = metadata.fields().text("general.architecture").orElseThrow();
        String prefix = architecture + ".";
        int count = (int) metadata.whole(prefix + "block_count", 1, 512);
        List<Value> pattern = metadata.list(prefix + "attention.sliding_window_pattern")
                .orElseThrow(() -> metadata.wrong(prefix + "attention.sliding_window_pattern", "nothing", "a list of " + count + " flags"));
        if (pattern.size() != count) {
            throw metadata.wrong(prefix + "attention.sliding_window_pattern", "a list of " + pattern.size(),
                    "one flag for each of the " + count + " layers");
        }
        Map<String, Value> config = new LinkedHashMap<>();
        config.put("model_type", Value.of(architecture.equals(ASSISTANT) ? "gemma4_assistant"
                // Only the unified model's converter writes this key.
                : metadata.fields().get("tokenizer.ggml.suppress_tokens").isPresent() ? "gemma4_unified" : "gemma4"));
        config.put("num_hidden_layers", Value.of(count));
        config.put("hidden_size", Value.of(metadata.whole(prefix + "embedding_length", 1, Parameters.MAXIMUM)));
        config.put("max_position_embeddings", Value.of(metadata.whole(prefix + "context_length", 1, Parameters.MOST_TOKENS)));
        config.put("vocab_size", Value.of(metadata.whole(TOKEN_COUNT, 1, Parameters.MAXIMUM)));
        config.put("num_attention_heads", Value.of(metadata.whole(prefix + "attention.head_count", 1, 1 << 20)));
        List<Value> types = pattern.stream().map(sliding -> Value.of(isSet(sliding) ? "sliding_attention" : "full_attention")).toList();
        config.put("layer_types", new Value.Items(types));
        headCounts(metadata, prefix, types, config);
        long shared = metadata.whole(prefix + "attention.shared_kv_layers", 0, count, 0);
        config.put("num_kv_shared_layers", Value.of(shared));
        feedForward(metadata, prefix, count, shared, config);
        config.put("global_head_dim", Value.of(metadata.whole(prefix + "attention.key_length", 1, 1 << 20)));
        config.put("head_dim", Value.of(metadata.whole(prefix + "attention.key_length_swa", 1, 1 << 20)));
        config.put("sliding_window", Value.of(metadata.whole(prefix + "attention.sliding_window", 1, Parameters.MOST_TOKENS)));
        config.put("rms_norm_eps", Value.of(metadata.number(prefix + "attention.layer_norm_rms_epsilon")));
        config.put("hidden_size_per_layer_input",
                Value.of(metadata.whole(prefix + "embedding_length_per_layer_input", 0, Parameters.MAXIMUM)));
        metadata.fields().number(prefix + "final_logit_softcapping").ifPresent(cap -> config.put("final_logit_softcapping", Value.of(cap)));
        config.put("rope_parameters", rope(metadata, prefix));
        long experts = metadata.whole(prefix + "expert_count", 0, 1 << 16, 0);
        if (experts > 0) {
            config.put("enable_moe_block", Value.of(true));
            config.put("num_experts", Value.of(experts));
            config.put("top_k_experts", Value.of(metadata.whole(prefix + "expert_used_count", 1, experts)));
            config.put("moe_intermediate_size", Value.of(metadata.whole(prefix + "expert_feed_forward_length", 1, Parameters.MAXIMUM)));
        }
        // A quantised release unties its head, and some files keep it.
        config.put("tie_word_embeddings", Value.of(!metadata.flag(HAS_OUTPUT, false)));
        TokenIds.read(metadata, config);
        if (architecture.equals(ASSISTANT)) {
            config.put("backbone_hidden_size", Value.of(metadata.whole(prefix + "embedding_length_out", 1, Parameters.MAXIMUM)));
        }
        return new Gemma4HuggingFace(family).architecture(new Parameters(metadata.file(), new Value.Fields(config)), name);
    }

    private static boolean isSet(Value value) {
        return value instanceof Value.Flag(boolean set) ? set : value instanceof Value.Whole(long number) && number != 0;
    }

    /// An array of key/value head counts says that full layers have their own, which goes with keys used as values.
    private static void headCounts(Parameters metadata, String prefix, List<Value> types, Map<String, Value> config)
            throws CheckpointFormatException {
        String key = prefix + "attention.head_count_kv";
        Optional<Value> counts = metadata.fields().get(key);
        if (counts.isPresent() && counts.get() instanceof Value.Items(List<Value> items)) {
            if (items.size() != types.size()) {
                throw metadata.wrong(key, "a list of " + items.size(), "one number for each of the " + types.size() + " layers");
            }
            for (int i = 0; i < items.size(); i++) {
                boolean full = types.get(i).equals(Value.of("full_attention"));
                Value before = config.putIfAbsent(full ? "num_global_key_value_heads" : "num_key_value_heads", items.get(i));
                if (before != null && !before.equals(items.get(i))) {
                    throw metadata.wrong(key, Parameters.describe(items.get(i)) + " for layer " + i,
                            Parameters.describe(before) + " as for the layers before");
                }
            }
            config.putIfAbsent("num_key_value_heads", items.getFirst());
            config.put("attention_k_eq_v", Value.of(true));
        } else {
            config.put("num_key_value_heads", Value.of(metadata.whole(key, 1, 1 << 20)));
            config.put("attention_k_eq_v", Value.of(false));
        }
    }

    /// An array of widths says that layers which share a cache are twice as wide.
    private static void feedForward(Parameters metadata, String prefix, int count, long shared, Map<String, Value> config)
            throws CheckpointFormatException {
        String key = prefix + "feed_forward_length";
        Optional<Value> widths = metadata.fields().get(key);
        if (widths.isEmpty() || !(widths.get() instanceof Value.Items(List<Value> items))) {
            config.put("intermediate_size", Value.of(metadata.whole(key, 1, Parameters.MAXIMUM)));
            config.put("use_double_wide_mlp", Value.of(false));
            return;
        }
        if (items.size() != count || !(items.getFirst() instanceof Value.Whole(long width)) || width < 1 || width > Parameters.MAXIMUM) {
            throw metadata.wrong(key, Parameters.describe(widths.get()), "one width for each of the " + count + " layers");
        }
        boolean wide = false;
        for (int i = 0; i < count; i++) {
            boolean twice = i >= count - shared && items.get(i).equals(Value.of(2 * width));
            wide |= twice;
            if (!twice && !items.get(i).equals(Value.of(width))) {
                throw metadata.wrong(key, Parameters.describe(items.get(i)) + " for layer " + i,
                        width + ", or twice that in layers that share a cache");
            }
        }
        config.put("intermediate_size", Value.of(width));
        config.put("use_double_wide_mlp", Value.of(wide));
    }

    private static Value rope(Parameters metadata, String prefix) {
        Map<String, Value> full = new LinkedHashMap<>();
        full.put("rope_type", Value.of("proportional"));
        full.put("partial_rotary_factor", Value.of(Gemma4Tensors.PARTIAL_ROTARY_FACTOR));
        full.put("rope_theta", Value.of(metadata.fields().number(prefix + "rope.freq_base").orElse(FULL_THETA)));
        Map<String, Value> sliding = new LinkedHashMap<>();
        sliding.put("rope_type", Value.of("default"));
        sliding.put("rope_theta", Value.of(metadata.fields().number(prefix + "rope.freq_base_swa").orElse(SLIDING_THETA)));
        return Value.Fields.EMPTY.with("full_attention", new Value.Fields(full)).with("sliding_attention", new Value.Fields(sliding));
    }
}
