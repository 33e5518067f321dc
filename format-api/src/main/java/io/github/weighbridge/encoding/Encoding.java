package io.github.weighbridge.encoding;

import java.util.List;
import java.util.Optional;

/// How a tensor's numbers lie in bytes: a dense number type, a [Grid] with a packing, or bytes whose meaning is not known.
///
/// An encoding is immutable and safe for use by many threads. It owns the arithmetic of sizes: for a shape, every plane's length is
/// known without looking at data. Formats and plugins add encodings by implementing this interface; most extend [BlockEncoding].
///
/// Work is done on [Region]s. The bytes of a region are one contiguous [range][#planeRange] in each plane. Regions handed to decoders
/// and encoders begin and end at multiples of [#columnUnit] columns (or at the row's end) and, when they hold whole rows, at multiples of
/// [#rowUnit] rows (or at the tensor's end), so that two threads never write to one byte.
public interface Encoding {
    /// The word for it, as reports and policies use it: `BF16`, `Q4_0`, `int4/channel`.
    String name();

    /// Width of one code in bits, scales not counted. For dense types the width of the number.
    int codeBits();

    /// The areas of bytes it consists of, in a fixed order.
    List<Plane> planes();

    /// Why a tensor of this shape cannot be held; empty when it can. For example `rows of 33 are no multiple of 32`.
    Optional<String> misfit(Shape shape);

    /// Length of a plane in bytes.
    ///
    /// @throws ArithmeticException when it passes 2^63 - 1
    long planeBytes(int plane, Shape shape);

    /// The bytes of a plane that a region needs.
    ByteRange planeRange(int plane, Shape shape, Region region);

    /// Number of neighbouring columns that share bytes or a scale and are processed together.
    int columnUnit(Shape shape);

    /// Number of neighbouring rows that share bytes: 1 unless rows are packed without padding.
    default long rowUnit(Shape shape) {
        return 1;
    }

    /// Length of all planes together, in bytes.
    default long bytes(Shape shape) {
        long sum = 0;
        for (int plane = 0; plane < planes().size(); plane++) {
            sum = Math.addExact(sum, planeBytes(plane, shape));
        }
        return sum;
    }

    /// The dense number type, when every element stands for itself.
    default Optional<DenseType> dense() {
        return Optional.empty();
    }

    /// The grid its values lie on, for a tensor of this shape; empty for dense and unknown encodings.
    default Optional<Grid> grid(Shape shape) {
        return Optional.empty();
    }

    /// Whether [#encoder] needs [EncoderInputs#tensorMaximum]: a pass over the tensor then precedes its encoding.
    default boolean needsTensorMaximum() {
        return false;
    }

    /// Whether [#encoder] must be given whole rows of a tensor of this shape: the numbers of a row share something that it finds, such as a scale.
    default boolean encodesWholeRows(Shape shape) {
        return false;
    }

    /// Turns bytes into numbers; empty when that is not possible.
    default Optional<Decoder> decoder() {
        return Optional.empty();
    }

    /// Turns numbers into bytes; empty when that is not possible.
    ///
    /// @param inputs what the recipe may use besides the numbers of the region
    default Optional<Encoder> encoder(EncoderInputs inputs) {
        return Optional.empty();
    }

    /// Takes codes and scales out of bytes, for encodings on a grid.
    default Optional<CodeReader> codeReader() {
        return Optional.empty();
    }

    /// Puts codes and scales into bytes, for encodings on a grid.
    default Optional<CodeWriter> codeWriter() {
        return Optional.empty();
    }

    /// Whether codes of a grid can move into this encoding unchanged.
    default Carriage carries(Grid grid, Shape shape) {
        return Carriage.NO;
    }
}
