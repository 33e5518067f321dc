package io.github.weighbridge.encoding;

import java.lang.foreign.MemorySegment;

/// Turns the bytes of a region into numbers. Safe for use by many threads.
@FunctionalInterface
public interface Decoder {
    /// Decodes a region in row-major order.
    ///
    /// @param shape shape of the whole tensor
    /// @param region the part to decode, cut as [Encoding] demands
    /// @param planes for each plane the bytes of [Encoding#planeRange], little-endian
    /// @param target receives `region.elements()` numbers
    /// @param offset index in `target` of the first
    void decode(Shape shape, Region region, MemorySegment[] planes, float[] target, int offset);
}
