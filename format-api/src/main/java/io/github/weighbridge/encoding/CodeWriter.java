package io.github.weighbridge.encoding;

import java.lang.foreign.MemorySegment;

/// Puts codes and scales into the bytes of a region. Safe for use by many threads.
@FunctionalInterface
public interface CodeWriter {
    /// Writes a region.
    ///
    /// @param shape shape of the whole tensor
    /// @param region the part to write, cut as [Encoding] demands
    /// @param source codes, scales and zeros on a grid that the encoding [carries][Encoding#carries]
    /// @param planes for each plane the memory of [Encoding#planeRange] to fill, every byte of it
    /// @throws ArithmeticException when a scale cannot be held: it passes the largest number of the encoding's scale type
    void write(Shape shape, Region region, Codes source, MemorySegment[] planes);
}
