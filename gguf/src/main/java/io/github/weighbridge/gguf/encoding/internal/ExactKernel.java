package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.encoding.DenseType;

/// Finds the grid that numbers already lie on, where a block type is such a grid. Stateless, so safe for use by many threads.
public interface ExactKernel {
    /// Which numbers count as returned: those that a product of step and level is rounded to.
    enum Source {
        /// BF16.
        BF16,
        /// Half precision.
        F16,
        /// Single precision, which holds every product exactly.
        F32,
        /// Not known. The narrowest of the three that holds all numbers of a block is taken for it.
        UNKNOWN;

        /// As [io.github.weighbridge.encoding.GridSearch] is told of it, which takes the narrowest type for F32 as well.
        DenseType type() {
            return switch (this) {
                case BF16 -> DenseType.BF16;
                case F16 -> DenseType.F16;
                case F32, UNKNOWN -> DenseType.F32;
            };
        }
    }

    /// Turns numbers into blocks, see [BlockKernel#encode].
    ///
    /// @param type of the numbers where they came from
    void encodeExact(float[] source, int sourceOffset, Source type, byte[] blocks, int at, int count);
}
