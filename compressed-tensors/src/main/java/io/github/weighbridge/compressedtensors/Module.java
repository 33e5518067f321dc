package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.config.Args;
import io.github.weighbridge.compressedtensors.config.Args.Strategy;
import io.github.weighbridge.compressedtensors.config.Group.Scheme;
import io.github.weighbridge.compressedtensors.config.PackFormat;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.GridPlanes;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.safetensors.FolderLayout;
import io.github.weighbridge.safetensors.FolderLayout.Entry;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A module of the result with a matrix.
///
/// @param name the module
/// @param className its class
/// @param tensor its weight
/// @param encoding the weight's encoding
/// @param scheme how it is quantised; empty where it is plain
record Module(String name, String className, TargetTensor tensor, Encoding encoding, Optional<Scheme> scheme) {
    /// How weights of an encoding are described.
    static Args weights(GridEncoding encoding) {
        Grid grid = encoding.grid();
        boolean symmetric = grid.zero() == Grid.Zero.NONE;
        int group = grid.granularity() instanceof Granularity.Group(int size) ? size : 0;
        int blockRows = grid.granularity() instanceof Granularity.Block(int rows, int _) ? rows : 0;
        int blockColumns = grid.granularity() instanceof Granularity.Block(int _, int columns) ? columns : 0;
        Strategy strategy = switch (grid.granularity()) {
            case Granularity.Tensor() -> Strategy.TENSOR;
            case Granularity.Row() -> Strategy.CHANNEL;
            case Granularity.Group _ -> grid.outer() ? Strategy.TENSOR_GROUP : Strategy.GROUP;
            case Granularity.Block _ -> Strategy.BLOCK;
        };
        Optional<String> scaleType = switch (grid.scale()) {
            case F8_E4M3 -> Optional.of("torch.float8_e4m3fn");
            case F8_E8M0 -> Optional.of("torch.uint8");
            case F64, F32, F16, BF16, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> Optional.empty();
        };
        int bits = switch (grid.levels()) {
            case Grid.Levels.Range(int minimum, int maximum) -> Integer.SIZE - Integer.numberOfLeadingZeros(maximum - minimum);
            case Grid.Levels.Table _ -> encoding.codeBits();
        };
        return new Args(bits, grid.levels() instanceof Grid.Levels.Range ? Args.Type.INT : Args.Type.FLOAT, symmetric, strategy, group,
                blockRows, blockColumns, Args.Dynamic.STATIC, encoding.extra().index() ? Args.Order.GROUP : Args.Order.NONE, scaleType);
    }

    /// How the planes of an encoding are laid out.
    ///
    /// @param activations whether activations are quantised too
    static PackFormat format(GridEncoding encoding, boolean activations) {
        if (encoding.grid().levels() instanceof Grid.Levels.Range) {
            return encoding.extra().shape() ? PackFormat.PACK_QUANTIZED : PackFormat.INT_QUANTIZED;
        }
        if (encoding.codeBits() == 4) {
            return encoding.grid().outer() ? PackFormat.NVFP4_PACK_QUANTIZED : PackFormat.MXFP4_PACK_QUANTIZED;
        }
        return encoding.grid().scale() == DenseType.F8_E8M0 ? PackFormat.MXFP8_QUANTIZED
                : activations ? PackFormat.FLOAT_QUANTIZED : PackFormat.NAIVE_QUANTIZED;
    }

    /// The entries for the planes of an encoding.
    static List<Entry> entries(String module, GridEncoding encoding, Shape shape) {
        long rows = shape.rows();
        long columns = shape.columns();
        long rowBytes = encoding.packing().rowStride(columns) / Byte.SIZE;
        List<Entry> entries = new ArrayList<>();
        boolean words = encoding.extra().shape();
        boolean pairs = encoding.codeBits() == 4;
        if (words) {
            entries.add(new Entry(module + ModuleNames.PACKED, 0, SafetensorsType.I32, Shape.of(rows, rowBytes / Integer.BYTES)));
        } else if (pairs) {
            entries.add(new Entry(module + ModuleNames.PACKED, 0, SafetensorsType.U8, Shape.of(rows, rowBytes)));
        } else {
            boolean integers = encoding.grid().levels() instanceof Grid.Levels.Range;
            entries.add(new Entry(module + ModuleNames.WEIGHT, 0, integers ? SafetensorsType.I8 : SafetensorsType.F8_E4M3, shape));
        }
        Shape scales = scales(encoding.grid(), shape);
        SafetensorsType scaleType = encoding.grid().scale() == DenseType.F8_E8M0 ? SafetensorsType.U8
                : FolderLayout.type(encoding.grid().scale());
        int plane = 1;
        entries.add(new Entry(module + ModuleNames.SCALE, plane++, scaleType, scales));
        if (encoding.extra().outer()) {
            entries.add(new Entry(module + ModuleNames.GLOBAL_SCALE, plane++, SafetensorsType.F32, Shape.of(1)));
        }
        if (encoding.extra().zeros() == GridPlanes.Zeros.BYTES) {
            entries.add(new Entry(module + ModuleNames.ZERO_POINT, plane++, SafetensorsType.I8, scales));
        } else if (encoding.extra().zeros() == GridPlanes.Zeros.PACKED) {
            long packed = (encoding.packing().length(rows) + Integer.SIZE - 1) / Integer.SIZE;
            entries.add(new Entry(module + ModuleNames.ZERO_POINT, plane++, SafetensorsType.I32, Shape.of(packed, scales.columns())));
        }
        if (encoding.extra().index()) {
            entries.add(new Entry(module + ModuleNames.INDEX, plane++, SafetensorsType.I32, Shape.of(columns)));
        }
        if (words) {
            entries.add(new Entry(module + ModuleNames.SHAPE, plane, SafetensorsType.I64, Shape.of(2)));
        }
        return entries;
    }

    private static Shape scales(Grid grid, Shape shape) {
        long rows = shape.rows();
        return switch (grid.granularity()) {
            case Granularity.Tensor() -> Shape.of(1);
            case Granularity.Row() -> Shape.of(rows, 1);
            case Granularity.Group(int size) -> Shape.of(rows, (shape.columns() + size - 1) / size);
            case Granularity.Block(int high, int wide) -> Shape.of((rows + high - 1) / high, (shape.columns() + wide - 1) / wide);
        };
    }
}
