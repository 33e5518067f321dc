package io.github.weighbridge.gguf.encoding;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.gguf.encoding.internal.BlockKernels;
import io.github.weighbridge.gguf.file.GgmlType;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/// The encodings of GGML's tensor types.
///
/// Bytes are those of ggml's reference quantisers (`ggml-quants.c` of llama.cpp v0.5.0 as built for x86-64, that is without fused
/// multiply-add), bit for bit, and numbers those of its decoders.
///
/// An encoder with [importance][io.github.weighbridge.encoding.EncoderInputs#importance], one finite weight of 0 or more for each column,
/// follows the recipe that `llama-quantize --imatrix` takes. `Q8_0`, `Q1_0`, `Q2_0`, `TQ1_0`, `TQ2_0`, `MXFP4` and `NVFP4` have no use for
/// weights. `Q4_0`, `Q4_1`, `Q5_0` and `Q5_1` then need whole rows: a region that ends within a row is refused with an
/// [IllegalArgumentException].
///
/// Encoders refuse numbers that are infinite or not numbers, and blocks whose scale would be infinite in half precision, by an
/// [ArithmeticException]. `NVFP4` has no such limit: like ggml it cuts scales at 448, which alters numbers beyond 2688.
///
/// Of the lattice types (`IQ1_S`, `IQ1_M`, `IQ2_XXS`, `IQ2_XS`, `IQ2_S`, `IQ3_XXS`, `IQ3_S`) there are decoders only.
public final class GgmlEncodings {
    private static final Map<GgmlType, Encoding> ALL = new EnumMap<>(GgmlType.class);

    static {
        for (GgmlType type : GgmlType.values()) {
            ALL.put(type, make(type));
        }
    }

    private GgmlEncodings() {}

    /// The encoding of a type: the shared [DenseEncoding] for types without blocks. Types that cannot be decoded, which are those that ggml
    /// uses for activations only (`Q8_1`, `Q8_K`), have an encoding too: it knows sizes.
    ///
    /// @return for equal types the same object
    public static Encoding of(GgmlType type) {
        return Objects.requireNonNull(ALL.get(type));
    }

    private static Encoding make(GgmlType type) {
        return switch (type) {
            case F32 -> DenseEncoding.F32;
            case F16 -> DenseEncoding.F16;
            case BF16 -> DenseEncoding.BF16;
            case F64 -> DenseEncoding.of(DenseType.F64);
            case I8 -> DenseEncoding.of(DenseType.I8);
            case I16 -> DenseEncoding.of(DenseType.I16);
            case I32 -> DenseEncoding.of(DenseType.I32);
            case I64 -> DenseEncoding.of(DenseType.I64);
            case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K, IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, IQ4_NL, IQ3_S,
                    IQ2_S,
                    IQ4_XS, IQ1_M, TQ1_0, TQ2_0, MXFP4, NVFP4, Q1_0, Q2_0 ->
                    new GgmlBlockEncoding(type, BlockTraits.of(type), BlockKernels.CHOICE);
        };
    }
}
