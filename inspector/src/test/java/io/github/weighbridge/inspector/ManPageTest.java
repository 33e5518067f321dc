package io.github.weighbridge.inspector;

import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// The manual page and the completion of shells name what there is.
class ManPageTest {
    @TempDir Path folder;

    /// `docs/weighbridge.1` is what the command line says of itself today; `-Dweighbridge.golden=write` writes it.
    @Test
    void theManualIsTheCommandLine() throws IOException {
        Path file = Path.of(System.getProperty("weighbridge.root"), "docs/weighbridge.1");
        String page = ManPage.of(Main.commandLine());
        if ("write".equals(System.getProperty("weighbridge.golden"))) {
            Files.writeString(file, page);
        }
        assertThat(page).isEqualTo(Files.readString(file));
        for (Format format : Formats.installed().all()) {
            format.options().forEach(option -> assertThat(page).contains("\\fB\\-\\-" + option.word().replace("-", "\\-") + "\\fR"));
        }
        assertThat(page.lines().map(String::stripTrailing)).noneMatch(String::isEmpty);
    }

    @Test
    void aShellCompletesCommandsOptionsAndWords() throws Exception {
        Path script = folder.resolve("completion");
        Files.writeString(script, Cli.run("completion").out());
        assumeTrue(Stream.of(System.getenv("PATH").split(":")).anyMatch(place -> Files.isExecutable(Path.of(place, "bash"))),
                "there is no bash on PATH");
        assertThat(completed(script, "in")).containsExactly("inspect");
        assertThat(completed(script, "convert", "--mmp")).containsExactly("--mmproj");
        assertThat(completed(script, "plan", "--to", "compr")).containsExactly("compressed-tensors");
        assertThat(completed(script, "convert", "--type", "Q4_K_")).containsExactlyInAnyOrder("Q4_K_S", "Q4_K_M");
        assertThat(completed(script, "plan", "--policy", "gemma4-mobile-text-")).containsExactly("gemma4-mobile-text-no-ple");
    }

    private static List<String> completed(Path script, String... words) throws Exception {
        String program = "source \"$0\"; COMP_WORDS=(weighbridge \"$@\"); COMP_CWORD=$#; COMP_LINE=\"${COMP_WORDS[*]}\"; "
                + "COMP_POINT=${#COMP_LINE}; _complete_weighbridge; printf '%s\\n' \"${COMPREPLY[@]}\"";
        List<String> command = Stream.concat(Stream.of("bash", "-c", program, script.toString()), Stream.of(words)).toList();
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String out = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return out.lines().map(String::strip).toList();
    }
}
