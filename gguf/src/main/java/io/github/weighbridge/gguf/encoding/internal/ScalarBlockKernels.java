package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.gguf.file.GgmlType;
import org.jspecify.annotations.Nullable;

/// The plain forms.
public class ScalarBlockKernels implements BlockKernels {
    @Override
    public @Nullable BlockKernel of(GgmlType type) {
        return switch (type) {
            case Q4_0 -> new Q4_0Kernel();
            case Q8_0 -> new Q8_0Kernel();
            case F32, F16, BF16, F64, I8, I16, I32, I64 -> null;
            case Q4_1, Q5_0, Q5_1, Q8_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K, IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, IQ4_NL, IQ3_S, IQ2_S, IQ4_XS,
                    IQ1_M, TQ1_0, TQ2_0, MXFP4, NVFP4, Q1_0, Q2_0 -> null;
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
