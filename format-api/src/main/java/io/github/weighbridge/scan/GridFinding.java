package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Shape;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/// The grid that dense numbers turn out to lie on.
///
/// @param bits width of a code, 2 to 8
/// @param group columns that share a step; the row's length where a row has one step
/// @param wholeRows whether a row has one step
/// @param zero [Grid.Zero#NONE] for a symmetric grid; otherwise levels are shifted by whole steps or by any number
/// @param exactBlocks share of the blocks looked at whose numbers are all returned: products of step and level, rounded to the numbers' own type
/// @param maxResidual largest difference between a number and its nearest place on the grid, both in the numbers' own type
/// @param scales number types, of F16, BF16 and F32, that hold a step for each exact block
public record GridFinding(int bits, long group, boolean wholeRows, Grid.Zero zero, double exactBlocks, double maxResidual,
        Set<DenseType> scales) {
    /// Copies the set.
    public GridFinding {
        scales = Set.copyOf(scales);
    }

    /// Whether level 0 is the number 0 and the levels reach from `-2^(bits - 1)` to `2^(bits - 1) - 1`, of a step of either sign.
    public boolean symmetric() {
        return zero == Grid.Zero.NONE;
    }

    /// What rules call it, such as `int4/group32` or `int8/channel/asym`.
    public String word() {
        return "int" + bits + "/" + (wholeRows ? "channel" : "group" + group) + (symmetric() ? "" : "/asym");
    }

    /// The grid, with steps of a number type.
    public Grid grid(DenseType scale) {
        Grid.Levels levels = symmetric() ? Grid.Levels.Range.ofBits(bits) : new Grid.Levels.Range(0, (1 << bits) - 1);
        Grid.Granularity granularity = wholeRows ? new Grid.Granularity.Row() : new Grid.Granularity.Group(Math.toIntExact(group));
        return new Grid(levels, granularity, scale, true, zero);
    }

    /// Those of some encodings that keep every number bit for bit, when the steps are found again: all blocks are on the grid, and codes and steps
    /// move in unchanged.
    ///
    /// @param candidates the encodings of a target
    /// @param shape of the tensor
    public List<Encoding> keptBy(Collection<? extends Encoding> candidates, Shape shape) {
        if (exactBlocks < 1) {
            return List.of();
        }
        return candidates.stream().<Encoding>map(encoding -> encoding)
                .filter(encoding -> encoding.misfit(shape).isEmpty() && scales.stream()
                        .anyMatch(scale -> encoding.carries(grid(scale), shape).kind() == Carriage.Kind.EXACT))
                .toList();
    }
}
