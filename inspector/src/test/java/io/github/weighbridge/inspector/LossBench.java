package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.TrainedText;
import io.github.weighbridge.fixtures.litert.TfliteDecoder;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.OutputFile;
import io.github.weighbridge.plan.PlanDigest;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Measures what presets cost a trained model in a format, in the format's runtime. Models that are the same to the byte are measured once. For use
/// by one thread.
///
/// A folder of compressed-tensors has no runtime here: our own reader decodes it, and a GGUF of its numbers in single precision is loaded, so that
/// what is measured is what its codes say.
final class LossBench implements AutoCloseable {
    static final String GGUF = "gguf";
    static final String COMPRESSED = "compressed-tensors";
    static final String LITERTLM = "litertlm";
    /// The trained models; the first is not part of the project.
    static final List<String> MODELS = List.of("base", TrainedCheckpoints.QAT_Q4_0, TrainedCheckpoints.QAT_MOBILE);
    /// Windows that are measured: all of the text.
    static final int WINDOWS = 23;
    /// Tokens that are scored for a first look in the interpreter, which is given them one by one.
    private static final int FEW = 64;

    private final Path folder;
    private final String format;
    private final Path source;
    private final Checkpoint checkpoint;
    private final List<Integer> tokens;
    private final int windows;
    private final Map<String, Loss> byPlan = new HashMap<>();
    private final Map<String, Loss> byContent;

    /// A loss.
    ///
    /// @param text mean of the windows that were asked for
    /// @param begin mean of the first window; in the interpreter, of its first tokens that are scored
    record Loss(double text, double begin) {}

    private LossBench(Path folder, String format, Path source, int windows, Map<String, Loss> known) throws IOException {
        this.folder = folder;
        this.format = format;
        this.source = source;
        this.checkpoint = Formats.installed().open(Source.of(source), ReadOptions.defaults());
        this.tokens = TrainedText.tokens(source);
        this.windows = windows;
        this.byContent = known;
    }

    /// Why a model cannot be measured in a format here; empty when it can.
    static Optional<String> absence(String format, String model) {
        if (source(model).isEmpty() && !TrainedCheckpoints.variants().contains(model)) {
            return Optional.of("no shared data: " + model);
        }
        return format.equals(LITERTLM) ? TfliteModel.absence() : LlamaCpp.find().isPresent() ? Optional.empty()
                : Optional.of(LlamaCpp.whyAbsent());
    }

    private static Optional<Path> source(String model) {
        return SharedData.find("tiny-gemma4/" + model);
    }

    /// A bench.
    ///
    /// @param folder for files
    /// @param windows how many are measured
    /// @param known losses of contents, which are used and added to
    static LossBench of(Path folder, String format, String model, int windows, Map<String, Loss> known) throws IOException {
        Path source = folder.resolve(model);
        if (TrainedCheckpoints.variants().contains(model)) {
            TrainedCheckpoints.unpack(source, model);
        } else {
            source = source(model).orElseThrow();
        }
        return new LossBench(folder, format, source, windows, known);
    }

    private static Format format(String name) {
        return Formats.installed().byName(name).orElseThrow();
    }

    /// What a preset makes of the model.
    ///
    /// @throws PolicyException when it cannot be met
    ConversionPlan plan(String preset) throws IOException, PolicyException {
        TargetRequest request = TargetRequest.named("model." + format);
        if (format.equals(LITERTLM)) {
            request = request.withOption("cache-length", Integer.toString(TrainedText.WINDOW)).withOption("prefill",
                    Integer.toString(TrainedText.WINDOW / 2));
        }
        return Planner.plan(checkpoint, format(format), PolicyFiles.preset(preset).orElseThrow(), request);
    }

    /// Length of the files with tensors.
    static long bytes(ConversionPlan plan) {
        return plan.files().stream().filter(OutputFile::holdsTensors).mapToLong(OutputFile::length).sum();
    }

    /// Converts, holds what was written against the plan, loads it in its runtime, and measures.
    Loss measure(ConversionPlan plan) throws IOException, PolicyException {
        String digest = PlanDigest.of(plan, "model." + format);
        Loss known = byPlan.get(digest);
        if (known != null) {
            return known;
        }
        Path target = folder.resolve("model." + format);
        Engine.run(plan, checkpoint, target, EngineOptions.defaults().withForce(true));
        Loss loss;
        try (Checkpoint written = Formats.installed().open(Source.of(target), ReadOptions.defaults())) {
            if (!Audited.of(written).files().equals(Audited.of(plan).files())) {
                throw new AssertionError(target + ": " + Audited.of(written).files() + ", planned " + Audited.of(plan).files());
            }
            loss = switch (format) {
                case GGUF -> llama(target);
                case COMPRESSED -> {
                    Path dense = folder.resolve("dense.gguf");
                    Engine.run(Planner.plan(written, format(GGUF), Policy.KEEP.withType("F32", false), TargetRequest.named("dense.gguf")),
                            written, dense, EngineOptions.defaults().withForce(true));
                    yield llama(dense);
                }
                default -> interpreted(target);
            };
        }
        byPlan.put(digest, loss);
        return loss;
    }

    private Loss llama(Path file) throws IOException {
        String digest = "llama.cpp " + windows + " " + digest(file, List.of(new Part(0, Files.size(file))));
        Loss known = byContent.get(digest);
        if (known == null) {
            try (LlamaModel model = LlamaCpp.find().orElseThrow().open(file)) {
                int[] text = Arrays.copyOf(tokens.stream().mapToInt(Integer::intValue).toArray(), windows * TrainedText.WINDOW);
                List<Double> losses = model.evaluate(text).nllByWindow();
                known = new Loss(losses.stream().mapToDouble(Double::doubleValue).average().orElseThrow(), losses.getFirst());
            }
            byContent.put(digest, known);
        }
        return known;
    }

    /// Bytes of a file.
    private record Part(long begin, long length) {}

    private static String digest(Path file, List<Part> parts) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Part part : parts) {
                digest.update(channel.map(MapMode.READ_ONLY, part.begin(), part.length()));
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private Loss interpreted(Path bundle) throws IOException {
        Map<String, BundleSection> sections = new HashMap<>();
        try (ByteSource bytes = ByteSource.of(bundle)) {
            for (BundleSection section : BundleHeader.read(bytes, Limits.DEFAULT).sections()) {
                if (section.kind().equals(SectionKind.TFLITE_MODEL)) {
                    sections.put(section.modelType(), section);
                }
            }
        }
        String digest = "TFLite " + windows + " " + digest(bundle,
                sections.values().stream().map(section -> new Part(section.begin(), section.length())).sorted((a, b) -> Long
                        .compare(a.begin(), b.begin())).toList());
        Loss known = byContent.get(digest);
        if (known == null) {
            BundleSection perLayer = sections.get(BundleSection.PER_LAYER_EMBEDDER);
            try (TfliteDecoder decoder = new TfliteDecoder(open(bundle, sections.get(BundleSection.PREFILL_DECODE)),
                    open(bundle, sections.get(BundleSection.EMBEDDER)),
                    perLayer == null ? Optional.empty() : Optional.of(open(bundle, perLayer)))) {
                double[] losses = decoder.losses(tokens, windows, windows == 1 ? FEW : TrainedText.WINDOW);
                known = new Loss(Arrays.stream(losses).average().orElseThrow(), Arrays.stream(losses, 0, FEW).average().orElseThrow());
            }
            byContent.put(digest, known);
        }
        return known;
    }

    private static TfliteModel open(Path bundle, BundleSection section) throws IOException {
        return TfliteModel.of(bundle, section.begin(), section.length(), true);
    }

    @Override
    public void close() throws IOException {
        checkpoint.close();
    }
}
