package io.github.weighbridge.safetensors;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.safetensors.file.SafetensorsIndex;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Safetensors files, and the Hugging Face folders they usually lie in.
public final class SafetensorsFormat implements Format {
    /// The format's word.
    public static final String NAME = "safetensors";
    static final String EXTENSION = ".safetensors";
    private static final int LENGTH_BYTES = 8;

    /// For the service loader.
    public SafetensorsFormat() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "safetensors files and Hugging Face folders, plain or sharded, and Gemma's quantised mobile checkpoints";
    }

    @Override
    public boolean reads() {
        return true;
    }

    @Override
    public boolean writes() {
        return true;
    }

    /// A folder with safetensors files is probably meant; a file begins with the length of a JSON object that follows it. Where config.json names a
    /// kind of quantisation that another format may know, a file is no more certain than a folder.
    @Override
    public Claim probe(Source source) throws IOException {
        if (source.file().isEmpty()) {
            SourceTree tree = source.tree();
            boolean any = tree.has(SafetensorsIndex.FILE) || tree.files().stream().anyMatch(file -> file.endsWith(EXTENSION));
            return any ? Claim.POSSIBLE : Claim.NO;
        }
        boolean named = source.file().get().endsWith(EXTENSION);
        try (ByteSource file = source.open()) {
            if (file.length() <= LENGTH_BYTES) {
                return named ? Claim.POSSIBLE : Claim.NO;
            }
            byte[] head = file.readBytes(0, LENGTH_BYTES + 1);
            boolean object = head[LENGTH_BYTES] == '{' && head[7] == 0 && head[6] == 0 && head[5] == 0;
            if (!object || !named) {
                return object || named ? Claim.POSSIBLE : Claim.NO;
            }
            Optional<String> method = HuggingFaceFolder.quantizationMethod(source, ReadOptions.defaults());
            return method.isEmpty() || method.get().equals(GemmaQuantization.METHOD) ? Claim.CERTAIN : Claim.POSSIBLE;
        }
    }

    @Override
    public Checkpoint open(Source source, ReadOptions options) throws IOException {
        return SafetensorsReader.open(source, options);
    }

    @Override
    public Target target(Checkpoint checkpoint, TargetRequest request) throws IOException, PolicyException {
        return SafetensorsTarget.of(checkpoint, request);
    }

    @Override
    public List<Encoding> encodings() {
        return Arrays.stream(DenseType.values()).<Encoding>map(io.github.weighbridge.encoding.DenseEncoding::of).toList();
    }

    @Override
    public List<String> types() {
        return List.of("BF16", "F16", "F32");
    }

    @Override
    public List<FormatOption> options() {
        return SafetensorsTarget.OPTIONS;
    }

    @Override
    public Optional<String> misuse(Map<String, String> options, Optional<String> type) {
        return SafetensorsTarget.misuse(options);
    }
}
