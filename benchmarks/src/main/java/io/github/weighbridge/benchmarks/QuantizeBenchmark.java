package io.github.weighbridge.benchmarks;

import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.QuantizeOptions;
import io.github.weighbridge.gguf.GgufFileType;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// llama.cpp's quantiser and our converter side by side: in one process, on the same file, with the same number of threads, in turns.
///
/// Processor time is that of the whole process, so that ours counts the just-in-time compiler's. System time is the kernel's, which copies
/// the bytes of both files for either of them; what is left, user time, is arithmetic. The bytes of both results are compared at the end.
public final class QuantizeBenchmark {
    private static final String USAGE = """
            benchmarks/quantize [--megabytes N] [--threads N] [--repeats N] [--types T,T,...] [--input BF16|F16] [--source FILE.gguf]
                                [--folder DIR] [--only kernels|files]
            Defaults: a file of 1000 MB made in the system's temporary folder, all processors, best of 3, Q8_0,Q4_0,Q6_K,Q4_K_M,Q2_K.""";
    private static final String TYPES = "Q8_0,Q4_0,Q6_K,Q4_K_M,Q2_K";
    private static final List<String> OPTIONS =
            List.of("--megabytes", "--threads", "--repeats", "--types", "--input", "--source", "--folder", "--only");

    private final Map<String, String> options = new HashMap<>();
    private final int threads;
    private final int repeats;

    private QuantizeBenchmark(String[] args) {
        for (int i = 0; i < args.length; i += 2) {
            if (!OPTIONS.contains(args[i]) || i + 1 == args.length) {
                throw new IllegalArgumentException("not understood: " + args[i]);
            }
            options.put(args[i], args[i + 1]);
        }
        threads = Integer.parseInt(options.getOrDefault("--threads", "" + Runtime.getRuntime().availableProcessors()));
        repeats = Integer.parseInt(options.getOrDefault("--repeats", "3"));
    }

    /// Runs it.
    public static void main(String[] args) throws IOException, PolicyException {
        QuantizeBenchmark benchmark;
        try {
            benchmark = new QuantizeBenchmark(args);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.println(USAGE);
            System.exit(2);
            return;
        }
        benchmark.run();
    }

    private void run() throws IOException, PolicyException {
        List<GgufFileType> types = Arrays.stream(options.getOrDefault("--types", TYPES).split(",", -1))
                .map(word -> GgufFileType.named(word).orElseThrow(() -> new IllegalArgumentException("no file type: " + word))).toList();
        String only = options.getOrDefault("--only", "");
        if (!only.equals("kernels")) {
            files(types);
        }
        if (!only.equals("files")) {
            KernelSpeed.print(
                    List.of(GgmlType.Q8_0, GgmlType.Q4_0, GgmlType.Q4_1, GgmlType.Q5_0, GgmlType.Q5_1, GgmlType.IQ4_NL, GgmlType.TQ2_0,
                            GgmlType.MXFP4, GgmlType.NVFP4, GgmlType.Q2_K, GgmlType.Q3_K, GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q6_K));
        }
    }

    private void files(List<GgufFileType> types) throws IOException, PolicyException {
        Optional<LlamaCpp> llama = LlamaCpp.find();
        if (llama.isEmpty()) {
            System.out.println("llama.cpp is not there, so that ours runs alone: " + LlamaCpp.whyAbsent());
        }
        Path parent = Path.of(options.getOrDefault("--folder", System.getProperty("java.io.tmpdir")));
        Path folder = Files.createTempDirectory(parent, "weighbridge-benchmark-");
        Path ours = folder.resolve("ours.gguf");
        Path theirs = folder.resolve("theirs.gguf");
        Path made = folder.resolve("source.gguf");
        try {
            Path source = made;
            if (options.containsKey("--source")) {
                source = Path.of(options.get("--source"));
            } else {
                SourceModel.write(made, Long.parseLong(options.getOrDefault("--megabytes", "1000")) * 1_000_000,
                        options.getOrDefault("--input", "BF16").equalsIgnoreCase("F16") ? GgmlType.F16 : GgmlType.BF16);
            }
            System.out.printf(Locale.ROOT, "%s: %d bytes; %d threads; best of %d by processor time, in brackets the first run%n",
                    source.getFileName(), Files.size(source), threads, repeats);
            System.out.println("MB/s are of the file read; CPU is user + system, of the whole process");
            System.out.printf("%-8s | %-52s | %-36s | %s%n", "", "ours", "llama.cpp", "llama.cpp by ours");
            System.out.printf("%-8s | %8s %6s = %6s + %6s %8s %9s | %8s %6s = %6s + %6s | %6s %6s %6s%n", "type", "seconds", "CPU", "user",
                    "system",
                    "MB/s", "(CPU)", "seconds", "CPU", "user", "system", "time", "CPU", "user");
            for (GgufFileType type : types) {
                compare(source, type, ours, theirs, llama);
            }
        } finally {
            for (Path file : List.of(ours, theirs, made, folder)) {
                Files.deleteIfExists(file);
            }
        }
    }

    private void compare(Path source, GgufFileType type, Path ours, Path theirs, Optional<LlamaCpp> llama)
            throws IOException, PolicyException {
        ProcessClock best = null;
        ProcessClock first = null;
        ProcessClock other = null;
        for (int i = 0; i < repeats; i++) {
            Files.deleteIfExists(ours);
            ProcessClock before = ProcessClock.now();
            convert(source, ours, type);
            ProcessClock used = ProcessClock.now().since(before);
            first = first == null ? used : first;
            best = best == null || used.processor() < best.processor() ? used : best;
            if (llama.isPresent()) {
                Files.deleteIfExists(theirs);
                before = ProcessClock.now();
                llama.get().quantize(source, theirs, QuantizeOptions.of(type.id()).withThreads(threads));
                used = ProcessClock.now().since(before);
                other = other == null || used.processor() < other.processor() ? used : other;
            }
        }
        if (best == null || first == null) {
            return;
        }
        System.out.printf(Locale.ROOT, "%-8s | %8.2f %6.2f = %6.2f + %6.2f %8.0f %9s", type, best.wall(), best.processor(), best.user(),
                best.system(), Files.size(source) / 1e6 / best.wall(), String.format(Locale.ROOT, "(%.2f)", first.processor()));
        if (other != null) {
            System.out.printf(Locale.ROOT, " | %8.2f %6.2f = %6.2f + %6.2f | %6.2f %6.2f %6.2f  %s", other.wall(), other.processor(),
                    other.user(), other.system(), other.wall() / best.wall(), other.processor() / best.processor(),
                    other.user() / best.user(), same(ours, theirs) ? "same bytes" : "OTHER BYTES");
        }
        System.out.println();
    }

    private void convert(Path source, Path target, GgufFileType type) throws IOException, PolicyException {
        Format gguf = Formats.installed().byName("gguf").orElseThrow();
        try (Checkpoint checkpoint = Formats.installed().open(Source.of(source), ReadOptions.defaults())) {
            ConversionPlan plan = Planner.plan(checkpoint, gguf, Policy.KEEP.withType(type.name(), false),
                    TargetRequest.named(String.valueOf(target.getFileName())));
            Engine.run(plan, checkpoint, target, EngineOptions.defaults().withThreads(threads));
        }
    }

    /// Whether both files have the same tensors.
    private static boolean same(Path one, Path other) throws IOException {
        try (ByteSource a = ByteSource.of(one); ByteSource b = ByteSource.of(other)) {
            GgufFile first = GgufFile.read(a, Limits.DEFAULT);
            GgufFile second = GgufFile.read(b, Limits.DEFAULT);
            boolean same = first.tensors().size() == second.tensors().size();
            for (GgufTensorInfo tensor : first.tensors()) {
                Optional<GgufTensorInfo> match = second.tensor(tensor.name());
                same &= match.isPresent() && match.get().type() == tensor.type() && sameBytes(first.data(tensor), second.data(match.get()));
            }
            return same;
        }
    }

    private static boolean sameBytes(ByteSource one, ByteSource other) throws IOException {
        byte[] left = new byte[1 << 20];
        byte[] right = new byte[1 << 20];
        for (long at = 0; at < one.length(); at += left.length) {
            int count = (int) Math.min(left.length, one.length() - at);
            one.read(at, MemorySegment.ofArray(left).asSlice(0, count));
            other.read(at, MemorySegment.ofArray(right).asSlice(0, count));
            if (!Arrays.equals(left, 0, count, right, 0, count)) {
                return false;
            }
        }
        return one.length() == other.length();
    }
}
