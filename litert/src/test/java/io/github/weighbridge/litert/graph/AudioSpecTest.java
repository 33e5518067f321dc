package io.github.weighbridge.litert.graph;

import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.Gemma4;
import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.spi.PolicyException;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/// What the hyper-parameters of the encoder of sound may be.
class AudioSpecTest {
    private static Architecture architecture(Value.Fields config) throws CheckpointFormatException {
        return new Gemma4().dialect(Dialect.HUGGING_FACE).orElseThrow().architecture(new Parameters("config.json", config), "model");
    }

    @Test
    void releasedModelsTakeWhatGooglesFileTakes() throws CheckpointFormatException, PolicyException {
        AudioSpec spec = AudioSpec.of(architecture(Gemma4Size.E2B.config())).orElseThrow();
        assertThat(spec.frames()).isEqualTo(816);
        assertThat(spec.bins()).isEqualTo(128);
        assertThat(spec.tokens()).isEqualTo(204);
        assertThat(spec.chunks()).isEqualTo(17);
        assertThat(spec.context()).isEqualTo(24);
        assertThat(spec.distances()).isEqualTo(13);
        assertThat(spec.headSize()).isEqualTo(128);
        assertThat(AudioSpec.of(architecture(Gemma4Size.TINY.config()))).as("no encoder").isEqualTo(Optional.empty());
        assertThat(AudioSpec.of(architecture(Gemma4Size.B12.config()))).as("no tower").isEqualTo(Optional.empty());
    }

    @ParameterizedTest
    @CsvSource({"num_attention_heads, 3", "attention_chunk_size, 60000", "attention_chunk_size, 0", "attention_context_left, 65000",
        "attention_context_right, -1", "attention_logit_cap, 0", "rms_norm_eps, -1", "gradient_clipping, 0", "residual_weight, 1e300",
        "attention_invalid_logits_value, -1e300"})
    void whatNoGraphCanHaveIsRefused(String name, String value) throws CheckpointFormatException {
        Value.Fields config = Gemma4Size.E2B.config();
        Value number = value.matches("-?\\d+") ? Value.of(Long.parseLong(value)) : Value.of(Double.parseDouble(value));
        Architecture bad =
                architecture(config.with("audio_config", config.object("audio_config").orElseThrow().with(name, number)));
        assertThatThrownBy(() -> AudioSpec.of(bad)).isInstanceOf(PolicyException.class).hasMessageContaining("no audio graph")
                .hasMessageContaining("--strip audio");
    }

    @Test
    void otherActivationsAreRefused() throws CheckpointFormatException {
        Value.Fields config = Gemma4Size.E2B.config();
        Architecture bad = architecture(
                config.with("audio_config", config.object("audio_config").orElseThrow().with("hidden_act", Value.of("relu"))));
        assertThatThrownBy(() -> AudioSpec.of(bad)).isInstanceOf(PolicyException.class).hasMessageContaining("relu");
    }
}
