package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.plan.ImportanceMatrix;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.FormatOption.Kind;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/// The settings of a GGUF target, under the names that llama.cpp's tools have for them.
///
/// @param splitSize most bytes of tensors in a shard
/// @param mmproj plain name of the file for the encoders; the name of the target itself asks for them alone
/// @param importance what columns matter
/// @param head the type of the output head, or of the embedding where it serves as one
/// @param embedding the type of the embedding tables
record GgufOptions(OptionalLong splitSize, Optional<String> mmproj, Optional<ImportanceMatrix> importance, Optional<GgmlType> head,
        Optional<GgmlType> embedding) {
    static final String SPLIT_MAX_SIZE = "split-max-size";
    static final String MMPROJ = "mmproj";
    static final String IMATRIX = "imatrix";
    static final String OUTPUT_TYPE = "output-tensor-type";
    static final String EMBEDDING_TYPE = "token-embedding-type";

    static final List<FormatOption> ALL = List.of(
            new FormatOption(SPLIT_MAX_SIZE, Kind.VALUE, "SIZE",
                    "Split into files of at most so many bytes of tensors: N, NM (10^6) or NG (10^9)."),
            new FormatOption(MMPROJ, Kind.OUTPUT, "FILE",
                    "Write the vision and audio encoders too, into a file beside TARGET; where it is TARGET, write them alone."),
            new FormatOption(IMATRIX, Kind.INPUT, "FILE", "An importance matrix in GGUF form, as llama-imatrix writes it."),
            new FormatOption(OUTPUT_TYPE, Kind.VALUE, "TYPE", "With --type: the tensor type of the output head."),
            new FormatOption(EMBEDDING_TYPE, Kind.VALUE, "TYPE", "With --type: the tensor type of the embedding tables."));

    /// Reads the settings of a request.
    ///
    /// @throws PolicyException when one makes no sense
    /// @throws IOException when the importance matrix is bad or cannot be read
    static GgufOptions of(TargetRequest request) throws IOException, PolicyException {
        Optional<String> size = request.option(SPLIT_MAX_SIZE);
        OptionalLong splitSize = size.isPresent() ? SplitSize.parse("--" + SPLIT_MAX_SIZE, size.get()) : OptionalLong.empty();
        Optional<ImportanceMatrix> importance = request.importance();
        Optional<String> file = request.option(IMATRIX);
        if (importance.isEmpty() && file.isPresent()) {
            Path path = Path.of(file.get());
            try (ByteSource source = ByteSource.of(path)) {
                importance = Optional.of(GgufImportance.read(source, String.valueOf(path.getFileName()), request.limits()));
            }
        }
        return new GgufOptions(splitSize, request.option(MMPROJ), importance, type(OUTPUT_TYPE, request.options()),
                type(EMBEDDING_TYPE, request.options()));
    }

    private static Optional<GgmlType> type(String option, Map<String, String> options) throws PolicyException {
        Optional<String> word = Optional.ofNullable(options.get(option));
        if (word.isEmpty()) {
            return Optional.empty();
        }
        Optional<GgmlType> type = GgmlType.ofName(word.get()).filter(GgufOptions::written);
        return Optional.of(type.orElseThrow(() -> new PolicyException("--" + option + " \"" + word.get() + "\" is none of "
                + Arrays.stream(GgmlType.values()).filter(GgufOptions::written).map(GgmlType::name).collect(Collectors.joining(", ")))));
    }

    private static boolean written(GgmlType type) {
        return GgmlEncodings.of(type).encoder(EncoderInputs.PLAIN).isPresent();
    }

    /// Why settings make no sense whatever the checkpoint.
    static Optional<String> misuse(Map<String, String> options, Optional<String> type) {
        try {
            if (options.containsKey(SPLIT_MAX_SIZE)) {
                SplitSize.parse("--" + SPLIT_MAX_SIZE, options.get(SPLIT_MAX_SIZE));
            }
            for (String option : List.of(OUTPUT_TYPE, EMBEDDING_TYPE)) {
                if (type(option, options).isPresent() && type.isEmpty()) {
                    return Optional.of("--" + option + " needs --type; without it, --tensor says what single tensors are to be");
                }
            }
            return Optional.empty();
        } catch (PolicyException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }
}
