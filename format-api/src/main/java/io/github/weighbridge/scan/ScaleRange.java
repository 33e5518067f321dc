package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Plane;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// The range of a tensor's scales: evidence that decides whether codes can move into an encoding whose scales have a narrower type. Scales are
/// few beside the codes, so that reading them all is part of planning.
///
/// @param smallest least absolute value of a scale that is not 0; infinite where there is none
/// @param largest greatest absolute value
/// @param negative whether any scale is below 0
/// @param halfChange largest change of a scale that is rounded to half precision, relative to itself; infinite where one passes 65504. Scales
///         that are too small for a normal half and whose codes are all 0 do not count, as their numbers are 0 whatever the scale: rows that a
///         training never reached often have one
public record ScaleRange(float smallest, float largest, boolean negative, double halfChange) {
    private static final int PIECE = 1 << 16;
    private static final float SMALLEST_NORMAL_HALF = 0x1p-14f;
    /// What normal halves are off by at most.
    private static final double NORMAL_CHANGE = 0x1p-11;
    /// The most scales whose codes are looked at, so that planning stays short.
    private static final int MOST_IDLE = 1 << 12;

    /// Reads the scales of a tensor that keeps them in a plane of their own.
    ///
    /// @param files the checkpoint's files, by index
    /// @throws CheckpointFormatException when a scale is not finite, or below 0 where the tensor's grid has no such scales
    /// @throws IllegalArgumentException when the tensor has no such plane
    public static ScaleRange of(StoredTensor tensor, List<ByteSource> files) throws IOException {
        Grid grid =
                tensor.encoding().grid(tensor.shape()).orElseThrow(() -> new IllegalArgumentException(tensor.name() + " is on no grid"));
        DenseType type = grid.scale();
        int plane = 0;
        while (tensor.encoding().planes().get(plane).kind() != Plane.Kind.SCALES) {
            plane++;
            if (plane == tensor.planes().size()) {
                throw new IllegalArgumentException(tensor.name() + " has no plane of scales");
            }
        }
        Span span = tensor.planes().get(plane);
        long count = span.length() / type.bytes();
        float smallest = Float.POSITIVE_INFINITY;
        float largest = 0;
        boolean negative = false;
        double halfChange = 0;
        Map<Long, Double> small = new LinkedHashMap<>();
        float[] scales = new float[(int) Math.min(PIECE, count)];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate((long) scales.length * type.bytes(), 64);
            for (long at = 0; at < count; at += PIECE) {
                int length = (int) Math.min(PIECE, count - at);
                files.get(span.file()).read(span.offset() + at * type.bytes(), bytes.asSlice(0, (long) length * type.bytes()));
                DenseEncoding.of(type).decodeBlocks(bytes, 0, scales, 0, length);
                for (int i = 0; i < length; i++) {
                    float magnitude = Math.abs(scales[i]);
                    if (!Float.isFinite(magnitude) || scales[i] < 0 && !grid.signedScale()) {
                        throw CheckpointFormatException.malformed(files.get(span.file()).name(), span.offset() + (at + i) * type.bytes(),
                                "scale " + (at + i) + " of tensor \"" + tensor.name() + "\"", scales[i],
                                grid.signedScale() ? "a finite number" : "a finite number of 0 or more");
                    }
                    largest = Math.max(largest, magnitude);
                    negative |= scales[i] < 0;
                    if (magnitude > 0) {
                        smallest = Math.min(smallest, magnitude);
                        double rounded = Float.float16ToFloat(Float.floatToFloat16(magnitude));
                        double change = Math.abs(rounded - magnitude) / magnitude;
                        if (change > NORMAL_CHANGE && magnitude < SMALLEST_NORMAL_HALF && small.size() <= MOST_IDLE) {
                            small.put(at + i, change);
                        } else {
                            halfChange = Math.max(halfChange, change);
                        }
                    }
                }
            }
        }
        return new ScaleRange(smallest, largest, negative, Math.max(halfChange, changeOfUsed(tensor, grid, small, files)));
    }

    /// The largest change of those scales that have a code which is not 0.
    private static double changeOfUsed(StoredTensor tensor, Grid grid, Map<Long, Double> changes, List<ByteSource> files)
            throws IOException {
        double largest = changes.values().stream().mapToDouble(Double::doubleValue).max().orElse(0);
        boolean along = grid.granularity() instanceof Grid.Granularity.Row || grid.granularity() instanceof Grid.Granularity.Group;
        View view = View.of(tensor);
        if (changes.isEmpty() || changes.size() > MOST_IDLE || !along || grid.zero() != Grid.Zero.NONE || !ViewReader.keepsCodes(view)
                || !(grid.levels() instanceof Grid.Levels.Range)) {
            return largest;
        }
        long columns = tensor.shape().columns();
        long width = Math.min(grid.groupColumns(tensor.shape()), columns);
        long groups = (columns + width - 1) / width;
        double used = 0;
        Codes codes = new Codes();
        try (ViewReader reader = ViewReader.ofSamples(files)) {
            for (Map.Entry<Long, Double> change : changes.entrySet()) {
                long row = change.getKey() / groups;
                long begin = change.getKey() % groups * width;
                if (change.getValue() > used) {
                    reader.readCodes(view, new Region(row, row + 1, begin, Math.min(columns, begin + width)), grid, codes);
                    boolean zeros = IntStream.range(0, codes.columns()).allMatch(i -> codes.codes()[i] == 0);
                    used = zeros ? used : change.getValue();
                }
            }
        }
        return used;
    }
}
