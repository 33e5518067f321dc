package io.github.weighbridge.spi;

import io.github.weighbridge.family.Families;
import io.github.weighbridge.io.Limits;

/// How a checkpoint is opened.
///
/// @param limits bounds on what headers may ask for
/// @param families the families to look for
/// @param passUnknown whether tensors that a known family has no place for are passed through instead of refused
public record ReadOptions(Limits limits, Families families, boolean passUnknown) {
    /// The default limits, all installed families, unknown tensors refused.
    public static ReadOptions defaults() {
        return new ReadOptions(Limits.DEFAULT, Families.installed(), false);
    }

    /// A copy that passes unknown tensors through, or refuses them.
    public ReadOptions withPassUnknown(boolean pass) {
        return new ReadOptions(limits, families, pass);
    }
}
