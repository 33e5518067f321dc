package io.github.weighbridge.litert.file.flat;

import io.github.weighbridge.io.Limits;

/// Memory that the descriptions of one file may take together, however many flatbuffers are in it. Not safe for use by several threads.
public final class Allowance {
    private final Limits limits;
    private long kept;

    /// An allowance of [Limits#keptBytes].
    public Allowance(Limits limits) {
        this.limits = limits;
    }

    /// The bounds that hold.
    public Limits limits() {
        return limits;
    }

    /// Takes memory.
    ///
    /// @param bytes about how many
    /// @return whether they are granted
    public boolean take(long bytes) {
        kept += bytes;
        return kept <= limits.keptBytes();
    }
}
