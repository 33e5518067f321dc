package io.github.weighbridge.encoding;

/// One contiguous area of bytes of an encoded tensor: its codes, or its scales apart from them.
///
/// @param name word for the plane, unique within the encoding: `data`, `codes`, `scales`, `zeros`, `shape`
/// @param kind what is in it
public record Plane(String name, Kind kind) {
    /// What a plane holds.
    public enum Kind {
        /// Numbers or codes, possibly with scales in between as in GGML blocks.
        DATA,
        /// Scales alone.
        SCALES,
        /// Zero points alone.
        ZEROS,
        /// A record of the tensor's shape.
        SHAPE,
        /// A permutation of columns or other index.
        INDEX
    }

    /// The only plane of encodings that keep everything together.
    public static final Plane SINGLE = new Plane("data", Kind.DATA);
}
