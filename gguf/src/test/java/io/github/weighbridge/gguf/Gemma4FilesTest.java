package io.github.weighbridge.gguf;

import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.fixtures.llama.LogLine;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.safetensors.file.SafetensorsFile;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// Every kind of Gemma 4: loads, decodes, and comes back from a folder as it was.
class Gemma4FilesTest {
    /// llama.cpp says this of every Gemma 4 file that follows its own converter.
    private static final String EXPECTED_WARNING = "'<|tool_response>' was not control-type";

    @TempDir private static Path folder;

    private static Path fixture(Gemma4Size size) throws IOException {
        Path source = folder.resolve(size.name());
        if (!Files.exists(source.resolve("config.json"))) {
            Gemma4Fixture.write(source, Gemma4Options.of(size).withDeadWeights(false).withThreads(2));
        }
        return source;
    }

    /// A drafter reads its target's cache, and can only be loaded without one.
    @ParameterizedTest
    @CsvSource({"TINY, BF16", "TINY, Q4_K_M", "TINY_MOE, BF16", "TINY_MOE, Q4_0", "TINY_MOE, MXFP4_MOE", "TINY_UNIFIED, BF16",
        "TINY_UNIFIED, Q4_K_M", "TINY_TOWERS, Q8_0", "TINY_ASSISTANT, BF16", "TINY_ASSISTANT, Q8_0"})
    void llamaLoadsAndDecodes(Gemma4Size size, String type) throws Exception {
        assumeTrue(LlamaCpp.find().isPresent(), LlamaCpp::whyAbsent);
        Path gguf = folder.resolve(size + "-" + type + ".gguf");
        Conversions.convert(fixture(size), gguf, Policy.KEEP.withType(type, false));
        try (LlamaModel model = LlamaCpp.find().orElseThrow().open(gguf)) {
            assertThat(model.loadProblems().stream().map(LogLine::toString).filter(line -> !line.contains(EXPECTED_WARNING))).isEmpty();
            if (size.assistant()) {
                return;
            }
            int[] tokens = model.tokenize("In the beginning God created the heaven and the earth.", true, false);
            assertThat(tokens.length).isGreaterThan(5);
            for (float logit : model.logitsAt(tokens, tokens.length - 1)[0]) {
                assertThat(logit).isFinite();
            }
        }
    }

    /// The text model of a GGUF file as a folder, and as a GGUF file again: the same keys, types and bytes.
    @ParameterizedTest
    @EnumSource(names = {"TINY", "TINY_MOE", "TINY_UNIFIED", "TINY_ASSISTANT"})
    void aFolderMadeOfGgufGivesTheSameFileAgain(Gemma4Size size) throws Exception {
        Path first = folder.resolve(size + "-first.gguf");
        Conversions.convert(fixture(size), first, Policy.KEEP);
        Path between = folder.resolve(size + "-between");
        try (Checkpoint checkpoint = Conversions.open(first)) {
            var plan = Planner.plan(checkpoint, Formats.installed().byName("safetensors").orElseThrow(), Policy.KEEP,
                    TargetRequest.named(between.getFileName().toString()));
            Engine.run(plan, checkpoint, between, EngineOptions.defaults());
        }
        Path second = folder.resolve(size + "-second.gguf");
        Conversions.convert(between, second, Policy.KEEP);
        Contents before = Contents.of(first);
        Contents after = Contents.of(second);
        assertThat(after.types()).isEqualTo(before.types());
        after.data().forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(before.data().get(name)));
        Map<String, Object> keys = new TreeMap<>(before.keys());
        Map<String, Object> again = new TreeMap<>(after.keys());
        keys.remove("general.name");
        again.remove("general.name");
        assertThat(again).isEqualTo(keys);
        if (size.assistant()) {
            assertThat(names(between))
                    .containsAll(names(fixture(size)).stream().filter(name -> !name.contains("masked_embedding")).toList());
        }
    }

    private static List<String> names(Path folder) throws IOException {
        try (var source = ByteSource.of(folder.resolve("model.safetensors"))) {
            return SafetensorsFile.read(source, Limits.DEFAULT).entries().stream().map(entry -> entry.name()).toList();
        }
    }
}
