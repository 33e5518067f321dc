package io.github.weighbridge.litert;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.litert.file.StoredZip;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.ReadOptions;
import java.io.IOException;

/// Task archives of MediaPipe and LiteRT-LM: TFLite graphs, tokenizer and metadata as stored zip entries.
public final class TaskFormat implements Format {
    /// The format's word.
    public static final String NAME = "task";

    private static final String EXTENSION = ".task";

    /// For the service loader.
    public TaskFormat() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "task archives of MediaPipe and LiteRT-LM: TFLite graphs, tokenizer and metadata as stored zip entries";
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
            if (StoredZip.probe(file)) {
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
