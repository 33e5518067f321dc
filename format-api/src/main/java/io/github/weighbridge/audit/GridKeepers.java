package io.github.weighbridge.audit;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.scan.GridFinding;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import java.util.ArrayList;
import java.util.List;

/// Which encodings keep numbers bit for bit that lie on a grid: every number as it is, in codes and steps.
public final class GridKeepers {
    private GridKeepers() {}

    /// Words such as `gguf:Q4_0`, of the formats that can be written and list their encodings. Empty where not all blocks are on the grid.
    ///
    /// @param shape of the tensor
    public static List<String> of(GridFinding grid, Shape shape) {
        List<String> words = new ArrayList<>();
        for (Format format : Formats.installed().all()) {
            if (format.writes()) {
                List<Encoding> coded = format.encodings().stream()
                        .filter(encoding -> encoding.dense().isEmpty() && encoding.codeWriter().isPresent()).toList();
                grid.keptBy(coded, shape).forEach(encoding -> words.add(format.name() + ":" + encoding.name()));
            }
        }
        return List.copyOf(words);
    }
}
