package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.Shape;
import java.util.List;

/// Which tensors llama-quantize leaves as they are, by name and shape. (llama.cpp v0.5.0 `src/llama-quant.cpp`,
/// `tensor_allows_quantization`.)
final class Untouched {
    /// What llama.cpp's runtime wants as it is: norms, routers, small convolutions, tables of positions.
    private static final List<String> FIXED = List.of("_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel",
            "ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight", "time_mix_first.weight",
            "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_v0.weight", "time_mix_v1.weight",
            "time_mix_v2.weight", "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight", "time_mix_g1.weight",
            "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight", "time_mix_lerp_fused.weight",
            "attn_rel_b.weight", ".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd", ".patch_merger",
            "a.rvq.codebook", "mm.a.code_embd");
    private static final List<String> TABLES = List.of("position_embd.weight", "token_types.weight");
    /// Not too big, so that it is left in the type it has; a rule may still change it.
    private static final String SMALL = "per_layer_model_proj";

    private Untouched() {}

    /// Whether a tensor keeps its encoding whatever the policy says.
    static boolean fixed(String name, Shape shape) {
        return dimensions(shape) < 2 || !name.endsWith("weight") || TABLES.contains(name) || FIXED.stream().anyMatch(name::contains);
    }

    /// Whether llama-quantize leaves a tensor as it is.
    static boolean byQuantize(String name, Shape shape) {
        return fixed(name, shape) || name.contains(SMALL);
    }

    /// As ggml counts them: without ones in front.
    private static int dimensions(Shape shape) {
        int leading = 0;
        while (leading < shape.rank() && shape.dimension(leading) == 1) {
            leading++;
        }
        return shape.rank() - leading;
    }
}
