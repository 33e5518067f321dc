package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.litert.encoding.LitertEncodings;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// LiteRT-LM bundles: TFLite models, a tokenizer and metadata in one file.
public final class LitertlmFormat implements Format {
    /// The format's word.
    public static final String NAME = "litertlm";

    private static final String EXTENSION = ".litertlm";

    /// For the service loader.
    public LitertlmFormat() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "LiteRT-LM bundles: TFLite graphs with their weights, tokenizer and metadata";
    }

    @Override
    public boolean reads() {
        return true;
    }

    @Override
    public boolean writes() {
        return true;
    }

    /// The first bytes say so. A file that is only named so may have been damaged, which its reader tells best.
    @Override
    public Claim probe(Source source) throws IOException {
        if (source.file().isEmpty()) {
            return Claim.NO;
        }
        try (ByteSource file = source.open()) {
            if (BundleHeader.probe(file)) {
                return Claim.CERTAIN;
            }
        }
        return source.file().get().endsWith(EXTENSION) ? Claim.POSSIBLE : Claim.NO;
    }

    @Override
    public Checkpoint open(Source source, ReadOptions options) throws IOException {
        return LitertReader.open(source, options, NAME);
    }

    @Override
    public Target target(Checkpoint checkpoint, TargetRequest request) throws IOException, PolicyException {
        boolean whole = request.strip().isEmpty() || !checkpoint.architecture().known();
        if (whole && request.options().isEmpty() && Repack.isPossible(checkpoint)) {
            return RepackTarget.of(checkpoint, request);
        }
        return LitertTarget.of(checkpoint, request, BundleForm.LITERTLM);
    }

    @Override
    public List<Encoding> encodings() {
        return LitertEncodings.list();
    }

    @Override
    public List<String> types() {
        return LitertEncodings.words();
    }

    @Override
    public List<FormatOption> options() {
        return LitertOptions.ALL;
    }

    @Override
    public Optional<String> misuse(Map<String, String> options, Optional<String> type) {
        return LitertOptions.misuse(options);
    }
}
