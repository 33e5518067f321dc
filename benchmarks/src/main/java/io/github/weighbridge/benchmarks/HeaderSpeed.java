package io.github.weighbridge.benchmarks;

import io.github.weighbridge.fixtures.Gemma4Gguf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/// Readers of GGUF side by side, each as a process of its own, on a header that is almost all tokenizer.
public final class HeaderSpeed {
    private static final String NODE = """
            import { gguf } from "%s/index.mjs";
            const { metadata, tensorInfos } = await gguf(process.argv[1], { allowLocalFile: true });
            console.log(Object.keys(metadata).length, tensorInfos.length);
            """;
    private static final String PYTHON =
            "import sys; from gguf import GGUFReader; r = GGUFReader(sys.argv[1]); print(len(r.fields), len(r.tensors))";
    private static final long POLL_MILLIS = 2;

    private record Reader(String name, List<String> command, Map<String, String> environment) {}

    private record Run(double wall, double processor, double mebibytes) {}

    private HeaderSpeed() {}

    /// Measures and prints.
    ///
    /// @param arguments number of runs, and a file to read instead of a made one; both may be missing
    public static void main(String[] arguments) throws Exception {
        int runs = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
        Path root = Path.of(System.getProperty("weighbridge.root"));
        Path folder = Files.createTempDirectory("weighbridge-header-");
        Path made = folder.resolve("header.gguf");
        try {
            Path file = arguments.length > 1 ? Path.of(arguments[1]) : make(made);
            List<Reader> readers = readers(root, file.toString());
            System.out.printf(Locale.ROOT, "%-18s %10s %10s %10s   best of %d%n", "reader", "seconds", "processor", "MiB", runs);
            Optional<Run> ours = Optional.empty();
            for (Reader reader : readers) {
                List<Run> all = new ArrayList<>();
                for (int i = 0; i < runs; i++) {
                    all.add(run(reader));
                }
                Run best = new Run(all.stream().mapToDouble(Run::wall).min().orElseThrow(), all.stream().mapToDouble(Run::processor).min()
                        .orElseThrow(), all.stream().mapToDouble(Run::mebibytes).max().orElseThrow());
                Run first = ours.orElse(best);
                System.out.printf(Locale.ROOT, "%-18s %10.3f %10.3f %10.1f   %.1f times the seconds, %.1f the processor, %.1f the memory%n",
                        reader.name, best.wall, best.processor, best.mebibytes, best.wall / first.wall, best.processor / first.processor,
                        best.mebibytes / first.mebibytes);
                ours = Optional.of(first);
            }
        } finally {
            Files.deleteIfExists(made);
            Files.delete(folder);
        }
    }

    private static Path make(Path file) throws IOException {
        Gemma4Gguf.Header header = Gemma4Gguf.header();
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            channel.write(ByteBuffer.wrap(header.bytes()), 0);
            channel.write(ByteBuffer.allocate(1), header.length() - 1);
        }
        return file;
    }

    private static List<Reader> readers(Path root, String file) throws Exception {
        List<Reader> readers = new ArrayList<>();
        // What started this process is not for the one that is measured.
        Map<String, String> plain = new TreeMap<>(System.getenv());
        plain.keySet().removeIf(name -> name.startsWith("WEIGHBRIDGE_"));
        readers.add(new Reader("weighbridge", List.of(root.resolve("weighbridge").toString(), "inspect", file), plain));
        Path npm = root.resolve("runtimes/node_modules/@huggingface/gguf/dist");
        Reader node = new Reader("@huggingface/gguf", List.of("node", "--input-type=module", "-e", NODE.formatted(npm), file), plain);
        if (Files.isDirectory(npm) && works(List.of("node", "--version"))) {
            readers.add(node);
        } else {
            System.out.println("@huggingface/gguf is left out: npm ci --ignore-scripts in runtimes/ brings it, node runs it");
        }
        String python = System.getenv().getOrDefault("PYTHON", "python3");
        if (works(List.of(python, "-c", "from gguf import GGUFReader"))) {
            readers.add(new Reader("gguf-py", List.of(python, "-c", PYTHON, file), plain));
        } else {
            System.out.println("gguf-py is left out: " + python + " does not have it");
        }
        return readers;
    }

    private static boolean works(List<String> command) throws InterruptedException {
        try {
            return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }

    private static Run run(Reader reader) throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(reader.command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
        builder.environment().clear();
        builder.environment().putAll(reader.environment);
        double before = children();
        long begin = System.nanoTime();
        Process process = builder.start();
        Path status = Path.of("/proc/" + process.pid() + "/status");
        long most = 0;
        // The highest that the kernel noted so far; what comes after the last look is the process's end.
        do {
            most = Math.max(most, highest(status));
        } while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS));
        double wall = (System.nanoTime() - begin) / 1e9;
        if (process.exitValue() != 0) {
            throw new IOException(reader.name + ": exit code " + process.exitValue());
        }
        return new Run(wall, children() - before, most / 1024.0);
    }

    private static long highest(Path status) {
        try {
            return Files.readAllLines(status).stream().filter(line -> line.startsWith("VmHWM:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).findFirst().orElse(0);
        } catch (IOException e) {
            return 0;
        }
    }

    /// Processor seconds of children that have ended: fields 16 and 17 of `/proc/self/stat`, in hundredths.
    private static double children() throws IOException {
        String stat = Files.readString(Path.of("/proc/self/stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        return (Long.parseLong(fields[13]) + Long.parseLong(fields[14])) / 100.0;
    }
}
