package io.github.weighbridge.spi;

import io.github.weighbridge.family.Families;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.plan.ImportanceMatrix;
import java.util.HashMap;
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
/// @param importance what the columns of tensors matter, where that was measured
public record TargetRequest(String name, Set<String> strip, Families families, Limits limits, Map<String, String> options,
        Optional<ImportanceMatrix> importance) {
    /// The setting that says what becomes of activations: `keep`, `none`, `dynamic` or `static`.
    public static final String ACTIVATIONS = "activations";
    /// The setting that says how the key/value cache is to be kept in layers that see the last positions: `f16`, `q8_0`, `int8`, `q4_0`.
    public static final String CACHE_SLIDING = "kv-cache-sliding";
    /// The same in layers that see all positions.
    public static final String CACHE_FULL = "kv-cache-full";
    /// The setting that says where the scales of an integer cache come from: `keep`, `dynamic` or `trained`.
    public static final String CACHE_SCALES = "kv-cache-scales";
    /// Settings that begin so are texts for the output's metadata, under the name that follows.
    public static final String NOTE = "note.";

    /// Copies the collections.
    public TargetRequest {
        strip = Set.copyOf(strip);
        options = Map.copyOf(options);
    }

    /// A request without an importance matrix.
    public TargetRequest(String name, Set<String> strip, Families families, Limits limits, Map<String, String> options) {
        this(name, strip, families, limits, options, Optional.empty());
    }

    /// A request with nothing but a name.
    public static TargetRequest named(String name) {
        return new TargetRequest(name, Set.of(), Families.installed(), Limits.DEFAULT, Map.of());
    }

    /// A copy that leaves out other parts.
    public TargetRequest withStrip(Set<String> parts) {
        return new TargetRequest(name, parts, families, limits, options, importance);
    }

    /// A copy with a further setting.
    public TargetRequest withOption(String word, String value) {
        Map<String, String> all = new HashMap<>(options);
        all.put(word, value);
        return new TargetRequest(name, strip, families, limits, all, importance);
    }

    /// A copy with an importance matrix.
    public TargetRequest withImportance(ImportanceMatrix matrix) {
        return new TargetRequest(name, strip, families, limits, options, Optional.of(matrix));
    }

    /// A further setting.
    public Optional<String> option(String word) {
        return Optional.ofNullable(options.get(word));
    }
}
