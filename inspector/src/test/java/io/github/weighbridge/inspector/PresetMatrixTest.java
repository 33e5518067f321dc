package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.Footprint;
import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planned;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.PlanDigest;
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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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

    /// Plans that are the same to the byte are carried out once.
    @ParameterizedTest
    @ValueSource(strings = {"gguf", "compressed-tensors", "litertlm"})
    void everyPresetConverts(String name) throws IOException, PolicyException {
        Format format = format(name);
        for (Path model : models()) {
            Map<String, String> done = new HashMap<>();
            try (Checkpoint source = Formats.installed().open(Source.of(model), ReadOptions.defaults())) {
                for (String preset : PolicyFiles.presets()) {
                    TargetRequest request = request(name);
                    Planned planned = Planner.prepare(source, format, PolicyFiles.preset(preset).orElseThrow(), request);
                    assertThat(planned.plan().findings()).as(preset + " of " + model.getFileName() + " in " + name)
                            .noneMatch(finding -> finding.code().startsWith("vllm-"));
                    if (done.putIfAbsent(PlanDigest.of(planned.plan(), request.name()), preset) == null) {
                        convert(source, planned.plan(), preset + " of " + model.getFileName());
                    }
                }
            }
            // llama.cpp's mixes differ from one another; elsewhere several have one meaning.
            assertThat(done).hasSizeGreaterThanOrEqualTo(name.equals("gguf") ? 20 : 12);
        }
    }

    private static void convert(Checkpoint source, ConversionPlan plan, String what) throws IOException, PolicyException {
        Path target = folder.resolve("result." + plan.format());
        Engine.run(plan, source, target, EngineOptions.defaults().withForce(true));
        try (Checkpoint made = Formats.installed().open(Source.of(target), ReadOptions.defaults())) {
            Audited written = Audited.of(made);
            Audited planned = Audited.of(plan);
            assertThat(written.files()).as(what).isEqualTo(planned.files());
            assertThat(Footprint.of(written)).as(what).isEqualTo(Footprint.of(planned));
        }
    }

    /// A folder of plain numbers takes the presets of plain numbers and refuses all others with its reason, and so does nothing silently.
    @Test
    void aFolderOfPlainNumbersRefusesWhatItCannotHold() throws IOException, PolicyException {
        try (Checkpoint source = Formats.installed().open(Source.of(model(TrainedCheckpoints.QAT_Q4_0)), ReadOptions.defaults())) {
            for (String preset : PolicyFiles.presets()) {
                if (PLAIN.contains(preset)) {
                    assertThat(Planner.plan(source, format("safetensors"), PolicyFiles.preset(preset).orElseThrow(),
                            TargetRequest.named("plain")).bytes()).as(preset).isPositive();
                } else {
                    assertThatThrownBy(() -> Planner.plan(source, format("safetensors"), PolicyFiles.preset(preset).orElseThrow(),
                            TargetRequest.named("plain"))).as(preset).isInstanceOf(PolicyException.class)
                            .message().containsIgnoringCase("f16").contains("safetensors", preset.replaceFirst("-text.*", ""));
                }
            }
        }
    }
}
