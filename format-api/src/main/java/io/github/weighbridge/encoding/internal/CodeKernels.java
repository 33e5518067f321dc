package io.github.weighbridge.encoding.internal;

import io.github.weighbridge.encoding.KernelChoice;
import io.github.weighbridge.encoding.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;

/// Codes between bytes, levels and numbers. A level and its code `u` of some bits are `level = (u ^ flip) - shift`: offset binary has no flip
/// and a shift of the lowest level, two's complement has the sign bit for both.
public interface CodeKernels {
    /// Plain and best form.
    KernelChoice<CodeKernels> CHOICE = Kernels.choice(MethodHandles.lookup(), ScalarCodeKernels::new, CodeKernels.class,
            "io.github.weighbridge.encoding.internal.VectorCodeKernels");

    /// Unpacks codes of 2, 4 or 8 bits that begin on a byte.
    ///
    /// @param target receives `count` levels from `at` on
    void unpack(MemorySegment source, long offset, int bits, int flip, int shift, byte[] target, int at, int count);

    /// Packs levels into codes of 2, 4 or 8 bits that begin on a byte. Bits behind the last code of a byte become 0.
    void pack(byte[] source, int at, int count, int bits, int flip, int shift, MemorySegment target, long offset);

    /// `scale x level` for `count` levels.
    ///
    /// @param unsigned whether levels are bytes without a sign
    void multiply(byte[] levels, int at, int count, boolean unsigned, float scale, float[] target, int to);

    /// `scale x (level - zero)` for `count` levels.
    void multiplyShifted(byte[] levels, int at, int count, boolean unsigned, float scale, float zero, float[] target, int to);

    /// Nearest levels of `x / scale + zero`, ties to even, between -128 and 127. All numbers and the scale are finite, the scale is not 0.
    void quantize(float[] source, int from, int count, float scale, float zero, int minimum, int maximum, byte[] levels, int at);

    /// Largest absolute value; not finite when one of the numbers is not.
    float largest(float[] source, int from, int count);
}
