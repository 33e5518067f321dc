package io.github.weighbridge.litert;

import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.litert.TfliteDecoder;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.litert.file.StoredZip;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.safetensors.SafetensorsFormat;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/// Writes bundles and opens what is in them in the real interpreter.
final class Bundles {
    private Bundles() {}

    /// Makes a small Gemma 4 with both encoders.
    static Path towers(Path folder, String name, Gemma4Options.Numbers numbers) throws IOException {
        Path source = folder.resolve(name);
        Gemma4Fixture.write(source, Gemma4Options.of(Gemma4Size.TINY_TOWERS).withNumbers(numbers).withThreads(1));
        return source;
    }

    /// Converts a folder.
    static ConversionPlan write(Path folder, Path target, Policy policy, Map<String, String> options) throws IOException, PolicyException {
        try (Checkpoint source = new SafetensorsFormat().open(Source.of(folder), ReadOptions.defaults())) {
            TargetRequest request = TargetRequest.named(target.getFileName().toString());
            for (Map.Entry<String, String> option : options.entrySet()) {
                request = request.withOption(option.getKey(), option.getValue());
            }
            Format format = target.toString().endsWith(".task") ? new TaskFormat() : new LitertlmFormat();
            ConversionPlan plan = Planner.plan(source, format, policy, request);
            Engine.run(plan, source, target, EngineOptions.defaults());
            return plan;
        }
    }

    /// The section with a model.
    static Optional<BundleSection> model(Path bundle, String type) throws IOException {
        try (ByteSource source = ByteSource.of(bundle)) {
            return BundleHeader.read(source, Limits.DEFAULT).sections().stream()
                    .filter(section -> section.kind().equals(SectionKind.TFLITE_MODEL) && section.modelType().equals(type)).findFirst();
        }
    }

    /// Opens a model of a bundle, with XNNPACK.
    static TfliteModel open(Path bundle, BundleSection section) throws IOException {
        return TfliteModel.of(bundle, section.begin(), section.length(), true);
    }

    /// Opens a bundle's decoder.
    static TfliteDecoder decoder(Path bundle) throws IOException {
        Optional<BundleSection> perLayer = model(bundle, BundleSection.PER_LAYER_EMBEDDER);
        return new TfliteDecoder(open(bundle, model(bundle, BundleSection.PREFILL_DECODE).orElseThrow()),
                open(bundle, model(bundle, BundleSection.EMBEDDER).orElseThrow()),
                perLayer.isPresent() ? Optional.of(open(bundle, perLayer.get())) : Optional.empty());
    }

    /// Opens an archive's decoder.
    static TfliteDecoder taskDecoder(Path task) throws IOException {
        StoredZip zip;
        try (ByteSource source = ByteSource.of(task)) {
            zip = StoredZip.read(source, Limits.DEFAULT);
        }
        return new TfliteDecoder(open(task, zip.entry("TF_LITE_PREFILL_DECODE").orElseThrow()),
                open(task, zip.entry("TF_LITE_EMBEDDER").orElseThrow()),
                Optional.of(open(task, zip.entry("TF_LITE_PER_LAYER_EMBEDDER").orElseThrow())));
    }

    private static TfliteModel open(Path task, StoredZip.Entry entry) throws IOException {
        return TfliteModel.of(task, entry.begin(), entry.length(), true);
    }
}
