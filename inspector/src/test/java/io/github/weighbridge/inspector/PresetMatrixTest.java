package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planned;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/// Every preset in every format, of every small trained model: it converts, and what is written is what was planned.
class PresetMatrixTest {
    /// Presets that a folder of plain numbers can meet.
    private static final Set<String> PLAIN = Set.of("keep", "bf16", "f16", "f32");

    @TempDir private static Path folder;

    private static Path model(String name) throws IOException {
        Path unpacked = folder.resolve(name);
        if (!Files.exists(unpacked)) {
            TrainedCheckpoints.unpack(unpacked, name);
        }
        return unpacked;
    }

    private static List<Path> models() throws IOException {
        List<Path> models = new ArrayList<>(List.of(model(TrainedCheckpoints.QAT_Q4_0), model(TrainedCheckpoints.QAT_MOBILE)));
        SharedData.find("tiny-gemma4/base").ifPresent(models::add);
        return models;
    }

    private static Format format(String name) {
        return Formats.installed().byName(name).orElseThrow();
    }

    private static TargetRequest request(String format) {
        TargetRequest request = TargetRequest.named("result." + format);
        return format.equals("litertlm") ? request.withOption("cache-length", "64").withOption("prefill", "32") : request;
    }

    @ParameterizedTest
    @ValueSource(strings = {"gguf", "compressed-tensors", "litertlm"})
    void everyPresetConverts(String name) throws IOException, PolicyException {
        Format format = format(name);
        for (Path model : models()) {
            try (Checkpoint source = Formats.installed().open(Source.of(model), ReadOptions.defaults())) {
                for (String preset : PolicyFiles.presets()) {
                    Planned planned = Planner.prepare(source, format, PolicyFiles.preset(preset).orElseThrow(), request(name));
                    Path target = folder.resolve("result." + name);
                    Engine.run(planned.plan(), source, target, EngineOptions.defaults().withForce(true));
                    try (Checkpoint made = Formats.installed().open(Source.of(target), ReadOptions.defaults())) {
                        Audited written = Audited.of(made);
                        assertThat(written.files()).as(preset + " of " + model.getFileName()).isEqualTo(Audited.of(planned.plan()).files());
                    }
                }
            }
        }
    }
}
