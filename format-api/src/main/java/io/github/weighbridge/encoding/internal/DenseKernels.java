package io.github.weighbridge.encoding.internal;

import io.github.weighbridge.encoding.KernelChoice;
import io.github.weighbridge.encoding.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;

/// Conversions between `float` and the 16- and 32-bit number types, on little-endian memory.
public interface DenseKernels {
    /// The forms that this machine can run.
    KernelChoice<DenseKernels> CHOICE = Kernels.choice(MethodHandles.lookup(), ScalarDenseKernels::new, DenseKernels.class,
            "io.github.weighbridge.encoding.internal.VectorDenseKernels");

    /// Reads single precision.
    void decodeF32(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int count);

    /// Reads half precision.
    void decodeF16(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int count);

    /// Reads BF16.
    void decodeBf16(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int count);

    /// Writes single precision.
    void encodeF32(float[] source, int sourceOffset, MemorySegment target, long targetOffset, int count);

    /// Writes half precision; a NaN becomes `sign | 0x7e00`.
    void encodeF16(float[] source, int sourceOffset, MemorySegment target, long targetOffset, int count);

    /// Writes BF16; a NaN keeps its upper bits and becomes quiet.
    void encodeBf16(float[] source, int sourceOffset, MemorySegment target, long targetOffset, int count);
}
