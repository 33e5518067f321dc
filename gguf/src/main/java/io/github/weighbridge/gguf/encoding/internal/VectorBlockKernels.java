package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.gguf.file.GgmlType;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/// The vectorised forms, and the plain ones of types that have no other.
public final class VectorBlockKernels extends ScalarBlockKernels {
    private static final int INFINITE = 0x7f800000;

    @Override
    public @Nullable BlockKernel of(GgmlType type) {
        if (!Lanes.ENOUGH) {
            return super.of(type);
        }
        return switch (type) {
            case Q4_0 -> new VectorQ4_0Kernel();
            case Q8_0 -> new VectorQ8_0Kernel();
            case Q4_1 -> new VectorQ4_1Kernel();
            case Q5_0 -> new VectorQ5_0Kernel();
            case Q5_1 -> new VectorQ5_1Kernel();
            case TQ1_0 -> new VectorTQ1_0Kernel();
            case TQ2_0 -> new VectorTQ2_0Kernel();
            case MXFP4 -> new VectorMXFP4Kernel();
            case NVFP4 -> new VectorNVFP4Kernel();
            case IQ4_NL -> new VectorIQ4_NLKernel();
            case IQ4_XS -> new VectorIQ4_XSKernel();
            case Q2_K -> new VectorQ2_KKernel();
            case Q3_K -> new VectorQ3_KKernel();
            case Q6_K -> new VectorQ6_KKernel();
            case Q4_K -> new VectorQ4_KKernel();
            case Q5_K -> new VectorQ5_KKernel();
            case F32, F16, BF16, F64, I8, I16, I32, I64, Q8_1, Q8_K, IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, IQ3_S, IQ2_S, IQ1_M, Q1_0, Q2_0 ->
                    super.of(type);
        };
    }

    @Override
    public int firstNotFinite(float[] source, int offset, int count) {
        IntVector largest = IntVector.zero(Lanes.INTS);
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            largest = largest.max(FloatVector.fromArray(Lanes.FLOATS, source, offset + i).reinterpretAsInts().and(Lanes.MAGNITUDE));
        }
        return largest.reduceLanes(VectorOperators.MAX) >= INFINITE ? super.firstNotFinite(source, offset, count)
                : super.firstNotFinite(source, offset + i, count - i);
    }
}
