package io.github.weighbridge.litert;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.ReadOptions;
import java.io.IOException;

/// LiteRT-LM bundles: TFLite graphs with their weights, tokenizer and metadata.
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
}
