package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.config.QuantizationConfig;
import io.github.weighbridge.compressedtensors.encoding.PackedEncodings;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.safetensors.HuggingFaceFolder;
import io.github.weighbridge.safetensors.file.SafetensorsIndex;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Hugging Face folders whose weights compressed-tensors has quantised.
public final class CompressedTensorsFormat implements Format {
    /// The format's word.
    public static final String NAME = QuantizationConfig.METHOD;

    private static final String EXTENSION = ".safetensors";
    private static final int FLOAT_BLOCK = 128;
    private static final List<Encoding> ENCODINGS = all();

    /// For the service loader.
    public CompressedTensorsFormat() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "Hugging Face folders quantised by compressed-tensors, as vLLM loads them";
    }

    @Override
    public boolean reads() {
        return true;
    }

    @Override
    public boolean writes() {
        return true;
    }

    /// A folder with safetensors files, or one of these files, whose config.json names the method.
    @Override
    public Claim probe(Source source) throws IOException {
        boolean tensors = source.file().isPresent() ? source.file().get().endsWith(EXTENSION)
                : source.tree().has(SafetensorsIndex.FILE) || source.tree().files().stream().anyMatch(file -> file.endsWith(EXTENSION));
        return tensors && HuggingFaceFolder.quantizationMethod(source, ReadOptions.defaults()).filter(NAME::equals).isPresent()
                ? Claim.CERTAIN : Claim.NO;
    }

    @Override
    public Checkpoint open(Source source, ReadOptions options) throws IOException {
        return CompressedTensorsReader.open(source, options);
    }

    @Override
    public Target target(Checkpoint checkpoint, TargetRequest request) throws IOException, PolicyException {
        return CompressedTensorsTarget.of(checkpoint, request);
    }

    /// Symmetric integers in rows and the usual groups, with scales of any type, and floats.
    @Override
    public List<Encoding> encodings() {
        return ENCODINGS;
    }

    private static List<Encoding> all() {
        List<Encoding> all = new ArrayList<>();
        for (int bits : List.of(2, 3, 4, 8)) {
            all.add(PackedEncodings.packed(bits, new Granularity.Row(), DenseType.F32));
            for (int group : List.of(32, 64, 128, 256)) {
                all.add(PackedEncodings.packed(bits, new Granularity.Group(group), DenseType.F32));
            }
        }
        all.add(PackedEncodings.floats(new Granularity.Row(), DenseType.F32));
        all.add(PackedEncodings.floats(new Granularity.Block(FLOAT_BLOCK, FLOAT_BLOCK), DenseType.F32));
        all.addAll(List.of(PackedEncodings.nvfp4(), PackedEncodings.mxfp4(), PackedEncodings.mxfp8()));
        return List.copyOf(all);
    }

    @Override
    public List<String> types() {
        return WeightType.WORDS;
    }

    @Override
    public List<FormatOption> options() {
        return CompressedTensorsOptions.ALL;
    }

    @Override
    public Optional<String> misuse(Map<String, String> options, Optional<String> type) {
        return CompressedTensorsOptions.misuse(options);
    }
}
