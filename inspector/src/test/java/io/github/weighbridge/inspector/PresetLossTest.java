package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// What presets cost trained models, in the real llama.cpp: the page `docs/losses.md`. A folder of compressed-tensors has no runtime here, so it is
/// decoded by our own reader and written as a GGUF of plain numbers, which is then loaded: what is measured is what its codes say.
class PresetLossTest {
    private static final List<String> MODELS = List.of("base", TrainedCheckpoints.QAT_Q4_0, TrainedCheckpoints.QAT_MOBILE);
    private static final List<String> GGUF =
            List.of("keep", "q8_0", "w8a16", "q6_k", "q4_k_m", "q4_0", "google-q4_0", "qat-q4_0", "w4a16", "gemma4-mobile");
    private static final List<String> COMPRESSED = List.of("w4a16", "gemma4-mobile");

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

    private Measured measure(Path source, String format, String preset) throws IOException {
        Path target = folder.resolve("result." + format);
        Path loaded = target;
        assertThat(Cli.run("convert", source, target, "--to", format, "--policy", preset, "--force").err()).isEmpty();
        long bytes = Cli.run("inspect", target, "--json").json().object("source").orElseThrow().whole("bytes").orElseThrow();
        if (!format.equals("gguf")) {
            Path dense = folder.resolve("dense");
            assertThat(Cli.run("convert", target, dense, "--to", "safetensors", "--type", "F32", "--force").err()).isEmpty();
            loaded = folder.resolve("dense.gguf");
            assertThat(Cli.run("convert", dense, loaded, "--to", "gguf", "--type", "F32", "--force").err()).isEmpty();
        }
        try (LlamaModel model = LlamaCpp.find().orElseThrow().open(loaded)) {
            return new Measured(bytes, model.evaluate(model.tokenize(TrainedCheckpoints.evalText(), true, false)).meanNll());
        }
    }

    private static Path page() {
        return Path.of(System.getProperty("weighbridge.root"), "docs/losses.md");
    }

    /// Some cells of the page. All of it is measured anew by `-Dweighbridge.write=true`.
    @ParameterizedTest
    @CsvSource({"gguf, gemma4-mobile, qat-mobile", "compressed-tensors, w4a16, qat-q4_0-unquantized",
        "compressed-tensors, gemma4-mobile, qat-mobile"})
    void theCellsAreTrue(String format, String preset, String model) throws IOException {
        assumeTrue(LlamaCpp.find().isPresent(), LlamaCpp::whyAbsent);
        String[] columns = Files.readAllLines(page()).stream().filter(line -> line.startsWith("| " + format + " | `" + preset + "` |"))
                .findFirst().orElseThrow().split("\\s*\\|\\s*");
        int column = 3 + 2 * MODELS.indexOf(model);
        Measured measured = measure(source(model).orElseThrow(), format, preset);
        System.out.println(format + ", " + preset + ", " + model + ": " + measured);
        assertThat(Numbers.grouped(measured.bytes())).isEqualTo(columns[column]);
        assertThat(measured.loss()).isCloseTo(Double.parseDouble(columns[column + 1]), within(2e-3));
    }

    @Test
    void writeThePage() throws IOException {
        assumeTrue(Boolean.getBoolean("weighbridge.write"), "asked for by -Dweighbridge.write=true");
        List<String> lines = new ArrayList<>(List.of("# Losses", "",
                "What presets cost three small Gemma 4 models that were really trained (8 layers, 7.7 million parameters): bytes of the file, and the loss (mean"
                        + " negative",
                "log-likelihood of a token) of 23 windows of 512 tokens in llama.cpp, as `llama-perplexity -c 512` counts it. Lower is better; compare",
                "within a column. `base` was trained in BF16, `qat-q4_0` for Q4_0, `qat-mobile` for 2, 4 and 8 bits. Compressed-tensors is",
                "decoded to plain numbers and measured in llama.cpp too, so without what its runtimes do to activations. `PresetLossTest` measures.",
                "",
                "| format | preset | base: bytes | loss | qat-q4_0: bytes | loss | qat-mobile: bytes | loss |",
                "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"));
        for (String format : List.of("gguf", "compressed-tensors")) {
            for (String preset : format.equals("gguf") ? GGUF : COMPRESSED) {
                StringBuilder line = new StringBuilder("| " + format + " | `" + preset + "` |");
                for (String model : MODELS) {
                    line.append(' ').append(measure(source(model).orElseThrow(), format, preset)).append(" |");
                }
                lines.add(line.toString());
                Files.writeString(page(), String.join("\n", lines) + "\n");
            }
        }
    }
}
