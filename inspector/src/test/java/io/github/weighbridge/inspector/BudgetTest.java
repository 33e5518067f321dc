package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Budgets on the command line, in formats that offer little to choose from, and beside rules that drop.
class BudgetTest {
    @TempDir private static Path folder;
    private static Path towers;
    private static Path wide;

    @BeforeAll
    static void write() throws IOException {
        towers = folder.resolve("towers");
        wide = folder.resolve("wide");
        Gemma4Fixture.write(towers, Gemma4Options.of(Gemma4Size.TINY_TOWERS));
        Gemma4Fixture.write(wide, Gemma4Options.of(Gemma4Size.TINY).withNumbers(Gemma4Options.Numbers.F32));
    }

    private static Value.Fields plan(Object... line) throws IOException {
        Cli.Result result = Cli.run(line);
        assertThat(result.err()).isEmpty();
        return result.json();
    }

    private static long bytes(Value.Fields plan) {
        return plan.object("source").orElseThrow().whole("bytes").orElseThrow();
    }

    private static Set<String> encodings(Value.Fields plan) {
        Set<String> encodings = new TreeSet<>();
        plan.list("tensors").orElseThrow().forEach(tensor -> encodings.add(((Value.Fields) tensor).text("encoding").orElseThrow()));
        return encodings;
    }

    /// Numbers of single precision may become halves where a format has them: between all halves and all of them, the budget is used.
    @ParameterizedTest
    @CsvSource({"safetensors, f16, BF16 F16 F32", "gguf, f16, BF16 F16 F32", "litertlm, f16, F16 F32"})
    void halvesAreChosenWhereNothingElseIsNeeded(String format, String half, String expected) throws IOException {
        long all = bytes(plan("plan", wide, "--to", format, "--type", "F32", "--json"));
        long halves = bytes(plan("plan", wide, "--to", format, "--policy", half, "--json"));
        long budget = (halves + all) / 2;
        Value.Fields plan = plan("plan", wide, "--to", format, "--budget", budget, "--json");
        assertThat(bytes(plan)).isBetween(budget * 98 / 100, budget);
        assertThat(Set.of(expected.split(" "))).containsAll(format.equals("safetensors") ? encodings(plan) : Set.of());
        assertThat(encodings(plan)).contains("F16", "F32");
        if (format.equals("safetensors")) {
            Cli.Result none = Cli.run("plan", wide, "--to", format, "--budget", halves / 2, "--json");
            assertThat(none.code()).isEqualTo(4);
            assertThat(none.err()).contains("--budget " + halves / 2 + ": the smallest encodings that the policy allows take ");
        }
    }

    /// What rules drop takes no part of a budget, and the policy that comes of it drops again.
    @Test
    void whatIsDroppedTakesNothingOfABudget() throws IOException {
        Path policy = Files.writeString(folder.resolve("drop.yaml"), """
                rules:
                  - { match: { component: vision_encoder, name: "layers\\\\.1\\\\..*proj" }, encoding: drop }
                  - { match: { component: [vision_encoder, audio_encoder, projector] }, encoding: keep }
                """);
        Value.Fields whole = plan("plan", towers, "--to", "compressed-tensors", "--json");
        Value.Fields without = plan("plan", towers, "--to", "compressed-tensors", "--policy", policy, "--json");
        long gone = bytes(whole) - bytes(without);
        assertThat(gone).isGreaterThan(bytes(whole) / 200);
        long budget = bytes(without) / 2;
        Path saved = folder.resolve("solved.yaml");
        Value.Fields solved = plan("plan", towers, "--to", "compressed-tensors", "--policy", policy, "--budget", budget, "--save-policy",
                saved, "--json");
        assertThat(bytes(solved)).as("%s bytes are dropped", gone).isBetween(budget - gone / 2, budget)
                .isEqualTo(solved.object("budget").orElseThrow().whole("used").orElseThrow());
        assertThat(bytes(plan("plan", towers, "--to", "compressed-tensors", "--policy", saved, "--json"))).isEqualTo(bytes(solved));
    }
}
