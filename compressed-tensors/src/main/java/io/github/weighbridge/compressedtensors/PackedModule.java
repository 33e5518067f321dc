package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.config.Args;
import io.github.weighbridge.compressedtensors.encoding.PackedEncodings;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.GridPlanes;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.safetensors.HuggingFaceFolder;
import io.github.weighbridge.safetensors.file.SafetensorsFolder.Located;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The entries of one quantised module, checked against each other and against what the configuration says of it.
///
/// The entries decide which layout it is, as folders are in use whose groups name another one; the configuration gives the width of packed
/// integers and which elements share a scale.
final class PackedModule {
    private static final Set<SafetensorsType> SCALE_TYPES = Set.of(SafetensorsType.F32, SafetensorsType.F16, SafetensorsType.BF16);
    private static final long LARGEST_SIDE = 1L << 40;

    private final HuggingFaceFolder folder;
    private final String module;
    private final Map<String, Located> entries;
    private final Optional<Args> args;

    /// @param entries the module's entries by suffix
    /// @param args what a group says of its weights
    PackedModule(HuggingFaceFolder folder, String module, Map<String, Located> entries, Optional<Args> args) {
        this.folder = folder;
        this.module = module;
        this.entries = entries;
        this.args = args;
    }

    private @Nullable Located entry(String suffix) {
        return entries.get(suffix);
    }

    private Located required(Located of, String suffix, String what) throws CheckpointFormatException {
        Located located = entries.get(suffix);
        if (located == null) {
            throw folder.wrong(of, "no \"" + module + suffix + '"', what);
        }
        return located;
    }

    /// The weight as a stored tensor, named as the plain weight would be. Its codes are opaque where scales are missing.
    ///
    /// @param shape what `weight_shape` says, where it is there
    StoredTensor tensor(Optional<long[]> shape) throws CheckpointFormatException {
        Located packed = entry(ModuleNames.PACKED);
        if (packed == null) {
            Located codes = java.util.Objects.requireNonNull(entry(ModuleNames.WEIGHT));
            return codes.entry().type() == SafetensorsType.I8 ? bytes(codes) : floats(codes);
        }
        if (entry(ModuleNames.WEIGHT) != null) {
            throw folder.wrong(packed, "packed codes beside \"" + module + ModuleNames.WEIGHT + '"', "one of them");
        }
        if (packed.entry().shape().rank() != 2) {
            throw folder.wrong(packed, packed.entry().type() + " " + packed.entry().shape(), "two dimensions");
        }
        return switch (packed.entry().type()) {
            case I32 -> integers(packed, shape);
            case U8 -> nibbles(packed);
            case BOOL, F4, F6_E2M3, F6_E3M2, I8, F8_E5M2, F8_E4M3, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ, I16, U16, F16, BF16, U32, F32, C64,
                    F64, I64, U64 -> throw folder.wrong(packed, packed.entry().type() + " " + packed.entry().shape(),
                            "I32 with packed integers, or U8 with pairs of 4-bit floats");
        };
    }

    private StoredTensor stored(Shape shape, Encoding encoding, Located... planes) {
        List<Span> spans = new ArrayList<>();
        for (Located plane : planes) {
            spans.add(HuggingFaceFolder.span(plane));
        }
        return new StoredTensor(module + ModuleNames.WEIGHT, shape, encoding, spans);
    }

    private StoredTensor integers(Located packed, Optional<long[]> stated) throws CheckpointFormatException {
        Located shapeEntry = required(packed, ModuleNames.SHAPE, "the shape beside packed codes");
        long[] sides = stated.orElseThrow();
        Shape words = packed.entry().shape();
        if (sides[0] != words.rows() || sides[1] < 1 || sides[1] > LARGEST_SIDE || !Shape.fits(sides)) {
            throw folder.wrong(shapeEntry, java.util.Arrays.toString(sides),
                    "the " + words.rows() + " rows of the packed codes, and columns that fit them");
        }
        Shape shape = Shape.of(sides);
        Packing packing = packing(packed, shape);
        Located scale = entry(ModuleNames.SCALE);
        if (scale == null) {
            return stored(shape, new OpaqueEncoding("codes without scales", packing.bits(), packed.entry().length()), packed);
        }
        Located index = entry(ModuleNames.INDEX);
        Granularity granularity = granularity(scale, shape);
        Located zero = entry(ModuleNames.ZERO_POINT);
        GridPlanes.Zeros zeros = zeros(packed, zero, packing, scale, shape);
        if (index != null && (index.entry().type() != SafetensorsType.I32 || !index.entry().shape().equals(Shape.of(shape.columns())))) {
            throw folder.wrong(index, index.entry().type() + " " + index.entry().shape(), "I32 [" + shape.columns() + "]");
        }
        if (index != null && !(granularity instanceof Granularity.Group)) {
            throw folder.wrong(index, "an order of columns", "groups, which it is an order of");
        }
        List<Located> planes = new ArrayList<>(List.of(packed, scale));
        if (zero != null) {
            planes.add(zero);
        }
        if (index != null) {
            planes.add(index);
        }
        planes.add(shapeEntry);
        return stored(shape,
                PackedEncodings.packed(packing.bits(), granularity, scaleType(scale), zeros, packing.wholeCodes(), index != null),
                planes.toArray(Located[]::new));
    }

    /// The width that a group says, or the only one that gives rows as long as they are; and which of the two packings that is.
    private Packing packing(Located packed, Shape shape) throws CheckpointFormatException {
        long words = packed.entry().shape().columns();
        List<Packing> fitting = new ArrayList<>();
        for (int bits = 1; bits <= 8; bits++) {
            if (args.isPresent() && args.get().bits() != bits) {
                continue;
            }
            for (boolean whole : new boolean[] {false, true}) {
                Packing packing = new Packing(bits, true, 32, whole);
                if (packing.wholeCodes() == whole && packing.rowStride(shape.columns()) == words * 32) {
                    fitting.add(packing);
                }
            }
        }
        if (args.isPresent() && args.get().type() != Args.Type.INT) {
            throw folder.wrong(packed, "packed integers", "the " + args.get().bits() + "-bit floats of its group");
        }
        if (fitting.isEmpty()) {
            String width = args.map(known -> known.bits() + " bits").orElse("1 to 8 bits");
            long expected = args.map(known -> (shape.columns() * known.bits() + 31) / 32).orElse(0L);
            throw folder.wrong(packed, "rows of " + words + " words",
                    (expected > 0 ? expected + " words" : "a length") + " for " + shape.columns() + " codes of " + width);
        }
        if (args.isEmpty() && fitting.stream().mapToInt(Packing::bits).distinct().count() > 1) {
            throw folder.wrong(packed, "codes of a width that no group says", "a group that matches the module \"" + module + '"');
        }
        // Where both packings give the same length, the newer one counts.
        return fitting.getFirst();
    }

    private DenseType scaleType(Located scale) throws CheckpointFormatException {
        if (!SCALE_TYPES.contains(scale.entry().type())) {
            throw folder.wrong(scale, scale.entry().type(), "F32, F16 or BF16");
        }
        return HuggingFaceFolder.dense(scale.entry().type()).orElseThrow();
    }

    /// Which elements share a scale: what the group says, which the shape of the scales must agree with.
    private Granularity granularity(Located scale, Shape shape) throws CheckpointFormatException {
        Shape scales = scale.entry().shape();
        long rows = shape.rows();
        long columns = shape.columns();
        if (args.isEmpty()) {
            if (scales.elements() == 1 && (scales.rank() < 2 || rows != 1)) {
                return new Granularity.Tensor();
            }
            if (scales.equals(Shape.of(rows, 1))) {
                return new Granularity.Row();
            }
            if (scales.rank() == 2 && scales.rows() == rows && scales.columns() > 0 && columns % scales.columns() == 0) {
                return new Granularity.Group(Math.toIntExact(Math.min(Integer.MAX_VALUE, columns / scales.columns())));
            }
            throw folder.wrong(scale, scales, "scales for the tensor, for " + rows + " rows, or for groups that divide rows of " + columns);
        }
        Args known = args.get();
        return switch (known.strategy()) {
            case TENSOR -> {
                if (scales.elements() != 1) {
                    throw folder.wrong(scale, scales, "one number with strategy tensor");
                }
                yield new Granularity.Tensor();
            }
            case CHANNEL -> {
                if (!scales.equals(Shape.of(rows, 1))) {
                    throw folder.wrong(scale, scales, "[" + rows + ", 1] with strategy channel");
                }
                yield new Granularity.Row();
            }
            case GROUP, TENSOR_GROUP -> {
                long groups = (columns + known.groupSize() - 1) / known.groupSize();
                if (!scales.equals(Shape.of(rows, groups))) {
                    throw folder.wrong(scale, scales, "[" + rows + ", " + groups + "] with groups of " + known.groupSize());
                }
                yield new Granularity.Group(known.groupSize());
            }
            case BLOCK -> {
                Shape blocks = Shape.of((rows + known.blockRows() - 1) / known.blockRows(),
                        (columns + known.blockColumns() - 1) / known.blockColumns());
                if (!scales.equals(blocks)) {
                    throw folder.wrong(scale, scales, blocks + " with blocks of " + known.blockRows() + " by " + known.blockColumns());
                }
                yield new Granularity.Block(known.blockRows(), known.blockColumns());
            }
            case TOKEN, ATTN_HEAD -> throw folder.wrong(scale, "strategy " + known.strategy().word(), "a strategy of weights");
        };
    }

    /// How zero points lie: unpacked like the scales, or packed along the rows.
    private GridPlanes.Zeros zeros(Located codes, @Nullable Located zero, @Nullable Packing packing, Located scale, Shape shape)
            throws CheckpointFormatException {
        if (zero == null) {
            if (args.isPresent() && !args.get().symmetric()) {
                throw folder.wrong(codes, "no \"" + module + ModuleNames.ZERO_POINT + '"', "zero points, as its group is not symmetric");
            }
            return GridPlanes.Zeros.NONE;
        }
        Shape scales = scale.entry().shape();
        if (zero.entry().type() == SafetensorsType.I8 && zero.entry().shape().elements() == scales.elements()) {
            return GridPlanes.Zeros.BYTES;
        }
        if (packing != null && scales.rank() == 2 && zero.entry().type() == SafetensorsType.I32) {
            Shape expected = Shape.of((packing.length(shape.rows()) + 31) / 32, scales.columns());
            if (zero.entry().shape().equals(expected)) {
                return GridPlanes.Zeros.PACKED;
            }
            throw folder.wrong(zero, zero.entry().type() + " " + zero.entry().shape(), "I32 " + expected);
        }
        throw folder.wrong(zero, zero.entry().type() + " " + zero.entry().shape(), "I8 " + scales + ", or I32 packed along the rows");
    }

    private Shape matrix(Located codes) throws CheckpointFormatException {
        if (codes.entry().shape().rank() != 2) {
            throw folder.wrong(codes, codes.entry().type() + " " + codes.entry().shape(), "two dimensions");
        }
        return codes.entry().shape();
    }

    private StoredTensor bytes(Located codes) throws CheckpointFormatException {
        Shape shape = matrix(codes);
        Located scale = required(codes, ModuleNames.SCALE, "scales beside the codes");
        int bits = args.map(Args::bits).orElse(8);
        if (bits > 8 || args.isPresent() && args.get().type() != Args.Type.INT) {
            throw folder.wrong(codes, "I8", "the codes of its group: " + bits + " bits, "
                    + (args.orElseThrow().type() == Args.Type.INT ? "integers" : "floats"));
        }
        Granularity granularity = granularity(scale, shape);
        Located zero = entry(ModuleNames.ZERO_POINT);
        GridPlanes.Zeros zeros = zeros(codes, zero, null, scale, shape);
        Encoding encoding = PackedEncodings.bytes(bits, granularity, scaleType(scale), zeros);
        return zero == null ? stored(shape, encoding, codes, scale) : stored(shape, encoding, codes, scale, zero);
    }

    private StoredTensor floats(Located codes) throws CheckpointFormatException {
        Shape shape = matrix(codes);
        Located scale = required(codes, ModuleNames.SCALE, "scales beside the codes");
        if (args.isPresent() && args.get().type() != Args.Type.FLOAT) {
            throw folder.wrong(codes, codes.entry().type(), "the " + args.get().bits() + "-bit integers of its group");
        }
        if (scale.entry().type() == SafetensorsType.U8 || scale.entry().type() == SafetensorsType.F8_E8M0) {
            return stored(shape, mx(scale, shape, PackedEncodings.mxfp8()), codes, scale);
        }
        return stored(shape, PackedEncodings.floats(granularity(scale, shape), scaleType(scale)), codes, scale);
    }

    private Encoding mx(Located scale, Shape shape, Encoding encoding) throws CheckpointFormatException {
        Shape expected = Shape.of(shape.rows(), (shape.columns() + 31) / 32);
        if (!scale.entry().shape().equals(expected)) {
            throw folder.wrong(scale, scale.entry().shape(), expected + " with groups of 32");
        }
        return encoding;
    }

    private StoredTensor nibbles(Located packed) throws CheckpointFormatException {
        Shape pairs = packed.entry().shape();
        if (!Shape.fits(pairs.rows(), pairs.columns(), 2)) {
            throw folder.wrong(packed, pairs, "a shape whose elements can be counted");
        }
        Shape shape = Shape.of(pairs.rows(), pairs.columns() * 2);
        Located scale = required(packed, ModuleNames.SCALE, "scales beside the codes");
        if (args.isPresent() && (args.get().type() != Args.Type.FLOAT || args.get().bits() != 4)) {
            throw folder.wrong(packed, "U8 with pairs of 4-bit floats", "the codes of its group");
        }
        Located outer = entry(ModuleNames.GLOBAL_SCALE);
        if (outer == null) {
            if (scale.entry().type() != SafetensorsType.U8 && scale.entry().type() != SafetensorsType.F8_E8M0) {
                throw folder.wrong(scale, scale.entry().type() + " without \"" + module + ModuleNames.GLOBAL_SCALE + '"',
                        "U8 powers of two, or E4M3 beside that");
            }
            return stored(shape, mx(scale, shape, PackedEncodings.mxfp4()), packed, scale);
        }
        Shape expected = Shape.of(shape.rows(), (shape.columns() + 15) / 16);
        if (scale.entry().type() != SafetensorsType.F8_E4M3 || !scale.entry().shape().equals(expected)) {
            throw folder.wrong(scale, scale.entry().type() + " " + scale.entry().shape(), "F8_E4M3 " + expected);
        }
        if (outer.entry().type() != SafetensorsType.F32 || outer.entry().shape().elements() != 1) {
            throw folder.wrong(outer, outer.entry().type() + " " + outer.entry().shape(), "one F32 number");
        }
        return stored(shape, PackedEncodings.nvfp4(), packed, scale, outer);
    }
}
