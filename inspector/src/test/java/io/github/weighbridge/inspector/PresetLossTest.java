package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.TrainedText;
import io.github.weighbridge.fixtures.litert.TfliteDecoder;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// What presets cost trained models, in the real llama.cpp and the real TFLite interpreter: the page `docs/losses.md`. A folder of compressed-tensors
/// has no runtime here, so it is decoded by our own reader and written as a GGUF of plain numbers, which is then loaded: what is measured is what its
/// codes say.
class PresetLossTest {
    private static final List<String> MODELS = List.of("base", TrainedCheckpoints.QAT_Q4_0, TrainedCheckpoints.QAT_MOBILE);
    private static final String LITERTLM = "litertlm";
    private static final Map<String, List<String>> PRESETS = Map.of(
            "gguf",
            List.of("keep", "bf16", "q8_0", "w8a16", "q6_k", "q4_k_m", "q4_0", "google-q4_0", "qat-q4_0", "w4a16", "q3_k_m", "q2_k",
                    "gemma4-mobile", "gemma4-mobile-text-no-ple"),
            "compressed-tensors", List.of("keep", "w8a16", "w4a16", "gemma4-mobile"),
            LITERTLM, List.of("keep", "f32", "bf16", "f16", "w8a16", "w8a8", "w4a16", "gemma4-mobile", "gemma4-mobile-text-no-ple"));
    private static final int WINDOWS = 23;
    /// The exit code for policies that cannot be met.
    private static final int REFUSED = 4;

    @TempDir private Path folder;

    /// @param bytes length of the files with tensors
    /// @param loss mean negative log-likelihood of a token
    private record Measured(long bytes, double loss) {
        @Override
        public String toString() {
            return Numbers.grouped(bytes) + " | " + String.format(Locale.ROOT, "%.4f", loss);
        }
    }

    private Optional<Path> source(String model) throws IOException {
        if (!TrainedCheckpoints.variants().contains(model)) {
            return SharedData.find("tiny-gemma4/" + model);
        }
        Path unpacked = folder.resolve(model);
        if (!Files.exists(unpacked)) {
            TrainedCheckpoints.unpack(unpacked, model);
        }
        return Optional.of(unpacked);
    }

    /// Measures; where the preset is refused for the format, nothing.
    private Optional<Measured> measure(Path source, String format, String preset, List<String> refusals) throws IOException {
        Path target = folder.resolve("result." + format);
        List<Object> line = new ArrayList<>(List.of("convert", source, target, "--to", format, "--policy", preset, "--force"));
        if (format.equals(LITERTLM)) {
            line.addAll(List.of("--cache-length", TrainedText.WINDOW, "--prefill", TrainedText.WINDOW / 2));
        }
        Cli.Result result = Cli.run(line.toArray());
        if (result.code() == REFUSED) {
            refusals.add(result.err().strip());
            return Optional.empty();
        }
        assertThat(result.err()).isEmpty();
        long bytes = Cli.run("inspect", target, "--json").json().object("source").orElseThrow().whole("bytes").orElseThrow();
        return Optional.of(new Measured(bytes, format.equals(LITERTLM) ? interpreted(target, source) : llama(target, format)));
    }

    private double llama(Path target, String format) throws IOException {
        Path loaded = target;
        if (!format.equals("gguf")) {
            Path dense = folder.resolve("dense");
            assertThat(Cli.run("convert", target, dense, "--to", "safetensors", "--type", "F32", "--force").err()).isEmpty();
            loaded = folder.resolve("dense.gguf");
            assertThat(Cli.run("convert", dense, loaded, "--to", "gguf", "--type", "F32", "--force").err()).isEmpty();
        }
        try (LlamaModel model = LlamaCpp.find().orElseThrow().open(loaded)) {
            return model.evaluate(model.tokenize(TrainedCheckpoints.evalText(), true, false)).meanNll();
        }
    }

    private static double interpreted(Path bundle, Path source) throws IOException {
        Optional<TfliteModel> perLayer = section(bundle, BundleSection.PER_LAYER_EMBEDDER);
        try (TfliteDecoder decoder = new TfliteDecoder(section(bundle, BundleSection.PREFILL_DECODE).orElseThrow(),
                section(bundle, BundleSection.EMBEDDER).orElseThrow(), perLayer)) {
            return decoder.loss(TrainedText.tokens(source), WINDOWS);
        }
    }

    private static Optional<TfliteModel> section(Path bundle, String type) throws IOException {
        try (ByteSource bytes = ByteSource.of(bundle)) {
            Optional<BundleSection> section = BundleHeader.read(bytes, Limits.DEFAULT).sections().stream()
                    .filter(one -> one.kind().equals(SectionKind.TFLITE_MODEL) && one.modelType().equals(type)).findFirst();
            return section.isEmpty() ? Optional.empty()
                    : Optional.of(TfliteModel.of(bundle, section.get().begin(), section.get().length(), true));
        }
    }

    private static Path page() {
        return Path.of(System.getProperty("weighbridge.root"), "docs/losses.md");
    }

    private static void assumeRuntime(String format) {
        assumeTrue(format.equals(LITERTLM) || LlamaCpp.find().isPresent(), LlamaCpp::whyAbsent);
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(!format.equals(LITERTLM) || absence.isEmpty(), () -> absence.orElse(""));
    }

    /// Some cells of the page. All of it is measured anew by `-Dweighbridge.write=true`.
    @ParameterizedTest
    @CsvSource({"gguf, gemma4-mobile, qat-mobile", "compressed-tensors, w4a16, qat-q4_0-unquantized",
        "compressed-tensors, gemma4-mobile, qat-mobile"})
    void theCellsAreTrue(String format, String preset, String model) throws IOException {
        assumeRuntime(format);
        String[] columns = Files.readAllLines(page()).stream().filter(line -> line.startsWith("| " + format + " | `" + preset + "` |"))
                .findFirst().orElseThrow().split("\\s*\\|\\s*");
        int column = 3 + 2 * MODELS.indexOf(model);
        Measured measured = measure(source(model).orElseThrow(), format, preset, new ArrayList<>()).orElseThrow();
        System.out.println(format + ", " + preset + ", " + model + ": " + measured);
        assertThat(Numbers.grouped(measured.bytes())).isEqualTo(columns[column]);
        assertThat(measured.loss()).isCloseTo(Double.parseDouble(columns[column + 1]), within(2e-3));
    }

    @Test
    void writeThePage() throws IOException {
        assumeTrue(Boolean.getBoolean("weighbridge.write"), "asked for by -Dweighbridge.write=true");
        PRESETS.keySet().forEach(PresetLossTest::assumeRuntime);
        List<String> lines = new ArrayList<>(List.of("# Losses", "",
                "What presets cost three small Gemma 4 models that were really trained (8 layers, 7.7 million parameters): bytes of the file, and the loss (mean"
                        + " negative",
                "log-likelihood of a token) of 23 windows of 512 tokens in llama.cpp, as `llama-perplexity -c 512` counts it. Lower is better; compare",
                "within a column. `base` was trained in BF16, `qat-q4_0` for Q4_0, `qat-mobile` for 2, 4 and 8 bits. Compressed-tensors is",
                "decoded to plain numbers and measured in llama.cpp too, so without what its runtimes do to activations. LiteRT-LM (`--cache-length 512",
                "--prefill 256`) is measured in the TFLite interpreter with XNNPACK, which rounds activations to 8 bits before weights in integers.",
                "`PresetLossTest` measures.", "",
                "| format | preset | base: bytes | loss | qat-q4_0: bytes | loss | qat-mobile: bytes | loss |",
                "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"));
        List<String> refused = new ArrayList<>();
        for (String format : List.of("gguf", "compressed-tensors", LITERTLM)) {
            for (String preset : PRESETS.getOrDefault(format, List.of())) {
                StringBuilder line = new StringBuilder("| " + format + " | `" + preset + "` |");
                List<String> refusals = new ArrayList<>();
                for (String model : MODELS) {
                    Optional<Measured> measured = measure(source(model).orElseThrow(), format, preset, refusals);
                    line.append(' ').append(measured.map(Measured::toString).orElse("refused | ")).append(" |");
                }
                System.out.println(line);
                refusals.forEach(System.out::println);
                if (refusals.size() == MODELS.size()) {
                    // The reason, without the file that it begins with.
                    refused.add("`" + preset + "` in " + format + " (" + refusals.getFirst().replaceFirst("^.*?: ", "") + ")");
                } else {
                    lines.add(line.toString());
                }
                Files.writeString(page(), String.join("\n", lines) + "\n");
            }
        }
        if (!refused.isEmpty()) {
            lines.addAll(List.of("", "Refused: " + String.join("; ", refused) + "."));
            Files.writeString(page(), String.join("\n", lines) + "\n");
        }
    }
}
