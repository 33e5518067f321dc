package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.TrainedCheckpoints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// The table of losses: `losses.tsv` among the tests' resources, with more digits than the pages that are made of it.
final class LossTable {
    static final List<String> FORMATS = List.of(LossBench.GGUF, LossBench.COMPRESSED, LossBench.LITERTLM);
    private static final Path FILE = Path.of("inspector/src/test/resources/io/github/weighbridge/inspector/losses.tsv");
    private static final String HEADING = "## What presets cost\n";
    private static final String REFUSED = "refused";

    /// What was found for a preset.
    sealed interface Cell {
        /// It was measured.
        ///
        /// @param bytes length of the files with tensors
        /// @param text loss over the whole text
        /// @param begin loss over its beginning, see [LossBench.Loss]
        record Measured(long bytes, double text, double begin) implements Cell {}

        /// It cannot be met.
        record Refused(String reason) implements Cell {}
    }

    /// A place in the table.
    record Place(String format, String preset, String model) {}

    private final Map<Place, Cell> cells = new LinkedHashMap<>();

    private static Path root() {
        return Path.of(System.getProperty("weighbridge.root"));
    }

    static LossTable read() throws IOException {
        LossTable table = new LossTable();
        for (String line : Files.readAllLines(root().resolve(FILE))) {
            String[] parts = line.split("\t", -1);
            table.put(new Place(parts[0], parts[1], parts[2]), parts[3].equals(REFUSED) ? new Cell.Refused(parts[4])
                    : new Cell.Measured(Long.parseLong(parts[3]), Double.parseDouble(parts[4]), Double.parseDouble(parts[5])));
        }
        return table;
    }

    void put(Place place, Cell cell) {
        cells.put(place, cell);
    }

    Map<Place, Cell> cells() {
        return cells;
    }

    Cell at(Place place) {
        Cell cell = cells.get(place);
        if (cell == null) {
            throw new AssertionError(place + " is not in the table of losses: measure it with -Dweighbridge.write=true");
        }
        return cell;
    }

    /// Writes table and pages.
    void write() throws IOException {
        List<String> lines = new ArrayList<>();
        cells.forEach((place, cell) -> lines.add(String.join("\t", place.format(), place.preset(), place.model(), switch (cell) {
            case Cell.Measured(long bytes, double text, double begin) -> bytes + String.format(Locale.ROOT, "\t%.6f\t%.6f", text, begin);
            case Cell.Refused(String reason) -> REFUSED + "\t" + reason;
        })));
        Files.createDirectories(root().resolve(FILE).getParent());
        Files.write(root().resolve(FILE), lines);
        // What was written has fewer digits, and pages are made of it.
        LossTable written = read();
        Files.writeString(pageFile(), written.page());
        String readme = readme();
        Files.writeString(readmeFile(), readme.replace(readmePart(readme), written.summary()));
    }

    static Path pageFile() {
        return root().resolve("docs/losses.md");
    }

    private static Path readmeFile() {
        return root().resolve("README.md");
    }

    static String readme() throws IOException {
        return Files.readString(readmeFile());
    }

    /// The part of the README that is the table's.
    static String readmePart(String readme) {
        int begin = readme.indexOf(HEADING);
        return readme.substring(begin, readme.indexOf("\n## ", begin) + 1);
    }

    private static String loss(double loss) {
        return String.format(Locale.ROOT, "%.4f", loss);
    }

    private Set<String> presets() {
        Set<String> presets = new LinkedHashSet<>();
        cells.keySet().forEach(place -> presets.add(place.preset()));
        return presets;
    }

    /// What `docs/losses.md` says.
    String page() {
        StringBuilder page = new StringBuilder("""
                # Losses

                What presets cost three small Gemma 4 models that were really trained (8 layers, 7.7 million parameters): bytes of the files with tensors, and the
                loss (mean negative log-likelihood of a token) of %d windows of 512 tokens in the format's runtime, as `llama-perplexity -c 512` counts
                it. Lower is better; compare within a column. `base` was trained in BF16, `qat-q4_0` for Q4_0, `qat-mobile` for 2, 4 and 8 bits with static activations.

                GGUF is measured in llama.cpp. Compressed-tensors has no runtime here: it is decoded to plain numbers and these are measured in llama.cpp, so
                without what its runtimes do to activations. LiteRT-LM (`--cache-length 512 --prefill 256`) is measured in the TFLite interpreter with XNNPACK, which
                rounds activations to 8 bits where weights are integers, so that `w8a16` and `w8a8` are the same there.

                `PresetLossTest` converts every cell again, holds its bytes to this page, loads it in its runtime and holds the loss of the beginning of the text to
                what was measured with the page; some cells it measures whole. To measure all: `-Dtest=PresetLossTest -Dweighbridge.write=true`.
                """.formatted(LossBench.WINDOWS));
        for (String format : FORMATS) {
            page.append("\n## ").append(format)
                    .append("\n\n| preset | base: bytes | loss | qat-q4_0: bytes | loss | qat-mobile: bytes | loss |\n")
                    .append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
            Map<String, List<String>> refusals = new LinkedHashMap<>();
            for (String preset : presets()) {
                page.append("| `").append(preset).append("` |");
                for (String model : LossBench.MODELS) {
                    page.append(switch (at(new Place(format, preset, model))) {
                        case Cell.Measured(long bytes, double text, double _) -> " " + Numbers.grouped(bytes) + " | " + loss(text) + " |";
                        case Cell.Refused(String reason) -> {
                            refusals.computeIfAbsent(reason, _ -> new ArrayList<>()).add("`" + preset + "` of " + name(model));
                            yield " refused | |";
                        }
                    });
                }
                page.append('\n');
            }
            refusals.forEach((reason, places) -> page.append("\nRefused, ").append(String.join(", ", places)).append(": ").append(reason)
                    .append("\n"));
        }
        return page.toString();
    }

    private static String name(String model) {
        return model.equals(TrainedCheckpoints.QAT_Q4_0) ? "qat-q4_0" : model;
    }

    /// What the README says.
    String summary() {
        StringBuilder text = new StringBuilder(HEADING).append("""

                Losses (mean negative log-likelihood of a token) of three small Gemma 4 models that were really trained, in BF16 / for Q4_0 / for 2, 4 and 8 bits,
                converted with every preset: in llama.cpp, for compressed-tensors after decoding, and for `litertlm` in the TFLite interpreter. Bytes, and how it was
                measured: [docs/losses.md](docs/losses.md).

                | preset | gguf | compressed-tensors | litertlm |
                | --- | --- | --- | --- |
                """);
        for (String preset : presets()) {
            text.append("| `").append(preset).append("` |");
            for (String format : FORMATS) {
                text.append(' ')
                        .append(String.join(" / ", LossBench.MODELS.stream().map(model -> switch (at(new Place(format, preset, model))) {
                            case Cell.Measured(long _, double loss, double _) -> loss(loss);
                            case Cell.Refused _ -> REFUSED;
                        }).toList())).append(" |");
            }
            text.append('\n');
        }
        return text.append('\n').toString();
    }
}
