package io.github.weighbridge.gguf;

import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What tensors of an mmproj file are, by the names that llama.cpp's `tools/mtmd/clip-impl.h` gives them in all families.
final class EncoderTensors {
    /// The value of `general.architecture` in such files.
    static final String ARCHITECTURE = "clip";

    private static final Pattern LAYER = Pattern.compile("([va])\\.blk\\.(\\d{1,9})\\.([a-z0-9_]+)\\.weight");
    private static final Map<String, Role> ROLES = Map.ofEntries(Map.entry("ln1", Role.ATTENTION_NORM),
            Map.entry("attn_pre_norm", Role.ATTENTION_NORM), Map.entry("attn_q", Role.ATTENTION_Q), Map.entry("attn_k", Role.ATTENTION_K),
            Map.entry("attn_v", Role.ATTENTION_V), Map.entry("attn_qkv", Role.ATTENTION_QKV),
            Map.entry("attn_out", Role.ATTENTION_OUTPUT), Map.entry("attn_q_norm", Role.ATTENTION_Q_NORM),
            Map.entry("attn_k_norm", Role.ATTENTION_K_NORM), Map.entry("attn_post_norm", Role.ATTENTION_POST_NORM),
            Map.entry("ffn_norm", Role.FFN_NORM), Map.entry("ffn_norm_1", Role.FFN_NORM), Map.entry("ffn_gate", Role.FFN_GATE),
            Map.entry("ffn_up", Role.FFN_UP), Map.entry("ffn_up_1", Role.FFN_UP), Map.entry("ffn_down", Role.FFN_DOWN),
            Map.entry("ffn_down_1", Role.FFN_DOWN), Map.entry("ffn_post_norm", Role.FFN_POST_NORM),
            Map.entry("ffn_post_norm_1", Role.FFN_POST_NORM), Map.entry("out_scale", Role.LAYER_SCALAR));

    private EncoderTensors() {}

    /// What a tensor is.
    static Identity identity(String name) {
        Matcher layer = LAYER.matcher(name);
        Component component = name.startsWith("v.") ? Component.VISION_ENCODER : name.startsWith("a.") ? Component.AUDIO_ENCODER
                : name.startsWith("mm.") ? Component.PROJECTOR : Component.OTHER;
        if (!layer.matches()) {
            return new Identity(Role.OTHER, component, Identity.NO_LAYER);
        }
        String word = layer.group(3);
        // The second norm of a vision layer stands before its feed-forward network, that of an audio layer after everything.
        Role role =
                word.equals("ln2") ? layer.group(1).equals("v") ? Role.FFN_NORM : Role.OUTPUT_NORM : ROLES.getOrDefault(word, Role.OTHER);
        return new Identity(role, component, Integer.parseInt(layer.group(2)));
    }
}
