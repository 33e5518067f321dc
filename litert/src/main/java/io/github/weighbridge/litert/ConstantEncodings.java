package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.litert.encoding.LitertEncodings;
import io.github.weighbridge.litert.tflite.Indices;
import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.TfliteModel;
import java.util.Optional;

/// Which encoding a constant of a TFLite model is in.
final class ConstantEncodings {
    private static final int FLOAT_BYTES = 4;

    private ConstantEncodings() {}

    /// Codes with scales for the whole tensor.
    private static GridEncoding perTensor(int bits) {
        return new GridEncoding("int" + bits + "/tensor",
                new Grid(Grid.Levels.Range.ofBits(bits), new Grid.Granularity.Tensor(), DenseType.F32,
                        false, Grid.Zero.NONE),
                new Packing(bits, false, 0));
    }

    private static final GridEncoding INT8_TENSOR = perTensor(8);
    private static final GridEncoding INT4_TENSOR = perTensor(4);
    private static final GridEncoding INT2_TENSOR = perTensor(2);

    /// The dense type that a number type is; empty for codes, texts and the like.
    static Optional<DenseType> dense(TensorType type) {
        return switch (type) {
            case FLOAT32 -> Optional.of(DenseType.F32);
            case FLOAT16 -> Optional.of(DenseType.F16);
            case BFLOAT16 -> Optional.of(DenseType.BF16);
            case FLOAT64 -> Optional.of(DenseType.F64);
            case FLOAT8_E4M3FN -> Optional.of(DenseType.F8_E4M3);
            case FLOAT8_E5M2 -> Optional.of(DenseType.F8_E5M2);
            case INT8 -> Optional.of(DenseType.I8);
            case INT16 -> Optional.of(DenseType.I16);
            case INT32 -> Optional.of(DenseType.I32);
            case INT64 -> Optional.of(DenseType.I64);
            case UINT8 -> Optional.of(DenseType.U8);
            case UINT16 -> Optional.of(DenseType.U16);
            case UINT32 -> Optional.of(DenseType.U32);
            case UINT64 -> Optional.of(DenseType.U64);
            case BOOL -> Optional.of(DenseType.BOOL);
            case INT4, INT2, UINT4, STRING, COMPLEX64, COMPLEX128, RESOURCE, VARIANT -> Optional.empty();
        };
    }

    /// Bytes that are not understood, under the type's name.
    static Encoding opaque(TfliteModel.Tensor tensor, long bytes) {
        Optional<TensorType> type = tensor.type();
        String name = type.map(Enum::name).orElse("TYPE_" + tensor.typeCode());
        return new OpaqueEncoding(tensor.sparse() ? name + "/sparse" : tensor.quantization().isPresent() ? name + "/quantized" : name,
                type.map(TensorType::bits).orElse(0), bytes);
    }

    /// The encoding of codes whose scales lie in a plane of their own within the flatbuffer; empty where it has none such.
    ///
    /// @param symmetric whether all zero points are 0
    static Optional<Encoding> scaled(TfliteModel.Tensor tensor, Shape shape, TfliteModel.Quantization quantization, boolean symmetric) {
        Optional<Integer> bits = codeBits(tensor);
        if (bits.isEmpty() || !symmetric || tensor.sparse() || !(quantization.details() instanceof TfliteModel.Details.None)) {
            return Optional.empty();
        }
        long count = quantization.scales().count();
        if (byRows(tensor.dimensions(), quantization.dimension()) && count == shape.rows()) {
            return Optional.of(LitertEncodings.channel(bits.get()));
        }
        return count == 1 ? Optional.of(bits.get() == 8 ? INT8_TENSOR : bits.get() == 4 ? INT4_TENSOR : INT2_TENSOR) : Optional.empty();
    }

    /// The encoding of codes with half precision scales of blocks in a tensor of their own; empty where it is none such.
    ///
    /// @param scales the tensor of scales
    static Optional<Encoding> blockwise(TfliteModel.Tensor tensor, Shape shape, TfliteModel.Details.Blockwise blocks,
            TfliteModel.Tensor scales) {
        Optional<Integer> bits = codeBits(tensor);
        boolean plain = scales.type().equals(Optional.of(TensorType.FLOAT16)) && scales.quantization().isEmpty() && !scales.sparse();
        if (bits.isEmpty() || tensor.sparse() || !plain || blocks.zeroPoints() >= 0 || shape.columns() % blocks.blockSize() != 0) {
            return Optional.empty();
        }
        Optional<Encoding> known = bits.get() == 4 ? LitertEncodings.group(blocks.blockSize()) : Optional.empty();
        return Optional.of(known.orElseGet(() -> new GridEncoding("int" + bits.get() + "/group" + blocks.blockSize(),
                new Grid(Grid.Levels.Range.ofBits(bits.get()), new Grid.Granularity.Group(blocks.blockSize()), DenseType.F16, true,
                        Grid.Zero.NONE),
                new Packing(bits.get(), false, 0))));
    }

    private static Optional<Integer> codeBits(TfliteModel.Tensor tensor) {
        return tensor.type().filter(type -> type == TensorType.INT8 || type == TensorType.INT4 || type == TensorType.INT2)
                .map(TensorType::bits);
    }

    /// Whether an index of the dimension is a row: columns alone follow, and nothing but ones stands before.
    private static boolean byRows(Indices dimensions, int dimension) {
        if (dimension < 0 || dimension != dimensions.size() - 2) {
            return false;
        }
        for (int i = 0; i < dimension; i++) {
            if (dimensions.get(i) != 1) {
                return false;
            }
        }
        return true;
    }

    /// Bytes of the scales that an encoding of [#scaled] demands.
    static long scaleBytes(TfliteModel.Quantization quantization) {
        return quantization.scales().count() * FLOAT_BYTES;
    }
}
