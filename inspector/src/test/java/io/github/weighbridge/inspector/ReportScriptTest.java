package io.github.weighbridge.inspector;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// Holds reports to the checker that the users of scripts have, where it lies beside the checkout.
class ReportScriptTest {
    @TempDir Path folder;

    @Test
    void theCheckerFindsNothing() throws Exception {
        Optional<Path> shared = shared();
        assumeTrue(shared.isPresent(), "there is no shared/tools/report_check.py beside the checkout");
        assumeTrue(run("python3", "--version").isPresent(), "there is no python3");
        Path script = shared.get().resolve("tools/report_check.py");
        List<Path> sources = new ArrayList<>(List.of(ToyFiles.small(folder.resolve("small.toy"))));
        Path trained = shared.get().resolve("data/tiny-gemma4");
        if (Files.isDirectory(trained)) {
            try (Stream<Path> list = Files.list(trained)) {
                sources.addAll(list.filter(Files::isDirectory).sorted().toList());
            }
        }
        for (Path source : sources) {
            check(script, report("inspect", source, "--json"), source.toString());
            Path target = folder.resolve("out-" + source.getFileName());
            Path plan = report("plan", source, "--to", "safetensors", "--json");
            assertThat(Cli.run("convert", source, target, "--to", "safetensors").err()).isEmpty();
            Path result = report("inspect", target, "--json");
            check(script, result, target.toString());
            check(script, plan, "--plan", "--equal", result.toString());
        }
    }

    private Path report(Object... arguments) throws IOException {
        Cli.Result result = Cli.run(arguments);
        assertThat(result.err()).isEmpty();
        return Files.writeString(folder.resolve(arguments[0] + ".json"), result.out());
    }

    private static void check(Path script, Path report, String... more) throws Exception {
        List<String> command = new ArrayList<>(List.of("python3", script.toString(), report.toString()));
        command.addAll(List.of(more));
        assertThat(run(command.toArray(String[]::new)).orElseThrow()).isEqualTo("0 problems in " + report.getFileName() + "\n");
    }

    private static Optional<String> run(String... command) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            process.waitFor();
            return Optional.of(said);
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static Optional<Path> shared() {
        for (Path place = Path.of(System.getProperty("weighbridge.root")); place != null; place = place.getParent()) {
            Path shared = place.resolve("shared");
            if (Files.isRegularFile(shared.resolve("tools/report_check.py"))) {
                return Optional.of(shared);
            }
        }
        return Optional.empty();
    }
}
