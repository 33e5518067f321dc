package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Gemma 4 as Hugging Face folders write it.
record Gemma4HuggingFace(Family family) implements Dialect {
    private static final Set<String> MODEL_TYPES =
            Set.of("gemma4", "gemma4_text", "gemma4_unified", "gemma4_unified_text", "gemma4_assistant",
                    "gemma4_unified_assistant");
    private static final List<String> TEXT_ONLY = List.of("model.embed_tokens", "model.layers.", "model.norm.", "model.per_layer_");
    private static final String QUANTISED_TABLE = ".embedding_quantized";
    /// What names of the text model begin with in a model that has encoders.
    private static final String WHOLE = "model.language_model.";
    private static final String TEXT_SUFFIX = "_text";
    /// Parameters that do not belong to the text model.
    private static final Set<String> OF_THE_WHOLE =
            Set.of("vision_config", "audio_config", "boi_token_id", "eoi_token_id", "image_token_id",
                    "video_token_id", "boa_token_id", "eoa_token_id", "eoa_token_index", "audio_token_id", "vision_soft_tokens_per_image",
                    "backbone_hidden_size", "use_ordered_embeddings", "num_centroids", "centroid_intermediate_top_k");
    private static final int MOST_LAYERS = 4096;
    /// In all layers together.
    private static final long MOST_EXPERTS = 1L << 16;
    /// Without `layer_types`, the last of every six layers is full.
    private static final int DEFAULT_FULL_EVERY = 6;

    private record Size(String name, int layers, long width) {}

    private static final List<Size> SIZES = List.of(new Size("E2B", 35, 1536), new Size("E4B", 42, 2560), new Size("12B", 48, 3840),
            new Size("26B-A4B", 30, 2816), new Size("31B", 60, 5376));

    @Override
    public String name() {
        return HUGGING_FACE;
    }

    @Override
    public boolean describes(Parameters metadata) {
        return metadata.fields().text("model_type").filter(MODEL_TYPES::contains).isPresent();
    }

    /// The text model's parameters are merged over those of the whole, as llama.cpp's converter does.
    @Override
    public Architecture architecture(Parameters config, String name) throws CheckpointFormatException {
        Map<String, Value> merged = new LinkedHashMap<>(config.fields().fields());
        Optional<Parameters> text = config.object("text_config");
        if (text.isPresent()) {
            merged.putAll(text.get().fields().fields());
            config.fields().get("model_type").ifPresent(type -> merged.put("model_type", type));
            // The whole model decides on tying: a quantised release unties what its text model ties.
            config.fields().get("tie_word_embeddings").ifPresent(tied -> merged.put("tie_word_embeddings", tied));
        }
        for (String own : List.of("text_config", "quantization_config", "architectures", "transformers_version", "dtype", "torch_dtype")) {
            merged.remove(own);
        }
        return architecture(new Parameters(config.file(), new Value.Fields(merged)), name, text.isPresent() ? "text_config." : "");
    }

    /// Reads merged parameters.
    private static Architecture architecture(Parameters p, String name, String prefix) throws CheckpointFormatException {
        long hidden = p.whole("hidden_size", 1, Parameters.MAXIMUM);
        long vocabulary = p.whole("vocab_size", 1, Parameters.MAXIMUM);
        long context = p.whole("max_position_embeddings", 1, Parameters.MOST_TOKENS, 131_072);
        int count = (int) p.whole("num_hidden_layers", 1, MOST_LAYERS);
        List<Layer> layers = layers(p, count, prefix);
        // Widths that only shapes use are checked here once, so that shapes can be computed without doubt.
        p.whole("hidden_size_per_layer_input", 0, Parameters.MAXIMUM, 0);
        p.whole("vocab_size_per_layer_input", 0, Parameters.MAXIMUM, vocabulary);
        p.whole("backbone_hidden_size", 1, Parameters.MAXIMUM, 1);
        p.whole("num_centroids", 0, Parameters.MAXIMUM, 0);
        p.flag("tie_word_embeddings", true);
        Optional<Parameters> rope = p.object("rope_parameters");
        if (rope.isPresent() && rope.get().fields().get("partial_rotary_factor").isPresent()
                && !(rope.get().number("partial_rotary_factor") >= 0 && rope.get().number("partial_rotary_factor") <= 1)) {
            throw p.wrong(prefix + "rope_parameters.partial_rotary_factor", rope.get().number("partial_rotary_factor"),
                    "a part, from 0 to 1");
        }
        String label = label(p, count, hidden).orElse(name);
        Architecture architecture = new Architecture(Gemma4.NAME, label, hidden, vocabulary, context, layers, p.fields());
        checkShapes(p, architecture);
        return architecture;
    }

    private static void checkShapes(Parameters p, Architecture architecture) throws CheckpointFormatException {
        Optional<Parameters> vision = p.object("vision_config");
        if (vision.isPresent()) {
            Gemma4Tensors.checkVision(vision.get());
        }
        Optional<Parameters> audio = p.object("audio_config");
        if (audio.isPresent()) {
            Gemma4Tensors.checkAudio(audio.get());
        }
        for (Layer layer : architecture.layers()) {
            // Keys and values of two bytes in all layers.
            if (!Shape.fits(architecture.contextLength(), layer.keyValueHeads(), layer.keyLength(), 4, architecture.layers().size())) {
                throw p.wrong("max_position_embeddings", architecture.contextLength(),
                        "a context whose key/value cache stays below 2^63 bytes");
            }
        }
        try {
            Gemma4Tensors.of(architecture).forEach(row -> row.holding().shape());
        } catch (ArithmeticException e) {
            throw p.wrong("hidden_size", architecture.hiddenSize(), "sizes of which every tensor stays below 2^63 elements");
        }
    }

    /// The released sizes are known by layers and width, their drafters by the width of the model they draft for.
    private static Optional<String> label(Parameters p, int layers, long hidden) {
        boolean assistant = p.fields().text("model_type").orElse("").endsWith("assistant");
        long width = assistant ? p.fields().whole("backbone_hidden_size").orElse(0L) : hidden;
        for (Size size : SIZES) {
            if (size.width == width && (assistant || size.layers == layers)) {
                return Optional.of("Gemma 4 " + size.name + (assistant ? " assistant" : ""));
            }
        }
        return Optional.empty();
    }

    private static List<Layer> layers(Parameters p, int count, String prefix) throws CheckpointFormatException {
        List<Layer.Attention> attentions = attentions(p, count, prefix);
        int shared = (int) p.whole("num_kv_shared_layers", 0, count, 0);
        int firstShared = count - shared;
        boolean doubleWide = p.flag("use_double_wide_mlp", false);
        boolean keysAsValues = p.flag("attention_k_eq_v", false);
        long feedForward = p.whole("intermediate_size", 1, Parameters.MAXIMUM);
        int heads = (int) p.whole("num_attention_heads", 1, 1 << 20, 8);
        int keyValueHeads = (int) p.whole("num_key_value_heads", 1, 1 << 20, heads);
        int globalKeyValueHeads = (int) p.whole("num_global_key_value_heads", 1, 1 << 20, keyValueHeads);
        int headSize = (int) p.whole("head_dim", 1, 1 << 20, 256);
        int globalHeadSize = (int) p.whole("global_head_dim", 1, 1 << 20, headSize);
        long window = p.whole("sliding_window", 1, Parameters.MOST_TOKENS, 512);
        int experts = (int) p.whole("num_experts", 0, 1 << 16, 0);
        int used = (int) p.whole("top_k_experts", 0, 1 << 16, 0);
        if ((long) experts * count > MOST_EXPERTS) {
            throw p.wrong(prefix + "num_experts", experts + " in each of " + count + " layers", "at most " + MOST_EXPERTS + " in all");
        }
        long expertWidth =
                p.whole("moe_intermediate_size", 0, Parameters.MAXIMUM, p.whole("expert_intermediate_size", 0, Parameters.MAXIMUM, 0));
        if (experts > 0 && (expertWidth == 0 || used == 0 || used > experts)) {
            throw p.wrong(prefix + "num_experts", experts + " experts of width " + expertWidth + ", " + used + " used",
                    "a width, and 1 to all used");
        }
        List<Layer> layers = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            boolean full = attentions.get(i) == Layer.Attention.FULL;
            Optional<Parameters> own = ownConfig(p, i);
            int kv = full && keysAsValues ? globalKeyValueHeads : keyValueHeads;
            int size = full ? globalHeadSize : headSize;
            if (own.isPresent()) {
                kv = (int) own.get().whole("num_key_value_heads", 1, 1 << 20, kv);
                size = (int) own.get().whole("head_dim", 1, 1 << 20, size);
            }
            int owner = i < firstShared ? i : owner(p, attentions, firstShared, i, prefix);
            long width = doubleWide && i >= firstShared ? 2 * feedForward : feedForward;
            layers.add(new Layer(i, attentions.get(i), full ? 0 : window, heads, kv, size, size, owner, width, experts, used, expertWidth));
        }
        return layers;
    }

    /// Newer configurations give what differs from layer to layer in a list, or in an object with the index as name.
    private static Optional<Parameters> ownConfig(Parameters p, int layer) throws CheckpointFormatException {
        Optional<Value> all = p.fields().get("per_layer_config");
        if (all.isEmpty()) {
            return Optional.empty();
        }
        Value own = switch (all.get()) {
            case Value.Items(List<Value> items) -> layer < items.size() ? items.get(layer) : new Value.Nothing();
            case Value.Fields fields -> fields.get(Integer.toString(layer)).orElse(new Value.Nothing());
            case Value.Text _, Value.Whole _, Value.Real _, Value.Flag _, Value.Nothing _ -> throw p.wrong("per_layer_config",
                    Parameters.describe(all.get()), "a list or an object");
        };
        return own instanceof Value.Fields fields ? Optional.of(new Parameters(p.file(), fields)) : Optional.empty();
    }

    private static List<Layer.Attention> attentions(Parameters p, int count, String prefix) throws CheckpointFormatException {
        Optional<List<Value>> types = p.list("layer_types");
        List<Layer.Attention> attentions = new ArrayList<>(count);
        if (types.isEmpty()) {
            for (int i = 0; i < count; i++) {
                boolean full = i % DEFAULT_FULL_EVERY == DEFAULT_FULL_EVERY - 1 || i == count - 1;
                attentions.add(full ? Layer.Attention.FULL : Layer.Attention.SLIDING);
            }
            return attentions;
        }
        if (types.get().size() != count) {
            throw p.wrong(prefix + "layer_types", "a list of " + types.get().size(), "one entry for each of the " + count + " layers");
        }
        for (Value type : types.get()) {
            if (type.equals(new Value.Text("full_attention"))) {
                attentions.add(Layer.Attention.FULL);
            } else if (type.equals(new Value.Text("sliding_attention"))) {
                attentions.add(Layer.Attention.SLIDING);
            } else {
                throw p.wrong(prefix + "layer_types", Parameters.describe(type), "\"full_attention\" or \"sliding_attention\"");
            }
        }
        return attentions;
    }

    /// The last layer of the same kind that keeps a cache of its own. Drafters have none: all their layers read the target model's.
    private static int owner(Parameters p, List<Layer.Attention> attentions, int firstShared, int layer, String prefix)
            throws CheckpointFormatException {
        if (firstShared == 0) {
            return Layer.NO_CACHE;
        }
        for (int i = firstShared - 1; i >= 0; i--) {
            if (attentions.get(i) == attentions.get(layer)) {
                return i;
            }
        }
        throw p.wrong(prefix + "num_kv_shared_layers", attentions.size() - firstShared,
                "a " + attentions.get(layer).word() + " layer before layer " + firstShared + " whose cache layer " + layer + " can read");
    }

    /// config.json as it is released: the text model's parameters in an object of their own. Numbers are stated as single precision, which targets
    /// replace by the type they write.
    @Override
    public List<MetadataEntry> metadata(Architecture architecture) {
        Value.Fields p = architecture.parameters();
        String type = p.text("model_type").orElse("gemma4");
        boolean unified = type.startsWith("gemma4_unified");
        String className = (unified ? "Gemma4Unified" : "Gemma4")
                + (Gemma4.isAssistant(architecture) ? "AssistantForCausalLM" : "ForConditionalGeneration");
        String whole = type.endsWith(TEXT_SUFFIX) ? type.substring(0, type.length() - TEXT_SUFFIX.length()) : type;
        Map<String, Value> top = new LinkedHashMap<>();
        Map<String, Value> text = new LinkedHashMap<>();
        top.put("architectures", Value.ofTexts(List.of(className)));
        top.put("model_type", Value.of(whole));
        top.put("dtype", Value.of("float32"));
        text.put("model_type", Value.of((unified ? "gemma4_unified" : "gemma4") + TEXT_SUFFIX));
        text.put("dtype", Value.of("float32"));
        if (!Gemma4.isAssistant(architecture)) {
            top.put("vision_config", new Value.Nothing());
            top.put("audio_config", new Value.Nothing());
        }
        p.fields().forEach((name, value) -> {
            if (OF_THE_WHOLE.contains(name)) {
                top.put(name, value);
            } else {
                text.putIfAbsent(name, value);
            }
        });
        p.get("eos_token_id").ifPresent(id -> top.put("eos_token_id", id));
        p.get("tie_word_embeddings").ifPresent(tied -> top.put("tie_word_embeddings", tied));
        top.put("text_config", new Value.Fields(text));
        return top.entrySet().stream().map(entry -> new MetadataEntry(entry.getKey(), MetadataEntry.Type.TEXT, entry.getValue())).toList();
    }

    @Override
    public List<TensorSpec> tensors(Architecture architecture) {
        return Row.huggingFace(Gemma4Tensors.of(architecture));
    }

    /// Quantised experts are modules of their own: `experts.E.gate_proj.weight`, `up_proj`, `down_proj` beside `experts.gate_up_proj` and
    /// `experts.down_proj` of all. (Written so by llm-compressor, `modeling/gemma4.py`, since its quantisation is about `Linear` modules; loaded so by
    /// vLLM, `models/gemma4.py`, which takes either form apart in `load_weights`.)
    @Override
    public List<TensorSpec> apart(TensorSpec whole) {
        if (!(whole.holding() instanceof Holding.Stacked(List<Holding> experts))) {
            return List.of();
        }
        String before = whole.name().substring(0, whole.name().lastIndexOf('.') + 1);
        List<TensorSpec> apart = new ArrayList<>();
        for (int e = 0; e < experts.size(); e++) {
            List<Holding> parts = experts.get(e) instanceof Holding.Joined(int _, List<Holding> joined) ? joined : List.of(experts.get(e));
            for (int i = 0; i < parts.size(); i++) {
                boolean down = parts.size() == 1;
                Role role = down ? Role.EXPERT_DOWN : i == 0 ? Role.EXPERT_GATE : Role.EXPERT_UP;
                String module = down ? ".down_proj" : i == 0 ? ".gate_proj" : ".up_proj";
                apart.add(new TensorSpec(before + e + module + ".weight",
                        new Identity(role, whole.identity().component(), whole.identity().layer()), whole.presence(), parts.get(i)));
            }
        }
        return apart;
    }

    /// Text-only saves leave `language_model.` out; some older ones put it first. Quantised tables have another last word.
    @Override
    public String canonicalName(String stored) {
        if (stored.endsWith(QUANTISED_TABLE)) {
            return canonicalName(stored.substring(0, stored.length() - QUANTISED_TABLE.length()) + ".weight");
        }
        if (stored.startsWith("language_model.model.")) {
            return WHOLE + stored.substring("language_model.model.".length());
        }
        for (String top : TEXT_ONLY) {
            if (stored.startsWith(top)) {
                return WHOLE + stored.substring("model.".length());
            }
        }
        return stored;
    }

    @Override
    public Optional<Value.Fields> textConfig(Value.Fields config) {
        boolean unified = config.text("model_type").orElse("").startsWith("gemma4_unified");
        return TextConfig.of(config, unified ? "Gemma4UnifiedForCausalLM" : "Gemma4ForCausalLM",
                (unified ? "gemma4_unified" : "gemma4") + TEXT_SUFFIX);
    }

    @Override
    public String textName(String canonical) {
        return canonical.startsWith(WHOLE) ? "model." + canonical.substring(WHOLE.length()) : canonical;
    }

    /// Drafters are text models from the ground up, and have no `language_model.` in their names.
    @Override
    public String writtenName(String canonical, Architecture architecture) {
        return Gemma4.isAssistant(architecture) ? textName(canonical) : canonical;
    }
}
