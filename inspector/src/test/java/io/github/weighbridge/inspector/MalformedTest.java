package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.malformed.MalformedCase;
import io.github.weighbridge.fixtures.malformed.MalformedGguf;
import io.github.weighbridge.fixtures.malformed.MalformedLitert;
import io.github.weighbridge.fixtures.malformed.MalformedSafetensors;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Bad files end in exit code 3 and one line, soon, in a small heap, and leave nothing.
@Tag("small-heap")
class MalformedTest {
    private static final long MOST_NANOS = 1_000_000_000;

    @TempDir Path folder;

    static Stream<MalformedCase> cases() {
        // Bombs, files that describe more than they hold, are tried on the readers alone: it takes long to make them.
        Stream<MalformedCase> litert = MalformedLitert.cases().stream().filter(malformed -> !malformed.name().contains(" times "));
        return Stream.of(MalformedGguf.cases().stream(), MalformedSafetensors.all().stream(), litert).flatMap(cases -> cases);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void inspectRefuses(MalformedCase malformed) throws IOException {
        Path input = malformed.writeTo(folder);
        long begin = cpuTime();
        Cli.Result result = Cli.run("inspect", input);
        // Time of this thread, since other builds may use the processors meanwhile.
        assertThat(cpuTime() - begin).isLessThan(MOST_NANOS);
        assertRefusal(malformed, input, result);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void convertRefusesAndLeavesNothing(MalformedCase malformed) throws IOException {
        Path input = malformed.writeTo(Files.createDirectory(folder.resolve("in")));
        Path out = Files.createDirectory(folder.resolve("out"));
        List<Object> arguments = input.toString().endsWith(".gguf") ? List.of("convert", input, out.resolve("x"), "--to", "safetensors")
                : List.of("convert", input, out.resolve("x.gguf"));
        assertRefusal(malformed, input, Cli.run(arguments.toArray()));
        assertThat(out).isEmptyDirectory();
    }

    /// The smallest heaps are those of the machines that models are made for.
    @Test
    void theHeapIsSmall() {
        assertThat(Runtime.getRuntime().maxMemory()).isLessThanOrEqualTo(128L << 20);
    }

    private static void assertRefusal(MalformedCase malformed, Path input, Cli.Result result) {
        // A folder without tensors is nobody's, so that it is not the reader of safetensors who refuses it.
        List<String> expected = malformed.name().equals("folder without tensors") ? List.of("no known format") : malformed.expected();
        assertThat(result.code()).as("exit code of: %s", result.err()).isEqualTo(3);
        assertThat(result.out()).isEmpty();
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.err()).startsWith(input.toString()).contains(expected);
    }

    private static long cpuTime() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }
}
