package io.github.weighbridge.inspector;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/// Whatever ends a conversion, no half of a result stands at its target.
@Timeout(120)
class KillTest {
    private static final long ROWS = 1 << 14;
    private static final long COLUMNS = 1 << 15;
    private static final int SIGINT = 2;

    @TempDir Path folder;

    private Path source;
    private Path errors;

    @BeforeEach
    void makeSource() throws IOException {
        byte[] head = ("{\"name\":\"large\",\"tensors\":[{\"name\":\"x\",\"type\":\"F32\",\"shape\":[" + ROWS + "," + COLUMNS + "]}]}")
                .getBytes(StandardCharsets.UTF_8);
        byte[] begin = ByteBuffer.allocate(8 + head.length).order(ByteOrder.LITTLE_ENDIAN).put("TOY1".getBytes(StandardCharsets.US_ASCII))
                .putInt(head.length).put(head).array();
        source = SparseCheckpoint.extend(folder.resolve("large.toy"), begin, begin.length + ROWS * COLUMNS * 4);
        errors = folder.resolve("errors");
    }

    @Test
    void killedItLeavesNoTarget() throws Exception {
        Process process = halfWay();
        process.destroyForcibly().waitFor();
        assertThat(names()).doesNotContain("out.toy");
    }

    @Test
    void terminatedItLeavesNothingAndSaysNothing() throws Exception {
        Process process = halfWay();
        process.destroy();
        assertThat(process.waitFor()).isNotZero();
        assertThat(names()).containsExactly("errors", "large.toy");
        assertThat(said()).isEmpty();
    }

    /// Ctrl-C.
    @Test
    void interruptedItLeavesNothingAndSaysNothing() throws Exception {
        Process process = halfWay();
        new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
        assertThat(process.waitFor()).isNotZero();
        assertThat(names()).containsExactly("errors", "large.toy");
        assertThat(said()).isEmpty();
    }

    /// A conversion in a process of its own that has begun to write.
    private Process halfWay() throws Exception {
        List<String> command = new ArrayList<>();
        if (ignoresInterrupts()) {
            command.addAll(List.of("env", "--default-signal=INT"));
        }
        command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), Main.class.getName(), "convert", source.toString(),
                folder.resolve("out.toy").toString(), "--tensor", "x=bf16", "--threads", "1"));
        Process process =
                new ProcessBuilder(command).redirectError(errors.toFile()).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        while (process.isAlive() && names().stream().noneMatch(name -> name.startsWith(".out.toy.partial-"))) {
            Thread.sleep(5);
        }
        assertThat(process.waitFor(200, TimeUnit.MILLISECONDS)).as("ended before it could be stopped: %s", said()).isFalse();
        assertThat(names()).doesNotContain("out.toy");
        return process;
    }

    /// Whether this process was started in the background of a script, where a shell has SIGINT ignored, which processes hand on to those they start.
    private static boolean ignoresInterrupts() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.isReadable(status)) {
            return false;
        }
        String ignored = Files.readAllLines(status).stream().filter(line -> line.startsWith("SigIgn:")).findFirst().orElse("SigIgn: 0");
        return (Long.parseUnsignedLong(ignored.substring(ignored.indexOf(':') + 1).strip(), 16) & 1 << (SIGINT - 1)) != 0;
    }

    /// What the process said, but for what the JVM says itself.
    private List<String> said() throws IOException {
        return Files.readAllLines(errors).stream().filter(line -> !line.startsWith("WARNING:") && !line.startsWith("Picked up")).toList();
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
