package io.github.weighbridge.litert;

import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/// The pieces of names that are known of Google's graphs of Gemma 4.
class GoogleNamesTest {
    @ParameterizedTest
    @CsvSource({"'layer_3/attn/q_einsum/btd,dH->btH/dot_general', attention_q, 3", "layer_14/layer_14.pre_q/attn.k_einsum, attention_k, 14",
        "layer_0/attn/v_einsum;x, attention_v, 0", "layer_34/attn.attn_vec_einsum/dot, attention_output, 34",
        "layer_7/mlp/gating_einsum1/dot, ffn_gate, 7", "layer_7/mlp/gating_einsum2/dot, ffn_up, 7", "layer_7/mlp/linear/dot, ffn_down, 7",
        "layer_9/per_layer_embedding_gate/dot, per_layer_gate, 9", "layer_9/per_layer_embedding_projection/dot, per_layer_projection, 9",
        "decode_softmax/dot, output_head, -1", "projected_per_layer_inputs/dot, per_layer_model_projection, -1",
        "layer_12/pre_attention_norm/mul, other, -1", "arith.constant7, other, -1", "layer_99999/q_einsum, other, -1"})
    void matricesOfTheDecoder(String name, String role, int layer) {
        Identity found = GoogleNames.identify("tf_lite_prefill_decode", List.of("arith.constant", name), 2, false);
        assertThat(found.role().word()).isEqualTo(role);
        assertThat(found.layer()).isEqualTo(layer);
        // Norms and factors of the same operators are no matrices.
        assertThat(GoogleNames.identify("tf_lite_prefill_decode", List.of(name), 1, false)).isEqualTo(Identity.NONE);
    }

    @ParameterizedTest
    @CsvSource({"tf_lite_embedder, true, token_embedding, token_embedding", "tf_lite_embedder, false, other, other",
        "tf_lite_per_layer_embedder, true, per_layer_embedding, per_layer_embedding",
        "tf_lite_vision_encoder, false, other, vision_encoder",
        "tf_lite_vision_adapter, false, other, projector", "tf_lite_end_of_vision, false, other, projector",
        "tf_lite_audio_encoder_hw, false, other, audio_encoder", "tf_lite_mtp_drafter, false, other, drafter",
        "tf_lite_aux, false, other, other"})
    void otherModels(String type, boolean table, String role, String component) {
        assertThat(GoogleNames.identify(type, List.of("x"), 2, table)).isEqualTo(
                new Identity(new Role(role), new Component(component), Identity.NO_LAYER));
    }
}
