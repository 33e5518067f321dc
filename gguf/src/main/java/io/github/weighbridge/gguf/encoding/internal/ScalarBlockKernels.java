package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.gguf.file.GgmlType;
import org.jspecify.annotations.Nullable;

/// The plain forms.
public class ScalarBlockKernels implements BlockKernels {
    @Override
    public @Nullable BlockKernel of(GgmlType type) {
        return switch (type) {
            case Q4_0 -> new Q4_0Kernel();
            case Q4_1 -> new Q4_1Kernel();
            case Q5_0 -> new Q5_0Kernel();
            case Q5_1 -> new Q5_1Kernel();
            case Q8_0 -> new Q8_0Kernel();
            case Q2_K -> new Q2_KKernel();
            case Q3_K -> new Q3_KKernel();
            case Q4_K -> new Q4_KKernel();
            case Q5_K -> new Q5_KKernel();
            case Q6_K -> new Q6_KKernel();
            case Q1_0 -> new Q1_0Kernel();
            case Q2_0 -> new Q2_0Kernel();
            case TQ1_0 -> new TQ1_0Kernel();
            case TQ2_0 -> new TQ2_0Kernel();
            case MXFP4 -> new MXFP4Kernel();
            case NVFP4 -> new NVFP4Kernel();
            case IQ4_NL -> new IQ4_NLKernel();
            case IQ4_XS -> new IQ4_XSKernel();
            case IQ2_XXS -> new IQ2_XXSKernel();
            case IQ2_XS -> new IQ2_XSKernel();
            case IQ2_S -> new IQ2_SKernel();
            case IQ3_XXS -> new IQ3_XXSKernel();
            case IQ3_S -> new IQ3_SKernel();
            case IQ1_S -> new IQ1_SKernel();
            case IQ1_M -> new IQ1_MKernel();
            case F32, F16, BF16, F64, I8, I16, I32, I64, Q8_1, Q8_K -> null;
        };
    }

    @Override
    public int firstNotFinite(float[] source, int offset, int count) {
        for (int i = 0; i < count; i++) {
            if (!Float.isFinite(source[offset + i])) {
                return offset + i;
            }
        }
        return -1;
    }
}
