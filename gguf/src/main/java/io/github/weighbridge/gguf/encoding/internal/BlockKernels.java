package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.encoding.KernelChoice;
import io.github.weighbridge.encoding.Kernels;
import io.github.weighbridge.gguf.file.GgmlType;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/// The kernels of all block types, in one form.
public interface BlockKernels {
    /// The forms that this machine can run.
    KernelChoice<BlockKernels> CHOICE = Kernels.choice(MethodHandles.lookup(), ScalarBlockKernels::new, BlockKernels.class,
            "io.github.weighbridge.gguf.encoding.internal.VectorBlockKernels");

    /// The kernel of a type; null where there is none.
    @Nullable BlockKernel of(GgmlType type);

    /// Index of the first number of a run that is infinite or not a number; -1 when there is none.
    int firstNotFinite(float[] source, int offset, int count);
}
