package io.github.weighbridge.family;

import io.github.weighbridge.io.Value;

/// One entry of a dialect's metadata table, with the type that typed tables such as GGUF's write it in.
///
/// @param name the key
/// @param type how it is written; lists are lists of it
/// @param value the value, or a list of values
public record MetadataEntry(String name, Type type, Value value) {
    /// Types of typed tables.
    public enum Type {
        /// UTF-8 text.
        TEXT,
        /// Unsigned 32-bit integer.
        U32,
        /// Signed 32-bit integer.
        I32,
        /// Single precision number.
        F32,
        /// True or false.
        BOOL
    }
}
