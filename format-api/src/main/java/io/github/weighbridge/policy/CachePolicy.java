package io.github.weighbridge.policy;

import java.util.List;

/// How the key/value cache is to be kept.
///
/// @param sliding type in layers that see the last positions
/// @param full type in layers that see all of them
/// @param scales where scales of an integer cache come from
public record CachePolicy(String sliding, String full, Scales scales) {
    /// The types there are: those of `--kv-cache`.
    public static final List<String> TYPES = List.of("f16", "q8_0", "int8", "q4_0");

    /// Where scales of an integer cache come from.
    public enum Scales {
        /// Trained ones where the source has them.
        KEEP,
        /// The runtime's own affair.
        DYNAMIC,
        /// Trained ones; a source without them is refused.
        TRAINED
    }

    /// One type for all layers, with whatever scales there are.
    public static CachePolicy of(String type) {
        return new CachePolicy(type, type, Scales.KEEP);
    }

    /// Whether all layers have one type.
    public boolean uniform() {
        return sliding.equals(full);
    }

    /// The type, or both.
    @Override
    public String toString() {
        return uniform() ? sliding : sliding + " in sliding layers, " + full + " in full ones";
    }
}
