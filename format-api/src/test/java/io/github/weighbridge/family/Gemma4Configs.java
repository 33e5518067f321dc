package io.github.weighbridge.family;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The configurations of the released models, as config.json has them, and small ones of every kind.
public final class Gemma4Configs {
    /// The sizes in order.
    public static final List<String> SIZES = List.of("E2B", "E4B", "12B", "26B-A4B", "31B");

    private Gemma4Configs() {}

    /// An object of names and values in turn; numbers, texts, flags, lists and objects become values, null stays out.
    public static Value.Fields object(Object... namesAndValues) {
        Map<String, Value> fields = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            if (namesAndValues[i + 1] != null) {
                fields.put((String) namesAndValues[i], value(namesAndValues[i + 1]));
            }
        }
        return new Value.Fields(fields);
    }

    private static Value value(Object object) {
        return switch (object) {
            case Value value -> value;
            case String text -> Value.of(text);
            case Boolean flag -> Value.of(flag);
            case Integer number -> Value.of(number);
            case Long number -> Value.of(number);
            case Double number -> Value.of(number);
            case List<?> items -> new Value.Items(items.stream().map(Gemma4Configs::value).toList());
            default -> throw new IllegalArgumentException(object.toString());
        };
    }

    /// The last of every `every` layers is full.
    public static List<String> pattern(int layers, int every) {
        List<String> types = new ArrayList<>();
        for (int i = 1; i <= layers; i++) {
            types.add(i % every == 0 ? "full_attention" : "sliding_attention");
        }
        return types;
    }

    private static Value.Fields rope() {
        return object("full_attention", object("rope_type", "proportional", "partial_rotary_factor", 0.25, "rope_theta", 1e6),
                "sliding_attention", object("rope_type", "default", "rope_theta", 1e4));
    }

    private static Value.Fields text(String type, int layers, int every, int hidden, int feedForward, int heads, int kv, Integer globalKv,
            boolean keysAsValues, int window, int shared, int perLayer, long context) {
        return object("model_type", type, "num_hidden_layers", layers, "hidden_size", hidden, "intermediate_size", feedForward,
                "num_attention_heads", heads, "num_key_value_heads", kv, "num_global_key_value_heads", globalKv, "head_dim", 256,
                "global_head_dim", 512, "attention_k_eq_v", keysAsValues, "sliding_window", window, "num_kv_shared_layers", shared,
                "hidden_size_per_layer_input", perLayer, "vocab_size", 262_144, "vocab_size_per_layer_input",
                perLayer == 0 ? 0 : 262_144, "max_position_embeddings", context, "use_double_wide_mlp", false, "hidden_activation",
                "gelu_pytorch_tanh", "rms_norm_eps", 1e-6, "final_logit_softcapping", 30.0, "attention_bias", false, "layer_types",
                pattern(layers, every), "rope_parameters", rope(), "tie_word_embeddings", true);
    }

    private static Value.Fields vision(boolean large) {
        return large
                ? object("model_type", "gemma4_vision", "hidden_size", 1152, "num_hidden_layers", 27, "num_attention_heads", 16, "head_dim",
                        72, "intermediate_size", 4304, "patch_size", 16, "pooling_kernel_size", 3, "position_embedding_size", 10_240,
                        "use_clipped_linears", false, "standardize", true)
                : object("model_type", "gemma4_vision", "hidden_size", 768, "num_hidden_layers", 16, "num_attention_heads", 12, "head_dim",
                        64, "intermediate_size", 3072, "patch_size", 16, "pooling_kernel_size", 3, "position_embedding_size", 10_240,
                        "use_clipped_linears", true, "standardize", false);
    }

    private static Value.Fields audio() {
        return object("model_type", "gemma4_audio", "hidden_size", 1024, "num_hidden_layers", 12, "num_attention_heads", 8,
                "conv_kernel_size", 5, "subsampling_conv_channels", List.of(128, 32), "output_proj_dims", 1536, "use_clipped_linears",
                true);
    }

    /// config.json of a released model.
    public static Value.Fields config(String size) {
        return switch (size) {
            case "E2B" -> whole("gemma4",
                    text("gemma4_text", 35, 5, 1536, 6144, 8, 1, null, false, 512, 20, 256, 131_072)
                            .with("use_double_wide_mlp", Value.of(true)),
                    vision(false), audio());
            case "E4B" -> whole("gemma4", text("gemma4_text", 42, 6, 2560, 10_240, 8, 2, null, false, 512, 18, 256, 131_072),
                    vision(false), audio());
            case "12B" -> whole("gemma4_unified",
                    text("gemma4_unified_text", 48, 6, 3840, 15_360, 16, 8, 1, true, 1024, 0, 0, 262_144),
                    object("model_type", "gemma4_unified_vision", "mm_embed_dim", 3840, "mm_posemb_size", 1120, "patch_size", 16,
                            "pooling_kernel_size", 3),
                    object("model_type", "gemma4_unified_audio", "audio_samples_per_token", 640));
            case "26B-A4B" -> whole("gemma4",
                    text("gemma4_text", 30, 6, 2816, 2112, 16, 8, 2, true, 1024, 0, 0, 262_144).with("enable_moe_block", Value.of(true))
                            .with("num_experts", Value.of(128)).with("top_k_experts", Value.of(8))
                            .with("moe_intermediate_size", Value.of(704)),
                    vision(true), null);
            case "31B" -> whole("gemma4", text("gemma4_text", 60, 6, 5376, 21_504, 32, 16, 4, true, 1024, 0, 0, 262_144), vision(true),
                    null);
            default -> throw new IllegalArgumentException(size);
        };
    }

    private static Value.Fields whole(String type, Value.Fields text, Value.Fields vision, Value.Fields audio) {
        return object("architectures", List.of("Gemma4ForConditionalGeneration"), "model_type", type, "text_config", text, "vision_config",
                vision, "audio_config", audio, "image_token_id", 258_880, "tie_word_embeddings", true);
    }

    /// config.json of the drafter of a released model.
    public static Value.Fields assistant(String size) {
        return switch (size) {
            case "E2B" -> drafter("gemma4", 256, 2048, 4, 1, null, false, 1536, true, 512);
            case "E4B" -> drafter("gemma4", 256, 2048, 4, 2, null, false, 2560, true, 512);
            case "12B" -> drafter("gemma4_unified", 1024, 8192, 16, 8, 1, true, 3840, false, 1024);
            case "26B-A4B" -> drafter("gemma4", 1024, 8192, 16, 8, 2, true, 2816, false, 1024);
            case "31B" -> drafter("gemma4", 1024, 8192, 32, 16, 4, true, 5376, false, 1024);
            default -> throw new IllegalArgumentException(size);
        };
    }

    private static Value.Fields drafter(String type, int hidden, int feedForward, int heads, int kv, Integer globalKv, boolean keysAsValues,
            int backbone, boolean ordered, int window) {
        return object("model_type", type + "_assistant", "backbone_hidden_size", backbone, "use_ordered_embeddings", ordered,
                "num_centroids",
                2048, "centroid_intermediate_top_k", 32, "tie_word_embeddings", true, "text_config",
                text(type + "_text", 4, 4, hidden, feedForward, heads, kv, globalKv, keysAsValues, window, 4, 0, 262_144)
                        .without("final_logit_softcapping"));
    }

    /// A text model of 4 layers, small in every direction.
    public static Value.Fields tiny() {
        return object("model_type", "gemma4_text", "num_hidden_layers", 4, "hidden_size", 8, "intermediate_size", 16, "num_attention_heads",
                2, "num_key_value_heads", 1, "head_dim", 4, "global_head_dim", 8, "sliding_window", 16, "num_kv_shared_layers", 2,
                "hidden_size_per_layer_input", 4, "vocab_size", 32, "vocab_size_per_layer_input", 32, "max_position_embeddings", 128,
                "rms_norm_eps", 1e-6, "layer_types", pattern(4, 2), "rope_parameters", rope(), "tie_word_embeddings", true);
    }

    /// A mixture of experts of 2 layers, small in every direction.
    public static Value.Fields tinyExperts() {
        return object("model_type", "gemma4_text", "num_hidden_layers", 2, "hidden_size", 8, "intermediate_size", 16, "num_attention_heads",
                2, "num_key_value_heads", 2, "num_global_key_value_heads", 1, "attention_k_eq_v", true, "head_dim", 4, "global_head_dim", 8,
                "sliding_window", 16, "vocab_size", 32, "max_position_embeddings", 128, "rms_norm_eps", 1e-6, "layer_types", pattern(2, 2),
                "num_experts", 3, "top_k_experts", 2, "moe_intermediate_size", 5, "tie_word_embeddings", true);
    }

    /// The Hugging Face dialect.
    public static Dialect huggingFace() {
        return new Gemma4().dialect(Dialect.HUGGING_FACE).orElseThrow();
    }

    /// The GGUF dialect.
    public static Dialect gguf() {
        return new Gemma4().dialect(Dialect.GGUF).orElseThrow();
    }

    /// The architecture that a config.json describes.
    public static Architecture architecture(Value.Fields config) throws CheckpointFormatException {
        return huggingFace().architecture(new Parameters("config.json", config), "unnamed");
    }

    /// The keys of a GGUF file of an architecture.
    public static Value.Fields ggufKeys(Architecture architecture) {
        boolean assistant = architecture.parameters().text("model_type").orElse("").endsWith("assistant");
        Value.Fields keys = object("general.architecture", assistant ? "gemma4-assistant" : "gemma4", "tokenizer.ggml.tokens.count",
                architecture.vocabularySize());
        for (MetadataEntry entry : gguf().metadata(architecture)) {
            keys = keys.with(entry.name(), entry.value());
        }
        return keys;
    }
}
