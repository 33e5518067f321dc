package io.github.weighbridge.model;

import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;

/// How a checkpoint itself wants keys and values to be kept: because it is recorded in its metadata, because its quantization says so, or because the
/// graph that it carries computes so.
///
/// @param sliding word of the type in layers that see the last positions, such as `f16`, `q8_0`, `int8`, `q4_0`, `f32`, `fp8`
/// @param full word of the type in layers that see all positions
/// @param source where that is said, in a few words for reports
public record CacheChoice(String sliding, String full, String source) {
    /// The metadata with the type in layers that see the last positions.
    public static final String SLIDING = "weighbridge.kv_cache.sliding";
    /// The metadata with the type in layers that see all positions.
    public static final String FULL = "weighbridge.kv_cache.full";

    /// The [#source] of a choice that metadata records.
    public static final String RECORD = "weighbridge.kv_cache";
    /// The [#source] of a choice that graphs compute with.
    public static final String GRAPH = "graph";
    /// The [#source] of a choice in `quantization_config`.
    public static final String SCHEME = "kv_cache_scheme";

    private static final Pattern WORD = Pattern.compile("[a-z0-9_]{1,16}");

    /// The choice that metadata records. Both kinds of layers must be named, in plain words.
    ///
    /// @param metadata gives the text of a name
    public static Optional<CacheChoice> recorded(Function<String, Optional<String>> metadata) {
        Optional<String> sliding = metadata.apply(SLIDING).filter(word -> WORD.matcher(word).matches());
        Optional<String> full = metadata.apply(FULL).filter(word -> WORD.matcher(word).matches());
        return sliding.isPresent() && full.isPresent() ? Optional.of(new CacheChoice(sliding.get(), full.get(), RECORD)) : Optional.empty();
    }
}
