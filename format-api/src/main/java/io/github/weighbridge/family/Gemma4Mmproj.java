package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The encoders of Gemma 4 as GGUF writes them: the second file, of architecture `clip`, that llama.cpp's multimodal tools load beside the
/// text model. Facts: llama.cpp v0.5.0 `conversion/gemma.py`, `conversion/base.py` and `tools/mtmd/clip.cpp`.
///
/// Names follow from those of Hugging Face by the tables here. What is arranged anew: colours of a patch come first instead of last, the axes
/// of the unified model's table of positions are swapped, the middle axis of the depthwise convolution goes away, bounds become vectors of
/// one, and softplus is applied to the audio encoder's scale of each dimension.
record Gemma4Mmproj(Family family) implements Dialect {
    private static final Pattern VISION_LAYER = Pattern.compile("model\\.vision_tower\\.encoder\\.layers\\.(\\d+)\\.(.+)");
    private static final Pattern AUDIO_LAYER = Pattern.compile("model\\.audio_tower\\.layers\\.(\\d+)\\.(.+)");
    private static final int COLOURS = 3;
    private static final long DEFAULT_AUDIO_WIDTH = 1024;
    private static final double DEFAULT_EPSILON = 1e-6;

    /// Modules of a vision layer.
    private static final Map<String, String> VISION = pairs("input_layernorm", "ln1", "self_attn.q_proj", "attn_q", "self_attn.k_proj",
            "attn_k", "self_attn.v_proj", "attn_v", "self_attn.o_proj", "attn_out", "self_attn.q_norm", "attn_q_norm", "self_attn.k_norm",
            "attn_k_norm", "post_attention_layernorm", "attn_post_norm", "pre_feedforward_layernorm", "ln2", "mlp.gate_proj", "ffn_gate",
            "mlp.up_proj", "ffn_up", "mlp.down_proj", "ffn_down", "post_feedforward_layernorm", "ffn_post_norm");

    /// Modules of an audio layer. The two norms of the convolution have each other's name, which is how llama.cpp reads them.
    private static final Map<String, String> AUDIO = pairs("feed_forward1.pre_layer_norm", "ffn_norm", "feed_forward1.ffw_layer_1",
            "ffn_up",
            "feed_forward1.ffw_layer_2", "ffn_down", "feed_forward1.post_layer_norm", "ffn_post_norm", "feed_forward2.pre_layer_norm",
            "ffn_norm_1", "feed_forward2.ffw_layer_1", "ffn_up_1", "feed_forward2.ffw_layer_2", "ffn_down_1",
            "feed_forward2.post_layer_norm", "ffn_post_norm_1", "norm_pre_attn", "attn_pre_norm", "norm_post_attn", "attn_post_norm",
            "norm_out", "ln2", "self_attn.q_proj", "attn_q", "self_attn.k_proj", "attn_k", "self_attn.v_proj", "attn_v", "self_attn.post",
            "attn_out", "self_attn.relative_k_proj", "attn_k_rel", "self_attn.per_dim_scale", "per_dim_scale", "lconv1d.linear_start",
            "conv_pw1", "lconv1d.depthwise_conv1d", "conv_dw", "lconv1d.conv_norm", "norm_conv", "lconv1d.linear_end", "conv_pw2",
            "lconv1d.pre_layer_norm", "conv_norm");

    /// Tensors that belong to no layer.
    private static final Map<String, String> WHOLE = pairs("model.vision_tower.patch_embedder.input_proj.weight", "v.patch_embd.weight",
            "model.vision_tower.patch_embedder.position_embedding_table", "v.position_embd.weight", "model.vision_tower.std_bias",
            "v.std_bias", "model.vision_tower.std_scale", "v.std_scale", "model.embed_vision.embedding_projection.weight",
            "mm.input_projection.weight", "model.vision_embedder.patch_ln1.weight", "v.patch_norm.1.weight",
            "model.vision_embedder.patch_ln1.bias", "v.patch_norm.1.bias", "model.vision_embedder.patch_dense.weight",
            "v.patch_embd.weight", "model.vision_embedder.patch_dense.bias", "v.patch_embd.bias",
            "model.vision_embedder.patch_ln2.weight", "v.patch_norm.2.weight", "model.vision_embedder.patch_ln2.bias",
            "v.patch_norm.2.bias", "model.vision_embedder.pos_norm.weight", "v.patch_norm.3.weight",
            "model.vision_embedder.pos_norm.bias", "v.patch_norm.3.bias", "model.vision_embedder.pos_embedding", "v.position_embd.weight",
            "model.audio_tower.subsample_conv_projection.layer0.conv.weight", "a.conv1d.0.weight",
            "model.audio_tower.subsample_conv_projection.layer0.norm.weight", "a.conv1d.0.norm.weight",
            "model.audio_tower.subsample_conv_projection.layer1.conv.weight", "a.conv1d.1.weight",
            "model.audio_tower.subsample_conv_projection.layer1.norm.weight", "a.conv1d.1.norm.weight",
            "model.audio_tower.subsample_conv_projection.input_proj_linear.weight", "a.input_projection.weight",
            "model.audio_tower.output_proj.weight", "a.pre_encode.out.weight", "model.audio_tower.output_proj.bias",
            "a.pre_encode.out.bias", "model.embed_audio.embedding_projection.weight", "mm.a.input_projection.weight");

    private static Map<String, String> pairs(String... words) {
        Map<String, String> map = new HashMap<>();
        for (int i = 0; i < words.length; i += 2) {
            map.put(words[i], words[i + 1]);
        }
        return map;
    }

    @Override
    public String name() {
        return GGUF_MMPROJ;
    }

    /// Never: the keys do not say how many positions or channels there are, so that shapes cannot be checked against them.
    @Override
    public boolean describes(Parameters metadata) {
        return false;
    }

    @Override
    public Architecture architecture(Parameters metadata, String name) throws CheckpointFormatException {
        throw metadata.wrong("general.architecture", "encoders without their text model", "a text model");
    }

    @Override
    public List<TensorSpec> tensors(Architecture architecture) {
        List<TensorSpec> specs = new ArrayList<>();
        for (Row row : Gemma4Tensors.of(architecture)) {
            Component component = row.identity().component();
            if (component.equals(Component.VISION_ENCODER) || component.equals(Component.AUDIO_ENCODER)
                    || component.equals(Component.PROJECTOR)) {
                String name = name(row.huggingFace()).orElseThrow(
                        () -> new IllegalStateException("no name in mmproj files for " + row.huggingFace()));
                specs.add(new TensorSpec(name, row.identity(), row.presence(), arranged(row, name)));
            }
        }
        return specs;
    }

    private static Optional<String> name(String huggingFace) {
        String whole = WHOLE.get(huggingFace);
        if (whole != null) {
            return Optional.of(whole);
        }
        Matcher vision = VISION_LAYER.matcher(huggingFace);
        if (vision.matches()) {
            return inLayer("v.blk." + vision.group(1), VISION, vision.group(2));
        }
        Matcher audio = AUDIO_LAYER.matcher(huggingFace);
        return audio.matches() ? inLayer("a.blk." + audio.group(1), AUDIO, audio.group(2)) : Optional.empty();
    }

    /// Bounds and weights keep their last word; a parameter that is no module of its own gets one.
    private static Optional<String> inLayer(String layer, Map<String, String> modules, String rest) {
        String own = modules.get(rest);
        if (own != null) {
            return Optional.of(layer + "." + own + ".weight");
        }
        int last = rest.lastIndexOf('.');
        String module = rest.substring(0, last);
        String word = modules.get(module.endsWith(".linear") ? module.substring(0, module.length() - ".linear".length()) : module);
        return Optional.ofNullable(word).map(found -> layer + "." + found + rest.substring(last));
    }

    private static Holding arranged(Row row, String name) {
        if (!(row.holding() instanceof Holding.One(String key, Shape shape, List<Transform> _))) {
            throw new IllegalStateException(row.huggingFace() + " holds more than one weight");
        }
        return new Holding.One(key, shape, transforms(row.huggingFace(), name, shape));
    }

    private static List<Transform> transforms(String huggingFace, String name, Shape shape) {
        if (shape.rank() == 0) {
            return List.of(new Transform.Reshape(Shape.of(1)));
        }
        if (name.endsWith("per_dim_scale.weight")) {
            return List.of(new Transform.Softplus());
        }
        if (name.endsWith("conv_dw.weight")) {
            return List.of(new Transform.Reshape(Shape.of(shape.dimension(0), shape.dimension(2))));
        }
        if (huggingFace.endsWith("pos_embedding")) {
            long positions = shape.dimension(0);
            long axes = shape.dimension(1);
            long width = shape.dimension(2);
            return List.of(new Transform.Reshape(Shape.of(positions * axes, width)), new Transform.Swap(0, positions, axes, 1),
                    new Transform.Reshape(Shape.of(axes, positions, width)));
        }
        if (name.equals("v.patch_embd.weight") || name.startsWith("v.patch_norm.1.")) {
            long pixels = shape.columns() / COLOURS;
            Transform colours = new Transform.Swap(shape.rank() - 1, pixels, COLOURS, 1);
            if (!huggingFace.endsWith("input_proj.weight")) {
                return List.of(colours);
            }
            long side = Math.round(Math.sqrt(pixels));
            return List.of(colours, new Transform.Reshape(Shape.of(shape.dimension(0), COLOURS, side, side)));
        }
        return List.of();
    }

    @Override
    public List<MetadataEntry> metadata(Architecture architecture) {
        Value.Fields parameters = architecture.parameters();
        boolean unified = parameters.text("model_type").orElse("").startsWith("gemma4_unified");
        List<MetadataEntry> entries = new ArrayList<>();
        parameters.object("vision_config").ifPresent(vision -> {
            flag(entries, "clip.has_vision_encoder");
            long width = unified ? vision.whole("mm_embed_dim").or(() -> vision.whole("hidden_size")).orElse(architecture.hiddenSize())
                    : vision.whole("hidden_size").orElse(Gemma4Tensors.VISION_WIDTH);
            u32(entries, "clip.vision.projection_dim", architecture.hiddenSize());
            // llama.cpp takes any size; its converter writes this one.
            u32(entries, "clip.vision.image_size", 224);
            u32(entries, "clip.vision.patch_size", vision.whole("patch_size").orElse(16L));
            tower(entries, "clip.vision.", width, unified ? 0 : vision.whole("intermediate_size").orElse(Gemma4Tensors.VISION_FEED_FORWARD),
                    unified ? 0 : vision.whole("num_hidden_layers").orElse(Gemma4Tensors.VISION_LAYERS),
                    unified ? 0 : vision.whole("num_attention_heads").orElse(Gemma4Tensors.VISION_HEADS));
        });
        parameters.object("audio_config").ifPresent(audio -> {
            flag(entries, "clip.has_audio_encoder");
            long width = unified ? audio.whole("audio_embed_dim").or(() -> audio.whole("hidden_size"))
                    .or(() -> audio.whole("audio_samples_per_token")).orElse(Gemma4Tensors.AUDIO_FRAME)
                    : audio.whole("hidden_size").orElse(DEFAULT_AUDIO_WIDTH);
            u32(entries, "clip.audio.projection_dim", architecture.hiddenSize());
            tower(entries, "clip.audio.", width, unified ? 0 : 4 * width,
                    unified ? 0 : audio.whole("num_hidden_layers").orElse(Gemma4Tensors.AUDIO_LAYERS),
                    unified ? 0 : audio.whole("num_attention_heads").orElse(Gemma4Tensors.AUDIO_HEADS));
        });
        parameters.object("vision_config").ifPresent(vision -> {
            text(entries, "clip.vision.projector_type", unified ? "gemma4uv" : "gemma4v");
            epsilon(entries, "clip.vision.", vision);
        });
        parameters.object("audio_config").ifPresent(audio -> {
            text(entries, "clip.audio.projector_type", unified ? "gemma4ua" : "gemma4a");
            u32(entries, "clip.audio.num_mel_bins", audio.whole("input_feat_size").orElse(128L));
            epsilon(entries, "clip.audio.", audio);
        });
        return entries;
    }

    private static void tower(List<MetadataEntry> entries, String prefix, long width, long feedForward, long layers, long heads) {
        u32(entries, prefix + "embedding_length", width);
        u32(entries, prefix + "feed_forward_length", feedForward);
        u32(entries, prefix + "block_count", layers);
        u32(entries, prefix + "attention.head_count", heads);
    }

    private static void epsilon(List<MetadataEntry> entries, String prefix, Value.Fields config) {
        entries.add(new MetadataEntry(prefix + "attention.layer_norm_epsilon", MetadataEntry.Type.F32,
                Value.of(config.number("layer_norm_eps").orElse(DEFAULT_EPSILON))));
    }

    private static void u32(List<MetadataEntry> entries, String key, long number) {
        entries.add(new MetadataEntry(key, MetadataEntry.Type.U32, Value.of(number)));
    }

    private static void text(List<MetadataEntry> entries, String key, String text) {
        entries.add(new MetadataEntry(key, MetadataEntry.Type.TEXT, Value.of(text)));
    }

    private static void flag(List<MetadataEntry> entries, String key) {
        entries.add(new MetadataEntry(key, MetadataEntry.Type.BOOL, Value.of(true)));
    }
}
