package io.github.weighbridge.family;

import io.github.weighbridge.model.Identity;

/// A tensor that a dialect's file may have.
///
/// @param name its name
/// @param identity what it is
/// @param presence whether it must be there
/// @param holding the weights in it
public record TensorSpec(String name, Identity identity, Presence presence, Holding holding) {
    /// Whether a tensor must be there.
    public enum Presence {
        /// A file without it is incomplete.
        REQUIRED,
        /// It may be there.
        OPTIONAL,
        /// It may be there, and the model does not use it: keys and values of layers that read another layer's cache. Readers accept it, writers
        /// that need not keep it leave it out.
        DEAD
    }
}
