package io.github.weighbridge.litert;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;

/// LiteRT-LM bundles: TFLite models, a tokenizer and metadata in one file.
public final class LitertlmFormat extends BundleFormat {
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
    public Target target(Checkpoint checkpoint, TargetRequest request) throws IOException, PolicyException {
        boolean whole = request.strip().isEmpty() || !checkpoint.architecture().known();
        if (whole && request.options().isEmpty() && Repack.isPossible(checkpoint)) {
            return RepackTarget.of(checkpoint, request);
        }
        return LitertTarget.of(checkpoint, request, BundleForm.LITERTLM);
    }
}
