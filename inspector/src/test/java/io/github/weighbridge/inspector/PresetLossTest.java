package io.github.weighbridge.inspector;

import io.github.weighbridge.inspector.LossTable.Cell;
import io.github.weighbridge.inspector.LossTable.Place;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// What presets cost trained models, in the real llama.cpp and the real TFLite interpreter: the page `docs/losses.md` and the README's table.
class PresetLossTest {
    /// Losses differ a little between processors: sums are in another order, and codes on an edge fall to the other side.
    private static final double NEAR = 2e-3;

    @TempDir private Path folder;

    static Stream<Arguments> columns() {
        return LossTable.FORMATS.stream().flatMap(format -> LossBench.MODELS.stream().map(model -> Arguments.of(format, model)));
    }

    private static void assumeThere(String format, String model) {
        Optional<String> absence = LossBench.absence(format, model);
        assumeTrue(absence.isEmpty(), () -> absence.orElse(""));
    }

    /// Every preset: its bytes, or why it is refused; and the loss of the text's beginning in the runtime.
    @ParameterizedTest
    @MethodSource("columns")
    void everyCellIsTrue(String format, String model) throws IOException {
        assumeThere(format, model);
        LossTable table = LossTable.read();
        List<String> wrong = new ArrayList<>();
        try (LossBench bench = LossBench.of(folder, format, model, 1, new HashMap<>())) {
            for (String preset : PolicyFiles.presets()) {
                Cell cell = table.at(new Place(format, preset, model));
                String found;
                boolean same;
                try {
                    ConversionPlan plan = bench.plan(preset);
                    LossBench.Loss loss = bench.measure(plan);
                    found = LossBench.bytes(plan) + " bytes, loss at the beginning " + loss.begin();
                    same = cell instanceof Cell.Measured(long bytes, double _, double begin) && bytes == LossBench.bytes(plan)
                            && Math.abs(begin - loss.begin()) < NEAR;
                } catch (PolicyException e) {
                    found = e.getMessage();
                    same = cell instanceof Cell.Refused(String reason) && reason.equals(found);
                }
                if (!same) {
                    wrong.add(preset + ": " + found + ", in the table " + cell);
                }
            }
        }
        assertThat(wrong).as("cells of " + format + ", " + model).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"gguf, gemma4-mobile, qat-mobile", "compressed-tensors, w4a16, qat-q4_0-unquantized",
        "litertlm, w4a16, qat-q4_0-unquantized", "litertlm, f16, qat-q4_0-unquantized"})
    void someAreMeasuredWhole(String format, String preset, String model) throws IOException, PolicyException {
        assumeThere(format, model);
        Cell.Measured cell = (Cell.Measured) LossTable.read().at(new Place(format, preset, model));
        try (LossBench bench = LossBench.of(folder, format, model, LossBench.WINDOWS, new HashMap<>())) {
            LossBench.Loss loss = bench.measure(bench.plan(preset));
            System.out.printf(Locale.ROOT, "%s, %s, %s: loss %.6f, in the table %.6f%n", format, preset, model, loss.text(), cell.text());
            assertThat(loss.text()).isCloseTo(cell.text(), within(NEAR));
        }
    }

    /// The pages are made of the table, which has a cell for each preset, format and model, and no others.
    @Test
    void thePagesSayWhatTheTableSays() throws IOException {
        LossTable table = LossTable.read();
        List<Place> places = new ArrayList<>();
        for (String format : LossTable.FORMATS) {
            PolicyFiles.presets().forEach(preset -> LossBench.MODELS.forEach(model -> places.add(new Place(format, preset, model))));
        }
        assertThat(table.cells().keySet()).containsExactlyElementsOf(places);
        assertThat(Files.readString(LossTable.pageFile())).isEqualTo(table.page());
        assertThat(LossTable.readmePart(LossTable.readme())).isEqualTo(table.summary());
    }

    /// Measures all of it anew, at about ten seconds a cell. Losses of models that were measured before are kept in `target`, by the digest of all
    /// their bytes, so that a run that was cut short goes on.
    @Test
    void writeThePages() throws IOException {
        assumeTrue(Boolean.getBoolean("weighbridge.write"), "asked for by -Dweighbridge.write=true");
        Path kept = Path.of("target", "losses.properties");
        Properties properties = new Properties();
        if (Files.exists(kept)) {
            try (Reader reader = Files.newBufferedReader(kept)) {
                properties.load(reader);
            }
        }
        Map<String, LossBench.Loss> known = new HashMap<>();
        properties.stringPropertyNames().forEach(digest -> {
            String[] losses = properties.getProperty(digest).split(" ");
            known.put(digest, new LossBench.Loss(Double.parseDouble(losses[0]), Double.parseDouble(losses[1])));
        });
        Map<Place, Cell> measured = new HashMap<>();
        for (String format : LossTable.FORMATS) {
            for (String model : LossBench.MODELS) {
                assumeThere(format, model);
                try (LossBench bench = LossBench.of(folder, format, model, LossBench.WINDOWS, known)) {
                    for (String preset : PolicyFiles.presets()) {
                        Place place = new Place(format, preset, model);
                        Cell cell;
                        try {
                            ConversionPlan plan = bench.plan(preset);
                            LossBench.Loss loss = bench.measure(plan);
                            cell = new Cell.Measured(LossBench.bytes(plan), loss.text(), loss.begin());
                        } catch (PolicyException e) {
                            cell = new Cell.Refused(e.getMessage());
                        }
                        measured.put(place, cell);
                        System.out.println(place + ": " + cell);
                        known.forEach((digest, loss) -> properties.setProperty(digest, loss.text() + " " + loss.begin()));
                        Path next = Path.of(kept + ".next");
                        try (Writer writer = Files.newBufferedWriter(next)) {
                            properties.store(writer, null);
                        }
                        Files.move(next, kept, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
                    }
                }
            }
        }
        LossTable table = new LossTable();
        for (String format : LossTable.FORMATS) {
            for (String preset : PolicyFiles.presets()) {
                for (String model : LossBench.MODELS) {
                    Place place = new Place(format, preset, model);
                    table.put(place, java.util.Objects.requireNonNull(measured.get(place)));
                }
            }
        }
        table.write();
    }
}
