package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Plane;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.litert.encoding.LitertEncodings;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which tensors of a quantised source keep their codes, and in which encodings: evidence taken at planning. The scales must be such that the runtime
/// computes with them as they are; where an encoding is asked for whose blocks have narrower scales, these may be rounded.
final class Carried {
    private static final float SMALLEST_NORMAL_HALF = 0x1p-14f;
    /// The largest bfloat16 number that half precision holds.
    private static final float LARGEST_BLOCK = 65_280;
    private static final int PIECE = 1 << 16;

    private final Map<StoredTensor, Range> ranges = new HashMap<>();
    private final Map<TargetTensor, Map<Encoding, Boolean>> encodings = new HashMap<>();

    /// What scales there are.
    ///
    /// @param least the least, with its sign
    /// @param greatest the greatest
    /// @param smallest the least magnitude
    /// @param bfloat whether all are bfloat16 numbers
    private record Range(float least, float greatest, float smallest, boolean bfloat) {}

    private Carried() {}

    static Carried of(Checkpoint source, List<TargetTensor> tensors) throws IOException {
        Carried carried = new Carried();
        List<ByteSource> files = source.files().stream().map(CheckpointFile::source).toList();
        for (TargetTensor tensor : tensors) {
            Optional<Grid> grid = grid(tensor);
            if (grid.isEmpty() || tensor.shape().rank() != 2) {
                continue;
            }
            Map<Encoding, Boolean> held = new LinkedHashMap<>();
            for (Encoding encoding : LitertEncodings.list()) {
                // Signs of scales are looked at below.
                Carriage carriage = LitertEncodings.carriesIfSignsFit(encoding, grid.get(), tensor.shape());
                if (encoding.codeWriter().isPresent() && carriage.kind() != Carriage.Kind.NO) {
                    carried.computes(tensor, encoding, files).ifPresent(exact -> held.put(encoding, exact));
                }
            }
            carried.encodings.put(tensor, held);
        }
        return carried;
    }

    /// The grid of all stored tensors of a view that keeps codes, with scales in a plane of their own.
    private static Optional<Grid> grid(TargetTensor tensor) {
        List<StoredTensor> stored = View.stored(tensor.view());
        if (stored.isEmpty() || stored.getFirst().planes().size() < 2 || !ViewReader.keepsCodes(tensor.view())) {
            return Optional.empty();
        }
        return ViewReader.codeGrid(tensor.view());
    }

    /// Products take scales above 0 that are normal numbers, and of blocks only what bfloat16 holds; lookups also 0, and
    /// of blocks scales of either sign.
    ///
    /// @return whether all scales stay what they are; empty where the runtime would not compute with them, rounded or not
    private Optional<Boolean> computes(TargetTensor tensor, Encoding encoding, List<ByteSource> files) throws IOException {
        boolean blocks = LitertEncodings.block(encoding).isPresent();
        boolean lookup = LitertTarget.isTable(tensor);
        boolean exact = true;
        for (StoredTensor stored : View.stored(tensor.view())) {
            Range range = ranges.get(stored);
            if (range == null) {
                range = range(stored, files);
                ranges.put(stored, range);
            }
            boolean holds = blocks ? range.smallest() >= SMALLEST_NORMAL_HALF && range.greatest() <= LARGEST_BLOCK
                    && range.least() >= -LARGEST_BLOCK : range.least() >= 0 && range.greatest() <= Float.MAX_VALUE;
            if (!holds || !lookup && !(range.least() >= Float.MIN_NORMAL)) {
                return Optional.empty();
            }
            exact &= !blocks || range.bfloat();
        }
        return Optional.of(exact);
    }

    private static Range range(StoredTensor tensor, List<ByteSource> files) throws IOException {
        int plane = 0;
        while (tensor.encoding().planes().get(plane).kind() != Plane.Kind.SCALES) {
            plane++;
            if (plane == tensor.planes().size()) {
                return new Range(Float.NaN, Float.NaN, Float.NaN, false);
            }
        }
        DenseType type = tensor.encoding().grid(tensor.shape()).orElseThrow().scale();
        Span span = tensor.planes().get(plane);
        long count = span.length() / type.bytes();
        float least = Float.POSITIVE_INFINITY;
        float greatest = Float.NEGATIVE_INFINITY;
        float smallest = Float.POSITIVE_INFINITY;
        boolean bfloat = true;
        float[] scales = new float[(int) Math.min(PIECE, count)];
        byte[] bytes = new byte[scales.length * type.bytes()];
        for (long at = 0; at < count; at += PIECE) {
            int length = (int) Math.min(PIECE, count - at);
            MemorySegment segment = MemorySegment.ofArray(bytes).asSlice(0, (long) length * type.bytes());
            files.get(span.file()).read(span.offset() + at * type.bytes(), segment);
            DenseEncoding.of(type).decodeBlocks(segment, 0, scales, 0, length);
            for (int i = 0; i < length; i++) {
                // A NaN makes all of them one, which fits nothing.
                least = Math.min(least, scales[i]);
                greatest = Math.max(greatest, scales[i]);
                smallest = Math.min(smallest, Math.abs(scales[i]));
                bfloat &= (Float.floatToRawIntBits(scales[i]) & 0xffff) == 0;
            }
        }
        return new Range(least, greatest, smallest, bfloat);
    }

    /// The smallest encoding in which a tensor's codes and scales stay what they are, if there is one.
    Optional<Encoding> encoding(TargetTensor tensor) {
        return encodings.getOrDefault(tensor, Map.of()).entrySet().stream().filter(Map.Entry::getValue).map(Map.Entry::getKey)
                .min(Comparator.comparingLong(encoding -> encoding.bytes(tensor.shape())));
    }

    /// Whether a tensor's codes can move into an encoding that is asked for: true where its scales stay too, false where they are rounded.
    Optional<Boolean> into(TargetTensor tensor, Encoding encoding) {
        return Optional.ofNullable(encodings.getOrDefault(tensor, Map.of()).get(encoding));
    }
}
