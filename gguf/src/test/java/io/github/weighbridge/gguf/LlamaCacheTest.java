package io.github.weighbridge.gguf;

import io.github.weighbridge.audit.Accounting;
import io.github.weighbridge.audit.Accounting.Reservation;
import io.github.weighbridge.audit.KeyValueCache.Type;
import io.github.weighbridge.fixtures.DecoderFixture;
import io.github.weighbridge.fixtures.DecoderModel;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.fixtures.llama.LogLine;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// What we say llama.cpp sets aside for keys and values is what it says itself.
class LlamaCacheTest {
    private static final Pattern SIZE =
            Pattern.compile("size = +([0-9.]+) MiB \\( *(\\d+) cells, +(\\d+) layers, +1/1 seqs\\), K \\((\\w+)\\).*");
    private static final int F16 = 1;
    private static final int Q4_0 = 2;
    private static final int Q8_0 = 8;

    @TempDir private static Path folder;

    private static LlamaCpp llama;

    /// One cache of the library: of full or of sliding layers.
    ///
    /// @param size its size in MiB, as printed
    private record Cache(String size, long cells, long layers) {}

    @BeforeAll
    static void findLlama() {
        Optional<LlamaCpp> found = LlamaCpp.find();
        if (found.isEmpty()) {
            System.out.println("skipped: tests against the real llama.cpp: " + LlamaCpp.whyAbsent());
        }
        assumeTrue(found.isPresent(), LlamaCpp::whyAbsent);
        llama = found.orElseThrow();
    }

    private static List<Cache> caches(LlamaModel model, int context, int type) throws IOException {
        List<Cache> caches = new ArrayList<>();
        for (LogLine line : model.contextLog(context, type)) {
            Matcher size = SIZE.matcher(line.text().strip().replaceFirst("^llama_kv_cache: ", ""));
            if (size.matches()) {
                caches.add(new Cache(size.group(1), Long.parseLong(size.group(2)), Long.parseLong(size.group(3))));
            }
        }
        return caches;
    }

    private static void compare(Path source, Path gguf, List<Integer> contexts, boolean blocks) throws IOException, PolicyException {
        Conversions.convert(source, gguf, Policy.KEEP);
        try (Checkpoint checkpoint = Conversions.open(gguf); LlamaModel model = llama.open(gguf)) {
            for (int context : contexts) {
                compare(checkpoint.architecture(), caches(model, context, F16), context, Type.F16);
                if (blocks) {
                    compare(checkpoint.architecture(), caches(model, context, Q8_0), context, Type.Q8_0);
                    compare(checkpoint.architecture(), caches(model, context, Q4_0), context, Type.Q4_0);
                }
            }
        }
    }

    private static void compare(Architecture architecture, List<Cache> caches, long context, Type type) {
        List<Layer> owners = architecture.layers().stream().filter(Layer::ownsCache).toList();
        boolean sliding = owners.stream().anyMatch(layer -> layer.attention() == Layer.Attention.SLIDING);
        assertThat(caches).hasSize(sliding ? 2 : 1);
        long sum = 0;
        for (int i = 0; i < caches.size(); i++) {
            Layer.Attention kind = i == 0 ? Layer.Attention.FULL : Layer.Attention.SLIDING;
            List<Layer> layers = owners.stream().filter(layer -> layer.attention() == kind).toList();
            assertThat(caches.get(i).layers()).isEqualTo(layers.size());
            long cell = layers.stream().mapToLong(layer -> type.bytes((long) layer.keyValueHeads() * layer.keyLength())
                    + type.bytes((long) layer.keyValueHeads() * layer.valueLength())).sum();
            long bytes = cell * caches.get(i).cells();
            assertThat(BigDecimal.valueOf(bytes).divide(BigDecimal.valueOf(1 << 20)).setScale(2, RoundingMode.HALF_EVEN).toPlainString())
                    .as("%d tokens, %s, %s", context, type, kind)
                    .isEqualTo(caches.get(i).size());
            sum += bytes;
        }
        assertThat(Accounting.LLAMA_CPP.reserve(architecture, context, type)).as("%d tokens, %s", context, type)
                .contains(new Reservation(sum, sum));
    }

    @Test
    void theTrainedModel() throws IOException, PolicyException {
        Path source = folder.resolve("trained");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_Q4_0);
        compare(source, folder.resolve("trained.gguf"), List.of(1, 100, 256, 257, 576, 577, 1000, 4096, 8192), true);
    }

    @ParameterizedTest
    @ValueSource(strings = {"TINY_MOE", "TINY_UNIFIED"})
    void modelsWithSeveralHeads(String size) throws IOException, PolicyException {
        Path source = folder.resolve(size);
        Gemma4Fixture.write(source, Gemma4Options.of(Gemma4Size.valueOf(size)));
        compare(source, folder.resolve(size + ".gguf"), List.of(200, 1024, 4096), true);
    }

    @ParameterizedTest
    @ValueSource(strings = {"GEMMA3", "QWEN3"})
    void otherFamilies(String model) throws IOException, PolicyException {
        Path source = folder.resolve(model);
        DecoderFixture.write(source, DecoderModel.valueOf(model), SafetensorsType.BF16, 1);
        compare(source, folder.resolve(model + ".gguf"), List.of(200, 1024), false);
    }
}
