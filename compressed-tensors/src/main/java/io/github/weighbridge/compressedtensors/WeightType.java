package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.encoding.PackedEncodings;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.GridPlanes;
import io.github.weighbridge.encoding.Shape;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What a word for a scheme means for weights, the type of scales left open: `W4A16`, `W4A16/group128`, `int8/channel`, `FP8/block`.
///
/// @param layout how codes lie
/// @param bits width of a code
/// @param granularity which elements share a scale
/// @param shifted whether there are zero points
/// @param activations what becomes of activations
record WeightType(Layout layout, int bits, Granularity granularity, boolean shifted, Activations activations) {
    /// How codes lie.
    enum Layout {
        PACKED, BYTES, FLOATS
    }

    /// What becomes of activations.
    enum Activations {
        NONE, DYNAMIC, STATIC
    }

    private static final Granularity CHANNEL = new Granularity.Row();
    private static final int GROUP = 32;
    private static final int BLOCK = 128;
    private static final Pattern INTEGERS =
            Pattern.compile("(?:w([2-8])a16|int([2-8]))(?:/(channel|group(\\d{1,6})))?(/asym)?");

    /// The types of a format, for listing.
    static final java.util.List<String> WORDS = java.util.List.of("W4A16", "W4A16/group128", "W4A16/channel", "W4A16/group32/asym", "W8A16",
            "W2A16", "W8A8", "W8A8/static", "FP8", "FP8/block");

    static Optional<WeightType> of(String text) {
        String word = text.toLowerCase(Locale.ROOT);
        if (word.startsWith("compressed-tensors:")) {
            word = word.substring("compressed-tensors:".length());
        }
        Matcher integers = INTEGERS.matcher(word);
        if (integers.matches()) {
            int bits = Integer.parseInt(integers.group(1) == null ? integers.group(2) : integers.group(1));
            Granularity granularity = bits == 4 ? new Granularity.Group(GROUP) : CHANNEL;
            if (integers.group(4) != null) {
                int size = Integer.parseInt(integers.group(4));
                if (size == 0) {
                    return Optional.empty();
                }
                granularity = new Granularity.Group(size);
            } else if (integers.group(3) != null) {
                granularity = CHANNEL;
            }
            return Optional.of(new WeightType(Layout.PACKED, bits, granularity, integers.group(5) != null, Activations.NONE));
        }
        return switch (word) {
            case "w8a8" -> Optional.of(new WeightType(Layout.BYTES, 8, CHANNEL, false, Activations.DYNAMIC));
            case "w8a8/static" -> Optional.of(new WeightType(Layout.BYTES, 8, CHANNEL, false, Activations.STATIC));
            case "fp8", "fp8/channel" -> Optional.of(new WeightType(Layout.FLOATS, 8, CHANNEL, false, Activations.DYNAMIC));
            case "fp8/tensor" -> Optional.of(new WeightType(Layout.FLOATS, 8, new Granularity.Tensor(), false, Activations.DYNAMIC));
            case "fp8/block" -> Optional.of(
                    new WeightType(Layout.FLOATS, 8, new Granularity.Block(BLOCK, BLOCK), false, Activations.DYNAMIC));
            default -> Optional.empty();
        };
    }

    /// The same for activations that are quantised too.
    WeightType withActivations() {
        boolean bytes = layout == Layout.PACKED && bits == 8 && !shifted && granularity.equals(CHANNEL);
        return bytes ? new WeightType(Layout.BYTES, bits, granularity, false, activations) : this;
    }

    GridEncoding encoding(DenseType scale) {
        return switch (layout) {
            case PACKED -> PackedEncodings.packed(bits, granularity, scale,
                    shifted ? GridPlanes.Zeros.PACKED : GridPlanes.Zeros.NONE, false, false);
            case BYTES -> PackedEncodings.bytes(bits, granularity, scale, shifted ? GridPlanes.Zeros.BYTES : GridPlanes.Zeros.NONE);
            case FLOATS -> PackedEncodings.floats(granularity, scale);
        };
    }

    /// Whether this is the grid of Q4_0.
    boolean isTrained() {
        return layout == Layout.PACKED && bits == 4 && !shifted && granularity.equals(new Granularity.Group(GROUP));
    }

    /// Why a shape does not go with it: no runtime loads groups that do not divide the rows.
    static Optional<String> misfit(GridEncoding encoding, Shape shape) {
        if (shape.rank() != 2) {
            return Optional.of("only matrices are quantised");
        }
        return encoding.grid().granularity() instanceof Granularity.Group(int size) && shape.columns() % size != 0
                ? Optional.of("groups of " + size + " do not divide rows of " + shape.columns()) : Optional.empty();
    }
}
