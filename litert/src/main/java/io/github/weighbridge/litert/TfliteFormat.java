package io.github.weighbridge.litert;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.litert.tflite.TfliteReader;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.ReadOptions;
import java.io.IOException;

/// TFLite models: one or more graphs with their constants.
public final class TfliteFormat implements Format {
    /// The format's word.
    public static final String NAME = "tflite";

    private static final String EXTENSION = ".tflite";

    /// For the service loader.
    public TfliteFormat() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "TFLite models: one or more graphs with their constants";
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
            if (TfliteReader.probe(file, 0, file.length())) {
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
