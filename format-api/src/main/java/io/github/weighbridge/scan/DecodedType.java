package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Plane;
import io.github.weighbridge.encoding.SmallFloats;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// The smallest number type that holds what codes and scales decode to: evidence from scales alone, as all products of a scale and a level are
/// looked at. Most scales of single precision settle it at once.
public final class DecodedType {
    private static final int PIECE = 1 << 14;

    private boolean bf16 = true;
    private boolean f16 = true;

    private DecodedType() {}

    /// Looks at the scales of all tensors below a view that only rearranges numbers.
    ///
    /// @param files the checkpoint's files, by index
    /// @return BF16, F16 or F32; F32 too where a tensor is no plain integer grid with scales of its own
    public static DenseType of(View view, List<ByteSource> files) throws IOException {
        DecodedType type = new DecodedType();
        List<StoredTensor> all = View.stored(view);
        if (all.isEmpty() || !ViewReader.keepsCodes(view)) {
            return DenseType.F32;
        }
        for (StoredTensor tensor : all) {
            type.look(tensor, files);
        }
        return type.bf16 ? DenseType.BF16 : type.f16 ? DenseType.F16 : DenseType.F32;
    }

    private void look(StoredTensor tensor, List<ByteSource> files) throws IOException {
        Grid grid = tensor.encoding().grid(tensor.shape()).orElseThrow();
        int plane = 0;
        List<Plane> planes = tensor.encoding().planes();
        while (plane < planes.size() && planes.get(plane).kind() != Plane.Kind.SCALES) {
            plane++;
        }
        if (plane == planes.size() || grid.zero() != Grid.Zero.NONE || !(grid.levels() instanceof Grid.Levels.Range levels)) {
            bf16 = false;
            f16 = false;
            return;
        }
        Span span = tensor.planes().get(plane);
        DenseType type = grid.scale();
        long count = span.length() / type.bytes();
        float[] scales = new float[(int) Math.min(PIECE, count)];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(1, (long) scales.length * type.bytes()), 64);
            for (long at = 0; at < count && (bf16 || f16); at += PIECE) {
                int length = (int) Math.min(PIECE, count - at);
                files.get(span.file()).read(span.offset() + at * type.bytes(), bytes.asSlice(0, (long) length * type.bytes()));
                DenseEncoding.of(type).decodeBlocks(bytes, 0, scales, 0, length);
                for (int i = 0; i < length && (bf16 || f16); i++) {
                    look(scales[i], levels);
                }
            }
        }
    }

    private void look(float scale, Grid.Levels.Range levels) {
        for (int level = levels.minimum(); level <= levels.maximum(); level++) {
            float value = scale * level;
            bf16 &= SmallFloats.fromBf16(SmallFloats.toBf16(value)) == value;
            f16 &= Float.float16ToFloat(Float.floatToFloat16(value)) == value;
        }
    }
}
