package io.github.weighbridge.policy.file;

import io.github.weighbridge.io.Json;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.scan.Tolerance;
import io.github.weighbridge.spi.PolicyException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class PolicyWriterTest {
    @Test
    void whatIsWrittenIsReadAgain() throws PolicyException {
        for (String name : PolicyFiles.presets()) {
            Policy preset = PolicyFiles.preset(name).orElseThrow();
            String yaml = PolicyWriter.yaml(preset);
            Policy again = PolicyFiles.parse("again.yaml", yaml);
            assertThat(PolicyWriter.yaml(again)).as(name).isEqualTo(yaml);
            assertThat(again.strip()).isEqualTo(preset.strip());
            assertThat(again.types()).isEqualTo(preset.types());
            assertThat(again.rules()).hasSameSizeAs(preset.rules());
            assertThat(PolicyWriter.value(PolicyFiles.parse("again.json", new String(Json.bytes(PolicyWriter.value(preset)),
                    StandardCharsets.UTF_8)))).as(name).isEqualTo(PolicyWriter.value(preset));
        }
    }

    @Test
    void everyKindOfConditionSurvives() throws PolicyException {
        String text = """
                name: "yes: no # \\" it is"
                strip: [audio, vision]
                rules:
                  - { match: { layers: ["15-34", "3", sliding, full, kv-shared, more-bits, "first 4", "last 2"], name: "^a\\\\.b{2}$", parameters: { min: 5, max: 7 } }, encoding: drop, optional: true, when: { a: "> 3", b: "!= true", c: "x" }, fallback: [keep], tolerance: "snr_db:-1.5,max_abs:1e-5" }
                  - { match: all, encoding: keep, formats: [task, gguf] }
                  - { match: all, encoding: { gguf: "gguf:Q4_K", else: keep }, fallback: { gguf: [keep], task: [bf16, f32] } }
                type: { gguf: Q4_K_M }
                default: { litertlm: int4/group32, else: keep }
                fallbacks: { int2/channel: [int4/channel], bf16: { task: [f32] } }
                pure: true
                kv_cache: { sliding: f16, full: int8, scales: dynamic }
                activations: none
                tolerance: { exact: 1, rmse: 0.25, cosine: "0.5" }
                notes: { a: "b" }
                """;
        Policy policy = PolicyFiles.parse("a.yaml", text);
        Policy again = PolicyFiles.parse("a.yaml", PolicyWriter.yaml(policy));
        assertThat(PolicyWriter.value(again)).isEqualTo(PolicyWriter.value(policy));
        assertThat(again.name()).isEqualTo("yes: no # \" it is");
        assertThat(again.rules().getFirst().match().layers()).isEqualTo(policy.rules().getFirst().match().layers());
        assertThat(again.rules().getFirst().when()).isEqualTo(policy.rules().getFirst().when());
        assertThat(again.settings().notes()).isEqualTo(Map.of("a", "b"));
        assertThat(again.pure()).isTrue();
        assertThat(again.rules().getFirst().tolerance()).contains(Tolerance.NONE.with("max_abs", 0.00001).with("snr_db", -1.5));
        assertThat(again.rules().getLast().tolerance()).isEmpty();
        assertThat(again.settings().tolerance()).contains(Tolerance.NONE.with("rmse", 0.25).with("cosine", 0.5).with("exact", 1));
    }
}
