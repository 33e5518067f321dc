package io.github.weighbridge.spi;

import io.github.weighbridge.family.Families;
import io.github.weighbridge.io.Limits;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What a user wants of a target, besides encodings.
///
/// @param name plain name of the target file or folder
/// @param strip parts to leave out: `vision`, `audio`, `ple`, `mtp`
/// @param families the families there are
/// @param limits bounds on companion documents
/// @param options further settings, by the words a format documents, such as `max-shard-size`
public record TargetRequest(String name, Set<String> strip, Families families, Limits limits, Map<String, String> options) {
    /// Copies the collections.
    public TargetRequest {
        strip = Set.copyOf(strip);
        options = Map.copyOf(options);
    }

    /// A request with nothing but a name.
    public static TargetRequest named(String name) {
        return new TargetRequest(name, Set.of(), Families.installed(), Limits.DEFAULT, Map.of());
    }

    /// A further setting.
    public Optional<String> option(String word) {
        return Optional.ofNullable(options.get(word));
    }
}
