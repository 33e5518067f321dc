package io.github.weighbridge.encoding;

import java.lang.foreign.MemorySegment;

/// Turns the numbers of a region into bytes. Safe for use by many threads.
@FunctionalInterface
public interface Encoder {
    /// Encodes a region given in row-major order.
    ///
    /// @param shape shape of the whole tensor
    /// @param region the part to encode, cut as [Encoding] demands
    /// @param source holds `region.elements()` numbers
    /// @param offset index in `source` of the first
    /// @param planes for each plane the memory of [Encoding#planeRange] to fill, every byte of it
    /// @throws ArithmeticException when the numbers cannot be held, naming the place: an infinite scale, a NaN where the encoding has none
    void encode(Shape shape, Region region, float[] source, int offset, MemorySegment[] planes);
}
