package io.github.weighbridge.encoding;

import java.lang.foreign.MemorySegment;

/// Takes codes and scales out of the bytes of a region. Safe for use by many threads.
@FunctionalInterface
public interface CodeReader {
    /// Reads a region.
    ///
    /// @param shape shape of the whole tensor
    /// @param region the part to read, cut as [Encoding] demands
    /// @param planes for each plane the bytes of [Encoding#planeRange]
    /// @param target receives codes, scales and zeros; sized for the region
    void read(Shape shape, Region region, MemorySegment[] planes, Codes target);
}
