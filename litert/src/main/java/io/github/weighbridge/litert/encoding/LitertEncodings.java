package io.github.weighbridge.litert.encoding;

import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.litert.tflite.TensorType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// The encodings that weights can have in a TFLite model. One object each, so that equal encodings are the same.
public final class LitertEncodings {
    /// The recipe for tables of blocks that are looked up, not multiplied: scales may be negative.
    public static final String SIGNED = ScaleRecipe.SIGNED;
    /// Block sizes that the delegate takes.
    private static final List<Integer> BLOCKS = List.of(32, 64, 128, 256);
    private static final Map<String, Encoding> ALL = all();

    private LitertEncodings() {}

    private static Map<String, Encoding> all() {
        Map<String, Encoding> all = new LinkedHashMap<>();
        List<Encoding> encodings = new ArrayList<>(List.of(DenseEncoding.F32, DenseEncoding.F16, DenseEncoding.BF16));
        for (int bits : List.of(8, 4, 2)) {
            encodings.add(new ScaledCodes(bits, Optional.empty()));
        }
        for (int block : BLOCKS) {
            encodings.add(new ScaledCodes(4, Optional.of(block)));
        }
        encodings.forEach(encoding -> all.put(encoding.name().toLowerCase(Locale.ROOT), encoding));
        return all;
    }

    /// All of them, plain numbers first.
    public static List<Encoding> list() {
        return List.copyOf(ALL.values());
    }

    /// Short words for all of them, for `--type`: `F32`, `F16`, `BF16`, `INT8`, `INT4`, `INT2`, `INT4/GROUP32` and so on.
    public static List<String> words() {
        return ALL.keySet().stream().map(word -> word.replace("/channel", "").toUpperCase(Locale.ROOT)).toList();
    }

    /// The encoding of a word: `f32`, `f16`, `int8/channel`, `int4/group32`, in upper or lower case; `int8`, `int4` and `int2` alone mean a scale for each
    /// row.
    public static Optional<Encoding> of(String word) {
        String lower = word.toLowerCase(Locale.ROOT);
        Encoding exact = ALL.get(lower);
        return Optional.ofNullable(exact == null ? ALL.get(lower + "/channel") : exact);
    }

    /// Codes with a scale for each row.
    ///
    /// @param bits 8, 4 or 2
    public static Encoding channel(int bits) {
        return of("int" + bits + "/channel").orElseThrow(() -> new IllegalArgumentException(bits + " bits"));
    }

    /// Codes of 4 bits with a half precision scale for each block of columns; empty for a block that the delegate does not take.
    public static Optional<Encoding> group(int block) {
        return of("int4/group" + block);
    }

    /// The number type of a tensor that has an encoding; empty for one that is none of these.
    public static Optional<TensorType> type(Encoding encoding) {
        if (encoding instanceof ScaledCodes codes) {
            return Optional.of(codes.type());
        }
        return encoding == DenseEncoding.F32 ? Optional.of(TensorType.FLOAT32)
                : encoding == DenseEncoding.F16 ? Optional.of(TensorType.FLOAT16)
                : encoding == DenseEncoding.BF16 ? Optional.of(TensorType.BFLOAT16) : Optional.empty();
    }

    /// Columns of a block; empty where rows have a scale, or there is none.
    public static Optional<Integer> block(Encoding encoding) {
        return encoding instanceof ScaledCodes codes ? codes.block() : Optional.empty();
    }

    /// Whether an encoding is codes with a scale for each row.
    public static boolean byRows(Encoding encoding) {
        return encoding instanceof ScaledCodes codes && codes.block().isEmpty();
    }

    /// Whether codes of a grid can move into an encoding if the signs of its scales allow it, which the caller looks at. A grid that may have scales
    /// below 0 often has none.
    public static Carriage carriesIfSignsFit(Encoding encoding, Grid grid, Shape shape) {
        return encoding instanceof ScaledCodes codes ? codes.carriesIfSignsFit(grid, shape) : encoding.carries(grid, shape);
    }

    static Grid grid(int bits, Optional<Integer> block) {
        Grid.Granularity granularity = block.<Grid.Granularity>map(Grid.Granularity.Group::new).orElse(new Grid.Granularity.Row());
        return new Grid(Grid.Levels.Range.ofBits(bits), granularity,
                block.isPresent() ? io.github.weighbridge.encoding.DenseType.F16 : io.github.weighbridge.encoding.DenseType.F32,
                block.isPresent(),
                Grid.Zero.NONE);
    }
}
