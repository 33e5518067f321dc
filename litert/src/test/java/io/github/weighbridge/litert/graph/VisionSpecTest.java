package io.github.weighbridge.litert.graph;

import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.Gemma4;
import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.spi.PolicyException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/// What the hyper-parameters of the encoder of images may be.
class VisionSpecTest {
    private static final List<Value> STRANGE =
            List.of(Value.of(0), Value.of(-1), Value.of(1), Value.of(3), Value.of(1 << 16), Value.of(1 << 24), Value.of(Long.MAX_VALUE),
                    Value.of(0.5), Value.of(-1e300), Value.of("words"), Value.of(true), new Value.Nothing(), Value.Fields.EMPTY,
                    new Value.Items(List.of(Value.of(1))), new Value.Fields(java.util.Map.of("rope_theta", Value.of(0))));

    private static Architecture architecture(Value.Fields config) throws CheckpointFormatException {
        return new Gemma4().dialect(Dialect.HUGGING_FACE).orElseThrow().architecture(new Parameters("config.json", config), "model");
    }

    @Test
    void releasedModelsTakeWhatGooglesFileTakes() throws CheckpointFormatException, PolicyException {
        VisionSpec small = VisionSpec.of(architecture(Gemma4Size.E2B.config())).orElseThrow();
        assertThat(small.patches()).isEqualTo(2520);
        assertThat(small.pixels()).isEqualTo(768);
        assertThat(small.tokens()).isEqualTo(280);
        assertThat(small.headSize()).isEqualTo(64);
        assertThat(small.standardize()).isFalse();
        VisionSpec large = VisionSpec.of(architecture(Gemma4Size.B31.config())).orElseThrow();
        assertThat(large.headSize()).isEqualTo(72);
        assertThat(large.layers()).isEqualTo(27);
        assertThat(large.standardize()).isTrue();
        assertThat(VisionSpec.of(architecture(Gemma4Size.E4B.config()), List.of(280, 140, 70))).extracting(VisionSpec::patches)
                .containsExactly(2520, 1260, 630);
        assertThat(VisionSpec.of(architecture(Gemma4Size.TINY.config()))).as("no encoder").isEqualTo(Optional.empty());
        assertThat(VisionSpec.of(architecture(Gemma4Size.B12.config()))).as("no tower").isEqualTo(Optional.empty());
    }

    /// Whatever stands in config.json: it is refused when it is read, or here, or numbers can be computed with it.
    @Test
    void strangeValuesAreRefusedOrCanBeUsed() throws PolicyException {
        Random random = new Random(1);
        Value.Fields config = Gemma4Size.E2B.config();
        List<String> names = new ArrayList<>(config.object("vision_config").orElseThrow().fields().keySet());
        int read = 0;
        int refused = 0;
        int used = 0;
        for (int i = 0; i < 4000; i++) {
            Value.Fields vision = config.object("vision_config").orElseThrow();
            for (int n = random.nextInt(1, 4); n > 0; n--) {
                vision = vision.with(names.get(random.nextInt(names.size())), STRANGE.get(random.nextInt(STRANGE.size())));
            }
            Architecture architecture;
            try {
                architecture = architecture(config.with("vision_config", vision));
            } catch (CheckpointFormatException e) {
                read++;
                continue;
            }
            try {
                VisionSpec spec = VisionSpec.of(architecture).orElseThrow();
                used++;
                assertThat(spec.patches()).isBetween(1, 1 << 16);
                assertThat((long) spec.heads() * spec.headSize()).isBetween(4L, 1L << 24);
                assertThat(spec.theta()).isGreaterThanOrEqualTo(1);
            } catch (PolicyException e) {
                refused++;
                assertThat(e).hasMessageContaining("no vision graph for Gemma 4 E2B").hasMessageContaining("--strip vision");
            }
        }
        assertThat(List.of(read, refused, used)).allMatch(count -> count > 200, "each of many: " + List.of(read, refused, used));
    }

    @Test
    void imagesOfTooManyPatchesAreRefused() throws CheckpointFormatException {
        Architecture small = architecture(Gemma4Size.E2B.config());
        assertThatThrownBy(() -> VisionSpec.of(small, List.of(280, 7282))).isInstanceOf(PolicyException.class)
                .hasMessageContaining("7282 soft tokens of 3 x 3 patches: an image has 1 to 65536 patches");
    }
}
