package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Whether numbers lie on a symmetric grid of given bits and groups, with steps that a number type holds: evidence for a plan. A few hundred
/// blocks of a tensor are read, at places that depend on its shape alone, and no more once too few of them can lie on the grid.
///
/// @param blocks blocks read
/// @param exact those that are returned by products of a step and levels
/// @param surprise how improbable that is for random numbers, as a negative binary logarithm
public record GridEvidence(int blocks, int exact, double surprise) {
    private static final int RUNS = 24;
    private static final int BLOCKS_OF_RUN = 12;
    private static final double SHARE = 0.9;
    private static final double ENOUGH = 48;

    /// Reads some blocks.
    ///
    /// @param type of the numbers; of others than F32, F16 and BF16 nothing is read
    /// @param bits width of a code
    /// @param group columns that share a step
    /// @param scale F16, BF16 or F32
    /// @param files the checkpoint's files, by index
    public static GridEvidence of(View view, DenseType type, int bits, int group, DenseType scale, List<ByteSource> files)
            throws IOException {
        Shape shape = view.shape();
        if (type != DenseType.F32 && type != DenseType.F16 && type != DenseType.BF16 || shape.columns() < group || shape.rows() == 0) {
            return new GridEvidence(0, 0, 0);
        }
        long perRow = shape.columns() / group;
        long run = Math.min(perRow, BLOCKS_OF_RUN);
        long starts = Math.multiplyExact(shape.rows(), perRow / run);
        int runs = (int) Math.min(RUNS, starts);
        // Past so many that do not lie on the grid, the rest cannot matter.
        double most = (1 - SHARE) * runs * run;
        int blocks = 0;
        int exact = 0;
        double surprise = 0;
        Set<Integer> seen = new HashSet<>();
        Roundings steps = Roundings.valueOf(scale.name());
        try (ViewReader reader = ViewReader.ofSamples(files)) {
            float[] numbers = new float[(int) run * group];
            for (int i = 0; i < runs && blocks - exact <= most + 1; i++) {
                long start = runs == 1 ? 0 : i * (starts - 1) / (runs - 1);
                long column = start % (perRow / run) * run * group;
                long row = start / (perRow / run);
                reader.read(view, new Region(row, row + 1, column, column + run * group), numbers, 0);
                GridBlock block = new GridBlock(Roundings.of(type, List.of(numbers)), GridDetector.significant(List.of(numbers)));
                for (int at = 0; at < numbers.length; at += group) {
                    blocks++;
                    block.load(numbers, at, group, false);
                    if (block.finite() && block.fit(1 << bits - 1) && block.bits(Grid.Zero.NONE) <= bits && block.holds(steps)) {
                        exact++;
                        surprise += Math.max(0, block.surprise(seen, false) - bits);
                    }
                }
            }
        }
        return new GridEvidence(blocks, exact, surprise);
    }

    /// Whether the numbers are taken to lie on the grid: nearly all blocks do, which chance does not explain.
    public boolean onGrid() {
        return exact >= SHARE * blocks && surprise >= ENOUGH;
    }

    /// Share of the blocks read that lie on the grid; 0 where none was read.
    public double share() {
        return blocks == 0 ? 0 : (double) exact / blocks;
    }
}
