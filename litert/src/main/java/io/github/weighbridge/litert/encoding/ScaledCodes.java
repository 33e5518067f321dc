package io.github.weighbridge.litert.encoding;

import io.github.weighbridge.encoding.ByteRange;
import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.CodeReader;
import io.github.weighbridge.encoding.CodeWriter;
import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.Decoder;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoder;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Plane;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.litert.tflite.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/// Codes in two's complement, dense over the whole tensor, with a single precision scale for each row or a half precision scale for each block of
/// columns.
final class ScaledCodes implements Encoding {
    private final GridEncoding base;
    private final Grid grid;
    private final int bits;
    private final Optional<Integer> block;

    ScaledCodes(int bits, Optional<Integer> block) {
        this.bits = bits;
        this.block = block;
        this.grid = LitertEncodings.grid(bits, block);
        this.base =
                new GridEncoding("int" + bits + block.map(size -> "/group" + size).orElse("/channel"), grid, new Packing(bits, false, 0));
    }

    TensorType type() {
        return bits == 8 ? TensorType.INT8 : bits == 4 ? TensorType.INT4 : TensorType.INT2;
    }

    Optional<Integer> block() {
        return block;
    }

    @Override
    public String name() {
        return base.name();
    }

    @Override
    public int codeBits() {
        return bits;
    }

    @Override
    public List<Plane> planes() {
        return base.planes();
    }

    /// The delegate has no part of a block at the end of a row.
    @Override
    public Optional<String> misfit(Shape shape) {
        return block.isEmpty() || shape.columns() % block.get() == 0 ? Optional.empty()
                : Optional.of("rows of " + shape.columns() + " are no multiple of " + block.get());
    }

    @Override
    public long planeBytes(int plane, Shape shape) {
        return base.planeBytes(plane, shape);
    }

    @Override
    public ByteRange planeRange(int plane, Shape shape, Region region) {
        return base.planeRange(plane, shape, region);
    }

    /// A scale is found by looking at all that share it.
    @Override
    public int columnUnit(Shape shape) {
        return block.isPresent() ? base.columnUnit(shape) : Math.toIntExact(Math.max(1, shape.columns()));
    }

    @Override
    public long rowUnit(Shape shape) {
        return base.rowUnit(shape);
    }

    @Override
    public Optional<Grid> grid(Shape shape) {
        return Optional.of(grid);
    }

    @Override
    public Optional<Decoder> decoder() {
        return base.decoder();
    }

    @Override
    public Optional<CodeReader> codeReader() {
        return base.codeReader();
    }

    /// Scales of blocks become bfloat16 numbers: the runtime cuts them to such, which would change them twice as much.
    @Override
    public Optional<CodeWriter> codeWriter() {
        return block.isEmpty() ? base.codeWriter() : base.codeWriter().map(writer -> (shape, region, source, planes) -> {
            int scales = source.rows() * source.groups();
            for (int i = 0; i < scales; i++) {
                source.scales()[i] = ScaleRecipe.bfloat(source.scales()[i]);
            }
            writer.write(shape, region, source, planes);
        });
    }

    /// Groups as long as a row are rows. Of scales of blocks no more is promised than what products keep of them: none below 0, and no more digits
    /// than bfloat16 has.
    @Override
    public Carriage carries(Grid other, Shape shape) {
        return other.signedScale() ? Carriage.NO : carriesIfSignsFit(other, shape);
    }

    /// What is carried if the scales are of signs that can be here.
    Carriage carriesIfSignsFit(Grid other, Shape shape) {
        boolean row = block.isEmpty() && other.granularity() instanceof Grid.Granularity.Group(int size) && size >= shape.columns();
        Carriage carriage = base.carries(new Grid(other.levels(), row ? new Grid.Granularity.Row() : other.granularity(), other.scale(),
                block.isPresent() && other.signedScale(), other.zero(), other.outer()), shape);
        boolean exact = block.isEmpty() || other.scale() == DenseType.BF16 && !other.outer();
        return carriage.kind() == Carriage.Kind.NO || exact ? carriage : Carriage.scalesRound(0x1p-8);
    }

    @Override
    public Optional<Encoder> encoder(EncoderInputs inputs) {
        Optional<ScaleRecipe> search = ScaleRecipe.of(inputs.method(), bits, block.isPresent());
        CodeWriter writer = base.codeWriter().orElseThrow();
        return search.map(recipe -> new Encoder() {
            private final Codes codes = new Codes();

            @Override
            public void encode(Shape shape, Region region, float[] source, int offset, MemorySegment[] planes) {
                int rows = Math.toIntExact(region.rowCount());
                int columns = Math.toIntExact(region.columnCount());
                int together = block.orElse(Math.max(1, columns));
                codes.resize(rows, columns, together, false);
                for (int row = 0; row < rows; row++) {
                    for (int group = 0; group < codes.groups(); group++) {
                        int begin = row * columns + group * together;
                        int end = row * columns + Math.min(columns, (group + 1) * together);
                        codes.scales()[row * codes.groups() + group] =
                                recipe.encode(source, offset + begin, end - begin, codes.codes(), begin);
                    }
                }
                writer.write(shape, region, codes, planes);
            }
        });
    }

    @Override
    public String toString() {
        return name();
    }
}
