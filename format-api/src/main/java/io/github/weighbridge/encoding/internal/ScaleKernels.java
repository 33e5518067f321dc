package io.github.weighbridge.encoding.internal;

import io.github.weighbridge.encoding.KernelChoice;
import io.github.weighbridge.encoding.Kernels;
import java.lang.invoke.MethodHandles;

/// Sums over numbers for sixteen scales at once.
///
/// Numbers are taken in pieces of 256, so that sums in single precision lose little. Within a piece each scale has a sum over numbers at even
/// places and one over those at odd places, which are added to its sum in double precision. So the order does not depend on how many scales a
/// machine does at a time.
public interface ScaleKernels {
    /// Scales that are tried at once.
    int COUNT = 16;

    /// Numbers of a piece.
    int PIECE = 256;

    /// Plain and best form.
    KernelChoice<ScaleKernels> CHOICE = Kernels.choice(MethodHandles.lookup(), ScalarScaleKernels::new, ScaleKernels.class,
            "io.github.weighbridge.encoding.internal.VectorScaleKernels");

    /// For each inverse of a scale, sums of `number x level` and of `level x level` with the nearest levels, ties to even.
    ///
    /// @param inverses 16 of them; products with numbers are below 2^20
    /// @param bits of the levels, which go from `-2^(bits - 1)` to `2^(bits - 1) - 1`
    void products(float[] numbers, int from, int count, float[] inverses, int bits, double[] products, double[] squares);

    /// For each scale, the sum of squares of `number - scale x level` with the nearest levels.
    ///
    /// @param scales 16 of them, none of them 0; quotients are below 2^20
    void errors(float[] numbers, int from, int count, float[] scales, int bits, double[] errors);
}
