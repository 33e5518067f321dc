package io.github.weighbridge.litert;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.litert.file.StoredZip;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;

/// Task bundles: TFLite models, a SentencePiece tokenizer and metadata in a stored archive.
public final class TaskFormat extends BundleFormat {
    /// The format's word.
    public static final String NAME = "task";

    private static final String EXTENSION = ".task";
    private static final String MODEL = "TF_LITE_";

    /// For the service loader.
    public TaskFormat() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String description() {
        return "task bundles of MediaPipe and LiteRT-LM: the same in a stored archive, with a SentencePiece tokenizer";
    }

    /// Archives of many kinds begin alike: one of these holds a TFLite model under the name of what it does. A file that is only named so may have
    /// been damaged, which its reader tells best.
    @Override
    public Claim probe(Source source) throws IOException {
        if (source.file().isEmpty()) {
            return Claim.NO;
        }
        try (ByteSource file = source.open()) {
            if (StoredZip.probe(file)
                    && StoredZip.read(file, Limits.DEFAULT).entries().stream().anyMatch(entry -> entry.name().startsWith(MODEL))) {
                return Claim.CERTAIN;
            }
        } catch (CheckpointFormatException e) {
            // An archive of another kind, or a bad one of this.
            return source.file().get().endsWith(EXTENSION) ? Claim.POSSIBLE : Claim.NO;
        }
        return source.file().get().endsWith(EXTENSION) ? Claim.POSSIBLE : Claim.NO;
    }

    @Override
    public Target target(Checkpoint checkpoint, TargetRequest request) throws IOException, PolicyException {
        return LitertTarget.of(checkpoint, request, BundleForm.TASK);
    }
}
