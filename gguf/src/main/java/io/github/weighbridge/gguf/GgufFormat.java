package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
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

/// GGUF, the format of llama.cpp: one file, or a split set named by any of its shards.
public final class GgufFormat implements Format {
    /// The format's word.
    public static final String NAME = "gguf";

    /// For the service loader.
    public GgufFormat() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "GGUF files of llama.cpp, single or split";
    }

    @Override
    public boolean reads() {
        return true;
    }

    @Override
    public boolean writes() {
        return true;
    }

    /// The first four bytes say so. A file that is only named so may have been damaged, which its reader tells best.
    @Override
    public Claim probe(Source source) throws IOException {
        if (source.file().isEmpty()) {
            return Claim.NO;
        }
        try (ByteSource file = source.open()) {
            if (GgufFile.hasMagic(file)) {
                return Claim.CERTAIN;
            }
        }
        return source.file().get().endsWith(".gguf") ? Claim.POSSIBLE : Claim.NO;
    }

    @Override
    public Checkpoint open(Source source, ReadOptions options) throws IOException {
        return GgufCheckpointReader.open(source, options);
    }

    @Override
    public Target target(Checkpoint checkpoint, TargetRequest request) throws IOException, PolicyException {
        return GgufTarget.of(checkpoint, request);
    }

    @Override
    public List<Encoding> encodings() {
        return Arrays.stream(GgmlType.values()).map(GgmlEncodings::of).toList();
    }

    @Override
    public List<String> types() {
        return GgufFileType.names();
    }

    @Override
    public List<FormatOption> options() {
        return GgufOptions.ALL;
    }

    @Override
    public Optional<String> misuse(Map<String, String> options, Optional<String> type) {
        return GgufOptions.misuse(options, type);
    }
}
