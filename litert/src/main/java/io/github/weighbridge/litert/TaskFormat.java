package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.litert.encoding.LitertEncodings;
import io.github.weighbridge.litert.file.StoredZip;
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

/// Task bundles: TFLite models, a SentencePiece tokenizer and metadata in a stored archive.
public final class TaskFormat implements Format {
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

    @Override
    public boolean reads() {
        return true;
    }

    @Override
    public boolean writes() {
        return true;
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
    public Checkpoint open(Source source, ReadOptions options) throws IOException {
        return LitertReader.open(source, options, NAME);
    }

    @Override
    public Target target(Checkpoint checkpoint, TargetRequest request) throws IOException, PolicyException {
        return LitertTarget.of(checkpoint, request, BundleForm.TASK);
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
