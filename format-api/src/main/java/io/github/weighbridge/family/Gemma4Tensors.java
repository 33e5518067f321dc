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
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// The table of Gemma 4's tensors: one row a tensor, with its name in each dialect. Both dialects arrange weights alike.
final class Gemma4Tensors {
    static final String VISION_PROJECTOR = "projector.vision";
    static final String AUDIO_PROJECTOR = "projector.audio";
    /// What config.json may leave out of the encoders.
    static final long VISION_WIDTH = 768;
    static final long VISION_FEED_FORWARD = 3072;
    static final long VISION_HEADS = 12;
    static final long VISION_LAYERS = 16;
    static final long AUDIO_HEADS = 8;
    static final long AUDIO_LAYERS = 12;
    static final long AUDIO_FRAME = 640;
    static final double PARTIAL_ROTARY_FACTOR = 0.25;
    /// Makes the rotation of a dimension pair vanish.
    private static final float NO_ROTATION = 1e30f;

    private Gemma4Tensors() {}

    static List<Row> of(Architecture architecture) {
        Rows rows = new Rows();
        if (Gemma4.isAssistant(architecture)) {
            assistant(architecture, rows);
            return rows.list();
        }
        text(architecture, rows);
        Value.Fields parameters = architecture.parameters();
        boolean unified = parameters.text("model_type").orElse("").startsWith("gemma4_unified");
        parameters.object("vision_config").ifPresent(vision -> {
            if (unified) {
                unifiedVision(architecture, vision, rows);
            } else {
                vision(architecture, vision, rows);
            }
        });
        parameters.object("audio_config").ifPresent(audio -> {
            if (unified) {
                long frame = audio.whole("hidden_size").or(() -> audio.whole("audio_samples_per_token")).orElse(AUDIO_FRAME);
                rows.in(Component.PROJECTOR, Identity.NO_LAYER).keyed(AUDIO_PROJECTOR, Role.OTHER,
                        "model.embed_audio.embedding_projection.weight", "",
                        Presence.REQUIRED, Shape.of(architecture.hiddenSize(), frame));
            } else {
                audio(architecture, audio, rows);
            }
        });
        return rows.list();
    }

    private static void text(Architecture a, Rows rows) {
        Value.Fields p = a.parameters();
        long h = a.hiddenSize();
        long perLayer = p.whole("hidden_size_per_layer_input").orElse(0L);
        long perLayerVocabulary = p.whole("vocab_size_per_layer_input").filter(v -> v > 0).orElse(a.vocabularySize());
        boolean tied = p.flag("tie_word_embeddings").orElse(true);
        String m = "model.language_model.";
        int count = a.layers().size();

        Rows text = rows.in(Component.TEXT_DECODER, Identity.NO_LAYER);
        text.add(Role.ROPE_FREQUENCIES, "", "rope_freqs.weight", Presence.REQUIRED, new Holding.Made(ropeFrequencies(a)));
        rows.in(Component.TOKEN_EMBEDDING, Identity.NO_LAYER).add(Role.TOKEN_EMBEDDING, m + "embed_tokens.weight", "token_embd.weight",
                Shape.of(a.vocabularySize(), h));
        if (perLayer > 0) {
            rows.in(Component.PER_LAYER_EMBEDDING, Identity.NO_LAYER).add(Role.PER_LAYER_EMBEDDING, m + "embed_tokens_per_layer.weight",
                    "per_layer_token_embd.weight", Shape.of(perLayerVocabulary, count * perLayer));
            text.add(Role.PER_LAYER_MODEL_PROJECTION, m + "per_layer_model_projection.weight", "per_layer_model_proj.weight",
                    Shape.of(count * perLayer, h));
            text.add(Role.PER_LAYER_PROJECTION_NORM, m + "per_layer_projection_norm.weight", "per_layer_proj_norm.weight",
                    Shape.of(perLayer));
        }
        text.add(Role.OUTPUT_NORM, m + "norm.weight", "output_norm.weight", Shape.of(h));
        rows.in(Component.OUTPUT_HEAD, Identity.NO_LAYER).add(Role.OUTPUT_HEAD, "lm_head.weight", "output.weight",
                tied ? Presence.OPTIONAL : Presence.REQUIRED, Holding.one("output_head", Shape.of(a.vocabularySize(), h)));
        boolean keysAsValues = p.flag("attention_k_eq_v").orElse(false);
        for (Layer layer : a.layers()) {
            decoderLayer(a, layer, rows.in(Component.TEXT_DECODER, layer.index()), m + "layers." + layer.index() + ".", keysAsValues);
            if (perLayer > 0) {
                Rows own = rows.in(Component.TEXT_DECODER, layer.index());
                String hf = m + "layers." + layer.index() + ".";
                String gg = "blk." + layer.index() + ".";
                own.add(Role.PER_LAYER_GATE, hf + "per_layer_input_gate.weight", gg + "inp_gate.weight", Shape.of(perLayer, h));
                own.add(Role.PER_LAYER_PROJECTION, hf + "per_layer_projection.weight", gg + "proj.weight", Shape.of(h, perLayer));
                own.add(Role.PER_LAYER_POST_NORM, hf + "post_per_layer_input_norm.weight", gg + "post_norm.weight", Shape.of(h));
            }
        }
    }

    /// What the layers of the text model and of drafters have in common.
    private static void decoderLayer(Architecture a, Layer layer, Rows rows, String hf, boolean keysAsValues) {
        long h = a.hiddenSize();
        long f = layer.feedForward();
        long queries = (long) layer.heads() * layer.keyLength();
        long keys = (long) layer.keyValueHeads() * layer.keyLength();
        boolean full = layer.attention() == Layer.Attention.FULL;
        String gg = "blk." + layer.index() + ".";
        rows.add(Role.ATTENTION_NORM, hf + "input_layernorm.weight", gg + "attn_norm.weight", Shape.of(h));
        rows.add(Role.ATTENTION_Q, hf + "self_attn.q_proj.weight", gg + "attn_q.weight", Shape.of(queries, h));
        rows.add(Role.ATTENTION_Q_NORM, hf + "self_attn.q_norm.weight", gg + "attn_q_norm.weight", Shape.of(layer.keyLength()));
        if (layer.cacheOwner() != Layer.NO_CACHE) {
            Presence presence = layer.ownsCache() ? Presence.REQUIRED : Presence.DEAD;
            rows.add(Role.ATTENTION_K, hf + "self_attn.k_proj.weight", gg + "attn_k.weight", presence, Shape.of(keys, h));
            rows.add(Role.ATTENTION_K_NORM, hf + "self_attn.k_norm.weight", gg + "attn_k_norm.weight", presence,
                    Shape.of(layer.keyLength()));
            if (!(full && keysAsValues)) {
                rows.add(Role.ATTENTION_V, hf + "self_attn.v_proj.weight", gg + "attn_v.weight", presence, Shape.of(keys, h));
            }
        }
        rows.add(Role.ATTENTION_OUTPUT, hf + "self_attn.o_proj.weight", gg + "attn_output.weight", Shape.of(h, queries));
        rows.add(Role.ATTENTION_POST_NORM, hf + "post_attention_layernorm.weight", gg + "post_attention_norm.weight", Shape.of(h));
        rows.add(Role.FFN_NORM, hf + "pre_feedforward_layernorm.weight", gg + "ffn_norm.weight", Shape.of(h));
        rows.add(Role.FFN_GATE, hf + "mlp.gate_proj.weight", gg + "ffn_gate.weight", Shape.of(f, h));
        rows.add(Role.FFN_UP, hf + "mlp.up_proj.weight", gg + "ffn_up.weight", Shape.of(f, h));
        rows.add(Role.FFN_DOWN, hf + "mlp.down_proj.weight", gg + "ffn_down.weight", Shape.of(h, f));
        rows.add(Role.FFN_POST_NORM, hf + "post_feedforward_layernorm.weight", gg + "post_ffw_norm.weight", Shape.of(h));
        rows.add(Role.LAYER_SCALAR, hf + "layer_scalar", gg + "layer_output_scale.weight", Shape.of(1));
        if (layer.experts() > 0) {
            experts(h, layer, rows, hf, gg);
        }
    }

    private static void experts(long h, Layer layer, Rows rows, String hf, String gg) {
        int experts = layer.experts();
        long f = layer.expertFeedForward();
        rows.keyed(rows.key(Role.FFN_NORM) + "_2", Role.FFN_NORM, hf + "pre_feedforward_layernorm_2.weight", gg + "pre_ffw_norm_2.weight",
                Presence.REQUIRED, Shape.of(h));
        for (int i = 1; i <= 2; i++) {
            rows.keyed(rows.key(Role.FFN_POST_NORM) + "_" + i, Role.FFN_POST_NORM, hf + "post_feedforward_layernorm_" + i + ".weight",
                    gg + "post_ffw_norm_" + i + ".weight", Presence.REQUIRED, Shape.of(h));
        }
        rows.add(Role.ROUTER, hf + "router.proj.weight", gg + "ffn_gate_inp.weight", Shape.of(experts, h));
        rows.add(Role.ROUTER_SCALE, hf + "router.scale", gg + "ffn_gate_inp.scale", Shape.of(h));
        rows.add(Role.EXPERT_SCALE, hf + "router.per_expert_scale", gg + "ffn_down_exps.scale", Shape.of(experts));
        List<Holding> gatesAndUps = new ArrayList<>(experts);
        List<Holding> downs = new ArrayList<>(experts);
        for (int e = 0; e < experts; e++) {
            String suffix = "." + e;
            gatesAndUps.add(new Holding.Joined(0, List.of(Holding.one(rows.key(Role.EXPERT_GATE) + suffix, Shape.of(f, h)),
                    Holding.one(rows.key(Role.EXPERT_UP) + suffix, Shape.of(f, h)))));
            downs.add(Holding.one(rows.key(Role.EXPERT_DOWN) + suffix, Shape.of(h, f)));
        }
        rows.add(Role.EXPERT_GATE_UP, hf + "experts.gate_up_proj", gg + "ffn_gate_up_exps.weight", Presence.REQUIRED,
                new Holding.Stacked(gatesAndUps));
        rows.add(Role.EXPERT_DOWN, hf + "experts.down_proj", gg + "ffn_down_exps.weight", Presence.REQUIRED, new Holding.Stacked(downs));
    }

    /// Ones for the rotated part of a full layer's head, and a number that stops the rotation for the rest.
    private static View.Constant ropeFrequencies(Architecture a) {
        int head = a.layers().stream().filter(layer -> layer.attention() == Layer.Attention.FULL).mapToInt(Layer::keyLength).findFirst()
                .orElse(a.layers().getFirst().keyLength());
        double factor = a.parameters().object("rope_parameters").flatMap(rope -> rope.object("full_attention"))
                .flatMap(rope -> rope.number("partial_rotary_factor")).orElse(PARTIAL_ROTARY_FACTOR);
        int rotated = Math.clamp((long) (head * factor / 2), 0, head / 2);
        List<Float> values = new ArrayList<>(Collections.nCopies(rotated, 1f));
        values.addAll(Collections.nCopies(head / 2 - rotated, NO_ROTATION));
        return new View.Constant(Shape.of(values.size()), values);
    }

    private static void assistant(Architecture a, Rows rows) {
        long h = a.hiddenSize();
        long backbone = a.parameters().whole("backbone_hidden_size").orElse(h);
        Rows drafter = rows.in(Component.DRAFTER, Identity.NO_LAYER);
        drafter.add(Role.ROPE_FREQUENCIES, "", "rope_freqs.weight", Presence.REQUIRED, new Holding.Made(ropeFrequencies(a)));
        drafter.add(Role.TOKEN_EMBEDDING, "model.language_model.embed_tokens.weight", "token_embd.weight", Shape.of(a.vocabularySize(), h));
        drafter.add(Role.OUTPUT_NORM, "model.language_model.norm.weight", "output_norm.weight", Shape.of(h));
        drafter.keyed("drafter.pre_projection", Role.OTHER, "pre_projection.weight", "nextn.pre_projection.weight", Presence.REQUIRED,
                Shape.of(h, 2 * backbone));
        drafter.keyed("drafter.post_projection", Role.OTHER, "post_projection.weight", "nextn.post_projection.weight", Presence.REQUIRED,
                Shape.of(backbone, h));
        if (a.parameters().flag("use_ordered_embeddings").orElse(false)) {
            long centroids = a.parameters().whole("num_centroids").orElse(2048L);
            drafter.keyed("drafter.centroids", Role.OTHER, "masked_embedding.centroids.weight", "", Presence.OPTIONAL,
                    Shape.of(centroids, h));
            drafter.keyed("drafter.token_ordering", Role.OTHER, "masked_embedding.token_ordering", "", Presence.OPTIONAL,
                    Shape.of(a.vocabularySize()));
        }
        for (Layer layer : a.layers()) {
            decoderLayer(a, layer, rows.in(Component.DRAFTER, layer.index()), "model.language_model.layers." + layer.index() + ".", true);
        }
    }

    static void checkVision(Parameters vision) throws CheckpointFormatException {
        for (String width : List.of("intermediate_size", "position_embedding_size", "mm_embed_dim", "mm_posemb_size")) {
            vision.whole(width, 1, 1 << 24, 1);
        }
        long hidden = vision.whole("hidden_size", 1, 1 << 24, VISION_WIDTH);
        vision.whole("num_hidden_layers", 0, 4096, 0);
        long heads = vision.whole("num_attention_heads", 1, 1 << 16, VISION_HEADS);
        vision.whole("head_dim", 1, 1 << 16, 1);
        if (vision.fields().get("head_dim").isEmpty() && heads > hidden) {
            throw vision.wrong("vision_config.num_attention_heads", heads, "no more heads than the " + hidden + " numbers that they share");
        }
        vision.whole("default_output_length", 1, 1 << 20, 280);
        vision.whole("patch_size", 1, 4096, 16);
        vision.whole("pooling_kernel_size", 1, 4096, 3);
        vision.flag("use_clipped_linears", false);
        vision.flag("standardize", false);
    }

    static void checkAudio(Parameters audio) throws CheckpointFormatException {
        for (String width : List.of("hidden_size", "output_proj_dims", "conv_kernel_size", "audio_samples_per_token")) {
            audio.whole(width, 1, 1 << 24, 1);
        }
        audio.whole("num_hidden_layers", 0, 4096, 0);
        audio.whole("num_attention_heads", 1, 1 << 16, 1);
        audio.flag("use_clipped_linears", false);
        List<Value> channels = audio.list("subsampling_conv_channels").orElse(List.of(Value.of(128), Value.of(32)));
        if (channels.size() != 2 || !channels.stream().allMatch(c -> c instanceof Value.Whole(long n) && n >= 4 && n <= 1 << 20)) {
            throw audio.wrong("audio_config.subsampling_conv_channels", "other", "two whole numbers of 4 or more");
        }
    }

    private static void vision(Architecture a, Value.Fields vision, Rows rows) {
        long h = vision.whole("hidden_size").orElse(VISION_WIDTH);
        long f = vision.whole("intermediate_size").orElse(VISION_FEED_FORWARD);
        long heads = vision.whole("num_attention_heads").orElse(VISION_HEADS);
        long head = vision.whole("head_dim").orElse(h / heads);
        long patch = vision.whole("patch_size").orElse(16L);
        long positions = vision.whole("position_embedding_size").orElse(10_240L);
        boolean clipped = vision.flag("use_clipped_linears").orElse(false);
        String v = "model.vision_tower.";
        Rows tower = rows.in(Component.VISION_ENCODER, Identity.NO_LAYER);
        tower.other("patch_embedder.input_proj", v + "patch_embedder.input_proj.weight", Shape.of(h, patch * patch * 3));
        tower.other("patch_embedder.position_embedding_table", v + "patch_embedder.position_embedding_table", Shape.of(2, positions, h));
        for (int i = 0; i < vision.whole("num_hidden_layers").orElse(VISION_LAYERS); i++) {
            Rows layer = rows.in(Component.VISION_ENCODER, i);
            String hf = v + "encoder.layers." + i + ".";
            layer.add(Role.ATTENTION_NORM, hf + "input_layernorm.weight", "", Shape.of(h));
            layer.add(Role.ATTENTION_POST_NORM, hf + "post_attention_layernorm.weight", "", Shape.of(h));
            layer.add(Role.FFN_NORM, hf + "pre_feedforward_layernorm.weight", "", Shape.of(h));
            layer.add(Role.FFN_POST_NORM, hf + "post_feedforward_layernorm.weight", "", Shape.of(h));
            layer.add(Role.ATTENTION_Q_NORM, hf + "self_attn.q_norm.weight", "", Shape.of(head));
            layer.add(Role.ATTENTION_K_NORM, hf + "self_attn.k_norm.weight", "", Shape.of(head));
            layer.linear(Role.ATTENTION_Q, hf + "self_attn.q_proj", clipped, Shape.of(heads * head, h));
            layer.linear(Role.ATTENTION_K, hf + "self_attn.k_proj", clipped, Shape.of(heads * head, h));
            layer.linear(Role.ATTENTION_V, hf + "self_attn.v_proj", clipped, Shape.of(heads * head, h));
            layer.linear(Role.ATTENTION_OUTPUT, hf + "self_attn.o_proj", clipped, Shape.of(h, heads * head));
            layer.linear(Role.FFN_GATE, hf + "mlp.gate_proj", clipped, Shape.of(f, h));
            layer.linear(Role.FFN_UP, hf + "mlp.up_proj", clipped, Shape.of(f, h));
            layer.linear(Role.FFN_DOWN, hf + "mlp.down_proj", clipped, Shape.of(h, f));
        }
        if (vision.flag("standardize").orElse(false)) {
            tower.other("std_bias", v + "std_bias", Shape.of(h));
            tower.other("std_scale", v + "std_scale", Shape.of(h));
        }
        rows.in(Component.PROJECTOR, Identity.NO_LAYER).keyed(VISION_PROJECTOR, Role.OTHER,
                "model.embed_vision.embedding_projection.weight", "",
                Presence.REQUIRED, Shape.of(a.hiddenSize(), h));
    }

    /// The 12B model has no tower: patches of 48 x 48 pixels go through one dense layer.
    private static void unifiedVision(Architecture a, Value.Fields vision, Rows rows) {
        long width = vision.whole("mm_embed_dim").or(() -> vision.whole("hidden_size")).orElse(a.hiddenSize());
        long side = vision.whole("patch_size").orElse(16L) * vision.whole("pooling_kernel_size").orElse(3L);
        long pixels = side * side * 3;
        long positions = vision.whole("mm_posemb_size").orElse(1120L);
        String v = "model.vision_embedder.";
        Rows embedder = rows.in(Component.VISION_ENCODER, Identity.NO_LAYER);
        embedder.other("patch_ln1.weight", v + "patch_ln1.weight", Shape.of(pixels));
        embedder.other("patch_ln1.bias", v + "patch_ln1.bias", Shape.of(pixels));
        embedder.other("patch_dense.weight", v + "patch_dense.weight", Shape.of(width, pixels));
        embedder.other("patch_dense.bias", v + "patch_dense.bias", Shape.of(width));
        for (String norm : List.of("patch_ln2", "pos_norm")) {
            embedder.other(norm + ".weight", v + norm + ".weight", Shape.of(width));
            embedder.other(norm + ".bias", v + norm + ".bias", Shape.of(width));
        }
        embedder.other("pos_embedding", v + "pos_embedding", Shape.of(positions, 2, width));
        rows.in(Component.PROJECTOR, Identity.NO_LAYER).keyed(VISION_PROJECTOR, Role.OTHER,
                "model.embed_vision.embedding_projection.weight", "",
                Presence.REQUIRED, Shape.of(a.hiddenSize(), width));
    }

    private static void audio(Architecture a, Value.Fields audio, Rows rows) {
        long h = audio.whole("hidden_size").orElse(1024L);
        long heads = audio.whole("num_attention_heads").orElse(AUDIO_HEADS);
        long out = audio.whole("output_proj_dims").orElse(1536L);
        long kernel = audio.whole("conv_kernel_size").orElse(5L);
        boolean clipped = audio.flag("use_clipped_linears").orElse(true);
        List<Value> channels = audio.list("subsampling_conv_channels").orElse(List.of(Value.of(128), Value.of(32)));
        long first = ((Value.Whole) channels.get(0)).number();
        long second = ((Value.Whole) channels.get(1)).number();
        String m = "model.audio_tower.";
        Rows tower = rows.in(Component.AUDIO_ENCODER, Identity.NO_LAYER);
        String sub = m + "subsample_conv_projection.";
        tower.other("subsample.layer0.conv", sub + "layer0.conv.weight", Shape.of(first, 1, 3, 3));
        tower.other("subsample.layer0.norm", sub + "layer0.norm.weight", Shape.of(first));
        tower.other("subsample.layer1.conv", sub + "layer1.conv.weight", Shape.of(second, first, 3, 3));
        tower.other("subsample.layer1.norm", sub + "layer1.norm.weight", Shape.of(second));
        // Two convolutions of stride two leave a quarter of the mel bins, of which there are as many as channels of the first.
        tower.other("subsample.input_proj", sub + "input_proj_linear.weight", Shape.of(h, first / 4 * second));
        for (int i = 0; i < audio.whole("num_hidden_layers").orElse(AUDIO_LAYERS); i++) {
            Rows layer = rows.in(Component.AUDIO_ENCODER, i);
            String hf = m + "layers." + i + ".";
            for (int n = 1; n <= 2; n++) {
                String ff = hf + "feed_forward" + n + ".";
                layer.keyed(layer.key(Role.FFN_NORM) + "_" + n, Role.FFN_NORM, ff + "pre_layer_norm.weight", "", Presence.REQUIRED,
                        Shape.of(h));
                layer.keyed(layer.key(Role.FFN_POST_NORM) + "_" + n, Role.FFN_POST_NORM, ff + "post_layer_norm.weight", "",
                        Presence.REQUIRED,
                        Shape.of(h));
                layer.linear(layer.key(Role.FFN_UP) + "_" + n, Role.FFN_UP, ff + "ffw_layer_1", clipped, Shape.of(4 * h, h));
                layer.linear(layer.key(Role.FFN_DOWN) + "_" + n, Role.FFN_DOWN, ff + "ffw_layer_2", clipped, Shape.of(h, 4 * h));
            }
            layer.other("lconv1d.pre_layer_norm", hf + "lconv1d.pre_layer_norm.weight", Shape.of(h));
            layer.linear(layer.key(Role.OTHER) + ".lconv1d.linear_start", Role.OTHER, hf + "lconv1d.linear_start", clipped,
                    Shape.of(2 * h, h));
            layer.other("lconv1d.depthwise_conv1d", hf + "lconv1d.depthwise_conv1d.weight", Shape.of(h, 1, kernel));
            layer.other("lconv1d.conv_norm", hf + "lconv1d.conv_norm.weight", Shape.of(h));
            layer.linear(layer.key(Role.OTHER) + ".lconv1d.linear_end", Role.OTHER, hf + "lconv1d.linear_end", clipped, Shape.of(h, h));
            layer.add(Role.ATTENTION_NORM, hf + "norm_pre_attn.weight", "", Shape.of(h));
            layer.add(Role.ATTENTION_POST_NORM, hf + "norm_post_attn.weight", "", Shape.of(h));
            layer.add(Role.OUTPUT_NORM, hf + "norm_out.weight", "", Shape.of(h));
            layer.linear(Role.ATTENTION_Q, hf + "self_attn.q_proj", clipped, Shape.of(h, h));
            layer.linear(Role.ATTENTION_K, hf + "self_attn.k_proj", clipped, Shape.of(h, h));
            layer.linear(Role.ATTENTION_V, hf + "self_attn.v_proj", clipped, Shape.of(h, h));
            layer.linear(Role.ATTENTION_OUTPUT, hf + "self_attn.post", clipped, Shape.of(h, h));
            layer.other("self_attn.relative_k_proj", hf + "self_attn.relative_k_proj.weight", Shape.of(h, h));
            layer.other("self_attn.per_dim_scale", hf + "self_attn.per_dim_scale", Shape.of(h / heads));
        }
        tower.other("output_proj.weight", m + "output_proj.weight", Shape.of(out, h));
        tower.other("output_proj.bias", m + "output_proj.bias", Shape.of(out));
        rows.in(Component.PROJECTOR, Identity.NO_LAYER).keyed(AUDIO_PROJECTOR, Role.OTHER, "model.embed_audio.embedding_projection.weight",
                "",
                Presence.REQUIRED, Shape.of(a.hiddenSize(), out));
    }
}
