package io.github.weighbridge.spi;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A checkpoint format: the service by which formats are found, built in or in a plugin.
///
/// Every method but [#name] and [#description] has a default that offers nothing, so that a format may only read, or only write. Implementations
/// are stateless and safe for use by many threads. They are named in `provides` of their module and in `META-INF/services`.
public interface Format {
    /// How sure a format is that a source is its own.
    enum Claim {
        /// It is not.
        NO,
        /// It may be, and nothing in it speaks against.
        POSSIBLE,
        /// Its content says so.
        CERTAIN
    }

    /// The word for it in reports and on the command line: lower case, digits and hyphens.
    String name();

    /// One line that says what it is.
    String description();

    /// Whether it can read.
    default boolean reads() {
        return false;
    }

    /// Whether it can write.
    default boolean writes() {
        return false;
    }

    /// Looks at a source's content, not at its name alone. Reads a few bytes.
    ///
    /// @throws IOException when it cannot be read
    default Claim probe(Source source) throws IOException {
        return Claim.NO;
    }

    /// Opens a checkpoint. Reads headers and small documents, no weights.
    ///
    /// @throws io.github.weighbridge.io.CheckpointFormatException when the files are bad
    /// @throws IOException when they cannot be read
    default Checkpoint open(Source source, ReadOptions options) throws IOException {
        throw new UnsupportedOperationException(name() + " is not read");
    }

    /// What this format would want of a checkpoint.
    ///
    /// @throws PolicyException when the format cannot hold it
    /// @throws IOException when companion documents cannot be read or are bad
    default Target target(Checkpoint checkpoint, TargetRequest request) throws IOException, PolicyException {
        throw new PolicyException(name() + " is not written");
    }

    /// Encodings that it brings, for listing.
    default List<Encoding> encodings() {
        return List.of();
    }

    /// Words that it takes for `--type`, for listing.
    default List<String> types() {
        return List.of();
    }

    /// Settings that it takes when it writes, for the command line.
    default List<FormatOption> options() {
        return List.of();
    }

    /// Why settings make no sense whatever the checkpoint; empty when they may do.
    ///
    /// @param options values by the words of [#options]
    /// @param type the named type that was asked for, if any
    default Optional<String> misuse(Map<String, String> options, Optional<String> type) {
        return Optional.empty();
    }
}
