package io.github.weighbridge.gguf;

import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.Family;
import io.github.weighbridge.family.MetadataEntry;
import io.github.weighbridge.family.TensorSpec;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.OutputRecord;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Stripping;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The encoders of images and sound, in the file that llama.cpp's tools call mmproj. (llama.cpp v0.5.0 `conversion/base.py`, class
/// MmprojModel.)
///
/// Named types such as Q4_0 are for text models: the encoders then keep their numbers. F32, F16 and BF16 hold for both.
record EncoderPart(Checkpoint source, Map<String, String> record, Architecture architecture, List<MetadataEntry> metadata, float[] mean,
        float[] deviation, List<TargetTensor> tensors, Set<String> weights, List<Finding> findings) implements Part {
    private static final List<String> PROCESSORS = List.of("preprocessor_config.json", "processor_config.json");

    static EncoderPart of(Checkpoint source, TargetRequest request) throws IOException, PolicyException {
        Stripping stripping = Stripping.of(source, request);
        Family family = request.families().byName(source.architecture().family()).orElseThrow(() -> new PolicyException(
                "--mmproj needs to know the architecture: " + source.architecture().name() + " is of no known family"));
        Dialect dialect = family.dialect(Dialect.GGUF_MMPROJ).orElseThrow(
                () -> new PolicyException("--mmproj: nothing is known of how GGUF files hold the encoders of " + family.name()));
        Architecture architecture = stripping.architecture();
        Map<String, Weight> weights = TextPart.weights(stripping);
        List<TargetTensor> tensors = new ArrayList<>();
        Set<String> used = new HashSet<>();
        for (TensorSpec spec : dialect.tensors(architecture)) {
            List<String> keys = spec.holding().keys();
            if (!weights.keySet().containsAll(keys)) {
                if (spec.presence() == TensorSpec.Presence.REQUIRED) {
                    throw new PolicyException("--mmproj needs " + spec.name() + ", for which the source has no weights");
                }
                continue;
            }
            View view = spec.holding().assemble(key -> java.util.Objects.requireNonNull(weights.get(key)).view());
            tensors.add(new TargetTensor(spec.name(), EncoderTensors.identity(spec.name()), view, keys));
            used.addAll(keys);
        }
        if (tensors.isEmpty()) {
            throw new PolicyException("--mmproj: " + source.architecture().name() + " has no encoders, or they were stripped");
        }
        List<Finding> findings = new ArrayList<>();
        Value.Fields images = images(source, request.limits());
        if (images.list("image_mean").isEmpty() && architecture.parameters().object("vision_config").isPresent()) {
            findings.add(
                    Finding.info("image-statistics-assumed", "the source does not say how pixels are scaled: mean 0 and deviation 1 are"
                            + " written, as Gemma 4 has them", List.of()));
        }
        return new EncoderPart(source, OutputRecord.of(source, request, stripping), architecture, dialect.metadata(architecture),
                numbers(images, "image_mean", 0),
                numbers(images, "image_std", 1), List.copyOf(tensors), Set.copyOf(used), List.copyOf(findings));
    }

    /// The settings for images of the documents that may have them; newer ones are nested.
    private static Value.Fields images(Checkpoint source, Limits limits) throws IOException {
        for (String name : PROCESSORS) {
            Optional<ByteSource> document = source.documents().get(name);
            if (document.isPresent()) {
                Value.Fields config = Json.parseObject(document.get(), limits);
                Value.Fields images = config.object("image_processor").orElse(config);
                if (images.list("image_mean").isPresent()) {
                    return images;
                }
            }
        }
        return Value.Fields.EMPTY;
    }

    private static float[] numbers(Value.Fields images, String name, float otherwise) {
        float[] numbers = {otherwise, otherwise, otherwise};
        List<Value> items = images.list(name).orElse(List.of());
        for (int i = 0; i < Math.min(numbers.length, items.size()); i++) {
            numbers[i] = switch (items.get(i)) {
                case Value.Whole(long number) -> number;
                case Value.Real(double number) -> (float) number;
                case Value.Text _, Value.Flag _, Value.Nothing _, Value.Items _, Value.Fields _ -> otherwise;
            };
        }
        return numbers;
    }

    /// Vectors, whatever is no weight, positions, patches and the audio encoder's convolutions.
    @Override
    public Optional<Choice> fixed(TargetTensor tensor) {
        String name = tensor.name();
        boolean single = tensor.shape().rank() <= 1 || name.endsWith("_norm.weight") || !name.endsWith(".weight")
                || name.endsWith(".position_embd.weight") || name.endsWith(".patch_embd.weight") || name.startsWith("a.conv1d.")
                || name.equals("a.input_projection.weight") || name.endsWith(".conv_dw.weight");
        return single ? Optional.of(Choice.of(GgmlEncodings.of(GgmlType.F32), "llama.cpp keeps it in single precision")) : Optional.empty();
    }

    @Override
    public boolean follows(GgufFileType type, TargetTensor tensor) {
        return type.dense();
    }

    @Override
    public void keys(GgufHeader.Builder builder, Made made) {
        builder.put("general.architecture", EncoderTensors.ARCHITECTURE);
        builder.put("general.type", "mmproj");
        builder.put("general.name", source.architecture().name());
        builder.putU32(GeneralKeys.FILE_TYPE, made.fileType());
        for (MetadataEntry entry : metadata) {
            builder.put(entry.name(), Metadata.value(entry));
            if (entry.name().equals("clip.vision.attention.head_count")) {
                builder.put("clip.vision.image_mean", GgufArray.ofFloats(mean));
                builder.put("clip.vision.image_std", GgufArray.ofFloats(deviation));
            }
        }
        builder.putU32(GeneralKeys.QUANTIZATION_VERSION, GeneralKeys.CURRENT_QUANTIZATION_VERSION);
        record.forEach(builder::put);
    }
}
