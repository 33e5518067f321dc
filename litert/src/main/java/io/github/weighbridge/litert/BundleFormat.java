package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.litert.encoding.LitertEncodings;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.ReadOptions;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What bundles of TFLite models have in common, whatever they are wrapped in.
abstract class BundleFormat implements Format {
    @Override
    public boolean reads() {
        return true;
    }

    @Override
    public boolean writes() {
        return true;
    }

    @Override
    public Checkpoint open(Source source, ReadOptions options) throws IOException {
        return LitertReader.open(source, options, name());
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
