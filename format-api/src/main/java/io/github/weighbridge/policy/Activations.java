package io.github.weighbridge.policy;

import java.util.Locale;

/// What becomes of activations.
public enum Activations {
    /// Trained scales are carried where the source has them and the target has a place for them.
    KEEP,
    /// No scales are written.
    NONE,
    /// The runtime rounds activations by what it sees.
    DYNAMIC,
    /// Trained scales are carried; a source without them is refused.
    STATIC;

    /// The word in policy files and for targets ([io.github.weighbridge.spi.TargetRequest#ACTIVATIONS]).
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
