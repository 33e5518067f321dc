package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

/// What is known of the released Gemma 4 models, at their true size, in a small heap.
@Tag("small-heap")
class FullSizeTest {
    private static final int VISION_AND_AUDIO_BOUNDS = 928;

    @TempDir Path folder;

    private Value.Fields inspect(Gemma4Size size) throws IOException {
        Path checkpoint = SparseCheckpoint.write(folder.resolve("checkpoint"), Gemma4Options.of(size));
        Cli.Result result = Cli.run("inspect", checkpoint, "--json", "--context", "4k,32k,128k", "--kv-cache", "f16,q8_0,int8,q4_0");
        assertThat(result.err()).isEmpty();
        Value.Fields report = result.json();
        ReportCheck.inspect(report, checkpoint);
        return report;
    }

    @Test
    void e2bIsKnownToTheParameter() throws IOException {
        Value.Fields report = inspect(Gemma4Size.E2B);
        Map<String, Long> parameters = parameters(report);
        long dead = 18_880_512;
        long layers = 35;
        assertThat(parameters).containsEntry("token_embedding", 402_653_184L).containsEntry("per_layer_embedding", 2_348_810_240L)
                .containsEntry("text_decoder", 13_762_560L + 27_525_120 + 278_396_928 + 1_557_135_360 + 285_952 + layers + dead);
        assertThat(encoders(parameters)).isEqualTo(168_544_256L + 307_183_904 + VISION_AND_AUDIO_BOUNDS);
        Value.Fields totals = report.object("totals").orElseThrow();
        assertThat(totals.whole("parameters")).contains(5_104_297_504L + VISION_AND_AUDIO_BOUNDS + layers + dead);
        assertThat(totals.whole("tensor_bytes")).contains(10_246_357_958L);
        assertThat(totals.whole("tensors")).contains(2011L);
        assertThat(bytes(report).get("per_layer_embedding")).isEqualTo(2 * 2_348_810_240L);
        assertThat(report.object("memory").orElseThrow().whole("streamable_bytes")).contains(2 * 2_348_810_240L);
        assertCache(report, 3_072, 6_144, 512);
        assertThat(cache(report, 131_072, "f16")).isEqualTo(774L << 20);
    }

    @Test
    void e4bIsKnownToTheParameter() throws IOException {
        Value.Fields report = inspect(Gemma4Size.E4B);
        Map<String, Long> parameters = parameters(report);
        long dead = 55_055_616;
        long layers = 42;
        assertThat(parameters).containsEntry("token_embedding", 671_088_640L).containsEntry("per_layer_embedding", 2_818_572_288L)
                .containsEntry("text_decoder", 27_525_120L + 55_050_240 + 587_202_560 + 3_303_014_400L + 560_128 + layers + dead);
        assertThat(encoders(parameters)).isEqualTo(169_330_688L + 308_756_768 + VISION_AND_AUDIO_BOUNDS);
        Value.Fields totals = report.object("totals").orElseThrow();
        assertThat(totals.whole("parameters")).contains(7_941_100_832L + VISION_AND_AUDIO_BOUNDS + layers + dead);
        assertThat(totals.whole("tensor_bytes")).contains(15_992_314_836L);
        assertThat(totals.whole("tensors")).contains(2130L);
        assertCache(report, 8_192, 20_480, 512);
        assertThat(cache(report, 131_072, "f16")).isEqualTo(2068L << 20);
    }

    /// The mixture of experts as vLLM loads it: each expert a module of its own, 4.5 bits a weight and a shape of 16 bytes a module.
    @Test
    void theMixtureOfExpertsIsQuantisedWhole() throws IOException {
        Path checkpoint = SparseCheckpoint.write(folder.resolve("checkpoint"), Gemma4Options.of(Gemma4Size.A4B_26));
        long begin = System.nanoTime();
        Cli.Result plan = Cli.run("plan", checkpoint, "--to", "compressed-tensors", "--type", "W4A16", "--runtime", "vllm", "--json");
        System.out.printf("planned in %.1f s%n", (System.nanoTime() - begin) / 1e9);
        assertThat(plan.err()).isEmpty();
        long quantised = 1_110_179_840L + 535_265_280 + 22_837_985_280L;
        long modules = 30 * 128 * 3 + 30 * 3 + 25 * 4 + 5 * 3;
        assertThat(plan.json().object("totals").orElseThrow().whole("tensor_bytes"))
                .contains(51_611_872_412L - quantised * 2 + quantised * 9 / 16 + modules * 16);
    }

    /// The tensors of the official files `gemma-4-...-q4_0.gguf`, without header and padding.
    @ParameterizedTest
    @CsvSource({"E2B, 3333699724", "E4B, 5139117224", "B12, 6960054464", "A4B_26, 14423538808", "B31, 17635166448"})
    void theOfficialQ4FilesAreKnownToTheByte(Gemma4Size size, long bytes) throws IOException {
        Path checkpoint = SparseCheckpoint.write(folder.resolve("checkpoint"), Gemma4Options.of(size));
        SparseCheckpoint.addTokenizer(checkpoint, size);
        for (List<String> asked : List.of(List.of("--type", "Q4_0"), List.of("--policy", "google-q4_0"))) {
            Cli.Result plan = Cli.run("plan", checkpoint, "--to", "gguf", asked.getFirst(), asked.getLast(), "--json");
            assertThat(plan.err()).isEmpty();
            ReportCheck.plan(plan.json());
            assertThat(plan.json().object("totals").orElseThrow().whole("tensor_bytes")).as("%s", asked).contains(bytes);
        }
    }

    /// "If embedding and per-layer embeddings were Q4_0 too": 2.62, 4.24 and 14.23 GB.
    @ParameterizedTest
    @CsvSource({"E2B, 2.61, 2.63", "E4B, 4.22, 4.25", "A4B_26, 14.2, 14.24"})
    void theTablesInQ4AreKnownToo(Gemma4Size size, double least, double most) throws IOException {
        Path checkpoint = SparseCheckpoint.write(folder.resolve("checkpoint"), Gemma4Options.of(size));
        SparseCheckpoint.addTokenizer(checkpoint, size);
        Cli.Result plan = Cli.run("plan", checkpoint, "--to", "gguf", "--policy", "qat-q4_0", "--json");
        assertThat(plan.err()).isEmpty();
        assertThat(plan.json().object("totals").orElseThrow().whole("tensor_bytes").orElseThrow() / 1e9).isBetween(least, most);
        for (Value.Fields tensor : ReportCheck.list(plan.json(), "tensors")) {
            String role = tensor.text("role").orElseThrow();
            if (role.equals("token_embedding") || role.equals("per_layer_embedding") || role.equals("attention_q")) {
                assertThat(tensor.text("encoding")).as(role).contains("Q4_0");
            }
        }
    }

    /// All of them are weighed, and planned for other formats.
    @ParameterizedTest
    @EnumSource
    void everySizeIsWeighedAndPlanned(Gemma4Size size) throws IOException {
        Path checkpoint = SparseCheckpoint.write(folder.resolve("checkpoint"), Gemma4Options.of(size));
        Cli.Result inspect = Cli.run("inspect", checkpoint, "--json");
        assertThat(inspect.err()).isEmpty();
        ReportCheck.inspect(inspect.json(), checkpoint);
        Cli.Result text = Cli.run(Screen.ofWidth(80), "inspect", checkpoint);
        assertThat(text.lines()).allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(80));
        Cli.Result plan = Cli.run("plan", checkpoint, "--to", "safetensors", "--policy", "f32", "--json");
        assertThat(plan.err()).isEmpty();
        ReportCheck.plan(plan.json());
    }

    private static void assertCache(Value.Fields report, long full, long sliding, long window) {
        for (long context : List.of(4_096L, 32_768L, 131_072L)) {
            long numbers = full * context + sliding * window;
            assertThat(cache(report, context, "f16")).isEqualTo(numbers * 2);
            assertThat(cache(report, context, "q8_0")).isEqualTo(numbers / 32 * 34);
            assertThat(cache(report, context, "int8")).isEqualTo(numbers);
            assertThat(cache(report, context, "q4_0")).isEqualTo(numbers / 32 * 18);
        }
    }

    private static long cache(Value.Fields report, long context, String type) {
        return ReportCheck.list(report.object("memory").orElseThrow(), "kv_cache").stream()
                .filter(entry -> entry.whole("context").orElseThrow() == context && entry.text("type").orElseThrow().equals(type))
                .mapToLong(entry -> entry.whole("bytes").orElseThrow()).findFirst().orElseThrow();
    }

    private static Map<String, Long> parameters(Value.Fields report) {
        return components(report, "parameters");
    }

    private static Map<String, Long> bytes(Value.Fields report) {
        return components(report, "bytes");
    }

    private static Map<String, Long> components(Value.Fields report, String what) {
        Map<String, Long> result = new TreeMap<>();
        ReportCheck.list(report, "components")
                .forEach(component -> result.put(component.text("component").orElseThrow(), component.whole(what).orElseThrow()));
        return result;
    }

    private static long encoders(Map<String, Long> parameters) {
        return parameters.get("vision_encoder") + parameters.get("audio_encoder") + parameters.get("projector");
    }
}
