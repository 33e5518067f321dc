package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/// What reports look like.
class ReportTest {
    /// Colours a terminal red, sets its title, writes from right to left, begins a new line.
    private static final String EVIL = "\u001b[31mred\u001b]0;title\u0007\u009b2J\u202eback\r\nline\u2028\ud83d\ude00";

    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(ints = {60, 80, 100, 160})
    void tablesKeepToTheWidth(int width) throws IOException {
        ToyFiles files = new ToyFiles("n".repeat(300), Value.Fields.EMPTY);
        for (int i = 0; i < 4; i++) {
            files.tensor("model.layers." + i + "." + "very_long_name.".repeat(10) + "weight", DenseType.F32, 20, 300);
        }
        Path toy = files.write(folder.resolve("long.toy"));
        Cli.Result inspect = Cli.run(Screen.ofWidth(width), "inspect", toy, "--tensors");
        Cli.Result plan = Cli.run(Screen.ofWidth(width), "plan", toy, "--to", "toy", "--tensor", "layers=bf16");
        assertThat(inspect.code()).isZero();
        assertThat(plan.code()).isZero();
        assertThat(inspect.lines()).allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(width));
        assertThat(plan.lines()).allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(width));
    }

    @Test
    void textOfFilesSteersNoTerminal() throws IOException {
        Path toy = new ToyFiles(EVIL, Value.Fields.EMPTY).tensor(EVIL, DenseType.F32, 2, 2).write(folder.resolve("evil.toy"));
        for (List<Object> arguments : List.<List<Object>>of(List.of("inspect", toy, "--tensors"), List.of("inspect", toy, "--json"),
                List.of("plan", toy, "--to", "toy"), List.of("plan", toy, "--to", "safetensors", "--json"))) {
            Cli.Result result = Cli.run(arguments.toArray());
            assertThat(result.code()).as("%s: %s", arguments, result.err()).isZero();
            assertHarmless(result.out());
        }
        assertThat(Cli.run("inspect", toy).out()).startsWith("\\u001b[31mred");
        Value.Fields tensor = ReportCheck.list(Cli.run("inspect", toy, "--json").json(), "tensors").getFirst();
        assertThat(tensor.text("name")).contains(EVIL);
    }

    @Test
    void pathsSteerNoTerminal() throws IOException {
        String name = "evil\u001b[31m\n.toy";
        Cli.Result missing = Cli.run("inspect", folder + "/" + name);
        assertThat(missing.err()).isEqualTo(folder + "/evil\\u001b[31m\\u000a.toy: no such file or folder\n");
        Path bad = folder.resolve(name);
        Files.write(bad, "TOY1\u00ff\u00ff\u00ff\u00ff".getBytes(StandardCharsets.ISO_8859_1));
        Cli.Result broken = Cli.run("inspect", bad);
        assertThat(broken.code()).isEqualTo(3);
        assertThat(broken.err()).startsWith(folder + "/evil\\u001b[31m\\u000a.toy: at byte 4: ");
        assertThat(Cli.run("inspect", bad, "--\u001b[31m").err()).isEqualTo("weighbridge inspect: Unknown option: '--\\u001b[31m'\n");
    }

    @Test
    void longPathsAreNamedWhole() {
        String path = folder + "/" + "long/".repeat(200) + "x.gguf";
        assertThat(Cli.run("inspect", path).err()).isEqualTo(path + ": no such file or folder\n");
    }

    @Test
    void coloursAreForTerminals() throws IOException {
        Path toy = ToyFiles.small(folder.resolve("small.toy"));
        assertThat(Cli.run("inspect", toy).out()).doesNotContain("\u001b");
        Screen terminal = new Screen(80, true, true, StandardCharsets.UTF_8);
        assertThat(Cli.run(terminal, "inspect", toy).out()).contains("\u001b[1m", "\u001b[0m");
        assertThat(Cli.run(terminal, "inspect", toy, "--json").out()).doesNotContain("\u001b");
    }

    @Test
    void progressIsForTerminals() throws IOException {
        Path toy = ToyFiles.small(folder.resolve("small.toy"));
        assertThat(Cli.run("convert", toy, folder.resolve("a.toy")).err()).isEmpty();
        assertThat(Progress.line(1_500_000_000, 3_000_000_000L, 10)).isEqualTo(
                "[============            ]  50%  1,500 of 3,000 MB  150 MB/s  10.0 s left");
        assertThat(Progress.line(0, 0, 0)).isEqualTo("[========================] 100%  0 of 0 MB  0 MB/s");
    }

    private static void assertHarmless(String text) {
        assertThat(text.codePoints().filter(point -> point != '\n').filter(point -> switch (Character.getType(point)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> true;
            default -> false;
        })).isEmpty();
    }
}
