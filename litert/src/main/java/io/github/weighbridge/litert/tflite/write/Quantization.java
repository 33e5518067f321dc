package io.github.weighbridge.litert.tflite.write;

import io.github.weighbridge.litert.tflite.Schema;
import java.util.Optional;

/// What the codes of tensors mean. Tensors that are given the same object share one table of the flatbuffer.
public final class Quantization {
    private static final int FLOAT_BYTES = 4;
    private static final int LONG_BYTES = 8;

    private final Flat.Table table = new Flat.Table();
    private final Optional<ConstantTensor> scales;
    private final int blockSize;

    private Quantization(Optional<ConstantTensor> scales, int blockSize) {
        this.scales = scales;
        this.blockSize = blockSize;
    }

    /// A scale for each index of the first dimension, or one for all, filled in later. Zero points are 0, and stored as many, as the runtime
    /// demands.
    ///
    /// @param count number of scales
    /// @param hole who fills them in, see [TfliteBuilder#hole]
    public static Quantization symmetric(long count, int hole) {
        Quantization quantization = new Quantization(Optional.empty(), 0);
        quantization.table.ref(Schema.Quantization.SCALE, new Flat.Data(count, FLOAT_BYTES, FLOAT_BYTES, new Flat.Content.Hole(hole)));
        quantization.table.ref(Schema.Quantization.ZERO_POINT, new Flat.Data(count, LONG_BYTES, LONG_BYTES, new Flat.Content.Zeros()));
        return quantization;
    }

    /// A half precision scale for each block of columns, kept in a tensor of its own.
    public static Quantization blockwise(ConstantTensor scales, int blockSize) {
        return new Quantization(Optional.of(scales), blockSize);
    }

    /// The table in a graph where the tensor of scales has an index.
    Flat.Table table(Subgraph graph) {
        if (scales.isEmpty()) {
            return table;
        }
        Flat.Table details = new Flat.Table().i32(Schema.BlockwiseQuantization.SCALES, graph.constant(scales.get()))
                .i32(Schema.BlockwiseQuantization.ZERO_POINTS, -1).i32(Schema.BlockwiseQuantization.BLOCK_SIZE, blockSize);
        return new Flat.Table().u8(Schema.Quantization.DETAILS_TYPE, Schema.Quantization.BLOCKWISE).ref(Schema.Quantization.DETAILS,
                details);
    }

    /// Whether scales are those of blocks of columns.
    public boolean isBlockwise() {
        return scales.isPresent();
    }
}
