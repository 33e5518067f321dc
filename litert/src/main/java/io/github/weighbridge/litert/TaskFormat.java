package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.litert.encoding.LitertEncodings;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.PolicyException;
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
    public boolean writes() {
        return true;
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
