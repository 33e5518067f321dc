package io.github.weighbridge.encoding;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// Codes in one plane and their scales in another, with a plane for zero points, an outer scale, an order of columns and the tensor's shape
/// where [GridPlanes] says so: a scale for the tensor, for each row, group of columns or block.
///
/// Values are `scale x level` in single precision, `scale x (level - zero)` with zero points. This is the form of `quant_method: gemma`, of all
/// packings of compressed-tensors and of LiteRT's per-channel constants. Two of these are equal when all they are made of is.
public final class GridEncoding implements Encoding {
    private static final String PLAIN = "plain";
    private static final String EXACT = "exact";
    private static final String MINMAX = "minmax";

    private final String name;
    private final Grid grid;
    private final Packing packing;
    private final GridPlanes extra;
    private final GridLayout layout;
    private final GridCodes codes;

    /// An encoding of codes and scales alone. Parameters as in [#GridEncoding(String, Grid, Packing, GridPlanes)].
    public GridEncoding(String name, Grid grid, Packing packing) {
        this(name, grid, packing, GridPlanes.PLAIN);
    }

    /// An encoding with further planes.
    ///
    /// @param name see [Encoding#name]
    /// @param grid what codes mean; shifted by integers or not at all
    /// @param packing where the bits of codes lie; its width must hold the levels
    /// @param extra the further planes; there are zero points when the grid is shifted
    public GridEncoding(String name, Grid grid, Packing packing, GridPlanes extra) {
        int codeCount = switch (grid.levels()) {
            case Grid.Levels.Range(int minimum, int maximum) -> maximum - minimum + 1;
            case Grid.Levels.Table(String _, List<Float> values) -> values.size();
        };
        if (codeCount > 1 << packing.bits()) {
            throw new IllegalArgumentException(packing.bits() + " bits do not hold " + codeCount + " levels");
        }
        boolean zeros = extra.zeros() != GridPlanes.Zeros.NONE;
        if (grid.zero() == Grid.Zero.MINIMUM || zeros != (grid.zero() == Grid.Zero.INTEGER) || grid.outer() != extra.outer()
                || zeros && !(grid.levels() instanceof Grid.Levels.Range)) {
            throw new IllegalArgumentException("no such planes for " + grid + ": " + extra);
        }
        boolean rowScales = grid.granularity() instanceof Grid.Granularity.Row || grid.granularity() instanceof Grid.Granularity.Group;
        if (!rowScales && (extra.zeros() == GridPlanes.Zeros.PACKED || extra.index())) {
            throw new IllegalArgumentException("a scale for each row is needed for " + extra);
        }
        this.name = name;
        this.grid = grid;
        this.packing = packing;
        this.extra = extra;
        this.layout = new GridLayout(grid, packing, extra);
        this.codes = new GridCodes(layout);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int codeBits() {
        return packing.bits();
    }

    @Override
    public List<Plane> planes() {
        return layout.planes;
    }

    /// Where the bits of codes lie.
    public Packing packing() {
        return packing;
    }

    /// Which planes there are besides codes and scales.
    public GridPlanes extra() {
        return extra;
    }

    /// What codes mean, whatever the shape.
    public Grid grid() {
        return grid;
    }

    @Override
    public Optional<String> misfit(Shape shape) {
        return Optional.empty();
    }

    @Override
    public long planeBytes(int plane, Shape shape) {
        return layout.planeBytes(plane, shape);
    }

    @Override
    public ByteRange planeRange(int plane, Shape shape, Region region) {
        return layout.planeRange(plane, shape, region);
    }

    @Override
    public int columnUnit(Shape shape) {
        return layout.columnUnit(shape);
    }

    @Override
    public long rowUnit(Shape shape) {
        return layout.rowUnit(shape);
    }

    @Override
    public Optional<Grid> grid(Shape shape) {
        return Optional.of(grid);
    }

    @Override
    public boolean needsTensorMaximum() {
        return layout.perTensor();
    }

    /// Whether a scale belongs to more than a group of columns, or a group is the row.
    @Override
    public boolean encodesWholeRows(Shape shape) {
        return !(grid.granularity() instanceof Grid.Granularity.Group(int size)) || size >= shape.columns();
    }

    @Override
    public Optional<Decoder> decoder() {
        return Optional.of(codes::decode);
    }

    /// The recipe `plain`: nearest codes under a scale of least squared error for symmetric integers of 2 to 4 bits in rows or groups (see
    /// [ScaleSearch]), and under a scale from the largest absolute value of a unit otherwise. `minmax` has the latter always. For symmetric 4-bit
    /// codes in groups of 32 with F16 or BF16 scales also `exact`, which finds the steps of a trained grid again, of either sign.
    @Override
    public Optional<Encoder> encoder(EncoderInputs inputs) {
        boolean plain = inputs.method().equals(PLAIN);
        if ((plain || inputs.method().equals(MINMAX)) && GridRecipe.exists(layout)) {
            return Optional.of(new GridRecipe(layout, codes, inputs.tensorMaximum(), plain)::encode);
        }
        return inputs.method().equals(EXACT) && GridExact.exists(layout)
                ? Optional.of(new GridExact(codes, layout.grid.scale(), inputs.sourceType())::encode) : Optional.empty();
    }

    /// Codes and scales, an outer scale taken into these. With an order of columns there are no groups of neighbours to give.
    @Override
    public Optional<CodeReader> codeReader() {
        return extra.index() ? Optional.empty() : Optional.of(codes::read);
    }

    @Override
    public Optional<CodeWriter> codeWriter() {
        boolean writable = !extra.index() && !extra.outer() && DenseEncoding.of(grid.scale()).encoder(EncoderInputs.PLAIN).isPresent();
        return writable ? Optional.of(this::write) : Optional.empty();
    }

    private void write(Shape shape, Region region, Codes source, MemorySegment[] planes) {
        codes.write(shape, region, source, planes);
    }

    /// Codes of a grid with levels among these move in when none of the groups here spans two of its scales; scales round when their type is
    /// wider.
    @Override
    public Carriage carries(Grid other, Shape shape) {
        boolean levelsFit = switch (grid.levels()) {
            case Grid.Levels.Range range -> other.levels() instanceof Grid.Levels.Range others && range.contains(others);
            case Grid.Levels.Table table -> other.levels() instanceof Grid.Levels.Table others && table.values().equals(others.values());
        };
        if (!levelsFit || codeWriter().isEmpty() || other.zero() != grid.zero() || other.signedScale() && !grid.signedScale()
                || !within(other.granularity(), shape)) {
            return Carriage.NO;
        }
        DenseType scale = other.outer() ? DenseType.F32 : other.scale();
        if (scale.exactIn(grid.scale())) {
            return Carriage.EXACT;
        }
        return switch (grid.scale()) {
            case F16 -> Carriage.scalesRound(0x1p-11);
            case BF16 -> Carriage.scalesRound(0x1p-8);
            case F64, F32, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> Carriage.NO;
        };
    }

    /// Whether all elements that share a scale here share one there.
    private boolean within(Grid.Granularity other, Shape shape) {
        if (other.equals(grid.granularity())) {
            return true;
        }
        long here = grid.groupColumns(shape);
        return switch (grid.granularity()) {
            case Grid.Granularity.Tensor() -> false;
            case Grid.Granularity.Row() -> other instanceof Grid.Granularity.Tensor
                    || other instanceof Grid.Granularity.Group(int size) && size >= shape.columns();
            case Grid.Granularity.Group _ -> switch (other) {
                case Grid.Granularity.Tensor(),Grid.Granularity.Row() -> true;
                case Grid.Granularity.Group(int size) -> size % here == 0 || size >= shape.columns();
                case Grid.Granularity.Block(int _, int columns) -> columns % here == 0 || columns >= shape.columns();
            };
            case Grid.Granularity.Block _ -> other instanceof Grid.Granularity.Tensor;
        };
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof GridEncoding encoding && name.equals(encoding.name) && grid.equals(encoding.grid)
                && packing.equals(encoding.packing) && extra.equals(encoding.extra);
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, grid, packing, extra);
    }

    @Override
    public String toString() {
        return name;
    }
}
