package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Reports word for word.
class GoldenReportTest {
    @TempDir Path folder;

    private Path checkpoint() throws IOException {
        return SparseCheckpoint.write(folder.resolve("tiny-mobile"),
                Gemma4Options.of(Gemma4Size.TINY_TOWERS).withNumbers(Gemma4Options.Numbers.MOBILE));
    }

    @ParameterizedTest
    @CsvSource({"80, false, report-80.txt", "80, true, report-80-colour.txt", "200, false, report-200.txt",
        "200, true, report-200-colour.txt"})
    void text(int width, boolean colour, String file) throws IOException {
        Screen screen = new Screen(width, colour, false, StandardCharsets.UTF_8);
        Cli.Result result = Cli.run(screen, "inspect", checkpoint(), "--context", "4k,8k", "--kv-cache", "f16,q8_0");
        assertThat(result.err()).isEmpty();
        assertThat(result.lines()).allSatisfy(line -> assertThat(line.replaceAll("\u001b\\[\\d+m", "").length()).as(line)
                .isLessThanOrEqualTo(width));
        Golden.check(file, result.out());
    }

    /// Colours change nothing but colours.
    @Test
    void coloursAreAllThatColoursChange() throws IOException {
        Path checkpoint = checkpoint();
        for (int width : List.of(80, 200)) {
            String coloured = Cli.run(new Screen(width, true, true, StandardCharsets.UTF_8), "inspect", checkpoint, "--tensors").out();
            String plain = Cli.run(Screen.ofWidth(width), "inspect", checkpoint, "--tensors").out();
            assertThat(coloured.replaceAll("\u001b\\[\\d+m", "")).isEqualTo(plain);
        }
    }

    @Test
    void barsNeedNoMoreThanAscii() throws IOException {
        Cli.Result result = Cli.run(new Screen(120, false, false, StandardCharsets.US_ASCII), "inspect", checkpoint());
        assertThat(result.out()).contains(" ####").doesNotContain("█");
    }

    @Test
    void markdown() throws IOException {
        Path checkpoint = checkpoint();
        Cli.Result result = Cli.run("inspect", checkpoint, "--markdown");
        assertThat(result.err()).isEmpty();
        Golden.check("report.md", result.out());
        assertThat(Cli.run("inspect", checkpoint, "--markdown", "--tensors").out())
                .startsWith(result.out() + "<details><summary>Tensors</summary>\n\n| tensor | role |").endsWith(" |\n\n</details>\n\n");
    }

    @Test
    void markdownOfAPlan() throws IOException {
        Path checkpoint = checkpoint();
        Cli.Result result = Cli.run("plan", checkpoint, "--to", "safetensors", "--policy", "bf16", "--markdown");
        assertThat(result.err()).isEmpty();
        assertThat(result.out()).contains("#### How tensors come about\n\n| way | from | to | tensors | bytes |")
                .contains("#### Files of the folder\n").doesNotContain("\u001b");
        assertThat(Cli.run("plan", checkpoint, "--to", "safetensors", "--markdown", "--json").code()).isEqualTo(2);
        assertThat(Cli.run("inspect", checkpoint, "--markdown", "--json").code()).isEqualTo(2);
    }

    /// A name in a file is a name: it makes no links, no emphasis, no cells, no HTML.
    @Test
    void markdownSaysNothingThatAFileWants() throws IOException {
        String evil = "a|b `c` *d* _e_ f_g <img src=x onerror=alert(1)> [h](http://i) @j #1 ~k~ \\ $l$\n# m";
        Path toy = new ToyFiles(evil, Value.Fields.EMPTY).tensor(evil, DenseType.F32, 2, 2).write(folder.resolve("evil.toy"));
        String markdown = Cli.run("inspect", toy, "--markdown", "--tensors").out();
        String harmless =
                "a\\|b \\`c\\` \\*d\\* \\_e\\_ f_g &lt;img src=x onerror=alert(1)&gt; \\[h\\](http&#58;//i) &#64;j &#35;1 \\~k\\~ \\\\ \\$l\\$\\\\u000a&#35; m";
        assertThat(markdown).startsWith("### " + harmless + "\n").contains("| " + harmless + " |");
    }
}
