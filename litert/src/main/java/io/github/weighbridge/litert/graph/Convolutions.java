package io.github.weighbridge.litert.graph;

import io.github.weighbridge.litert.tflite.BuiltinOperator;
import io.github.weighbridge.litert.tflite.write.Options;
import java.util.ArrayList;
import java.util.List;

/// The operators on images `[1, height, width, channels]`. Windows never pass the edge: what a model takes for edges it pads itself, since the
/// runtime's own rule for windows that do not fit is another than PyTorch's.
public final class Convolutions {
    private static final int VALID = 1;
    private static final int IMAGE = 4;

    private Convolutions() {}

    /// Zeros before and behind the indices of an axis.
    public static Tensor pad(Graph graph, Tensor x, int axis, int before, int behind) {
        if (before == 0 && behind == 0) {
            return x;
        }
        Graph.check(before >= 0 && behind >= 0 && axis >= 0 && axis < x.rank(), "PAD " + before + " and " + behind, x);
        List<Integer> zeros = new ArrayList<>(java.util.Collections.nCopies(2 * x.rank(), 0));
        zeros.set(2 * axis, before);
        zeros.set(2 * axis + 1, behind);
        List<Integer> shape = new ArrayList<>(x.shape());
        shape.set(axis, Math.addExact(Math.addExact(shape.get(axis), before), behind));
        return graph.apply(BuiltinOperator.PAD, 1, List.of(x, graph.whole(zeros, List.of(x.rank(), 2))), x.type(), shape, Options.none());
    }

    /// Sums over windows, for each pair of channels.
    ///
    /// @param weight numbers `[out, height, width, in]` of the window
    /// @param stride by how many places the window moves, in both directions
    public static Tensor convolve(Graph graph, Tensor x, Tensor weight, int stride) {
        Graph.check(x.rank() == IMAGE && weight.rank() == IMAGE && x.dimension(3) == weight.dimension(3) && x.type() == weight.type(),
                "CONV_2D", x, weight);
        int channels = weight.dimension(0);
        // The delegate takes only convolutions with offsets.
        return graph.apply(BuiltinOperator.CONV_2D, 1, List.of(x, weight, zeros(graph, channels)), x.type(),
                shape("CONV_2D", x, weight, stride, channels),
                Options.none().u8(0, VALID).i32(1, stride).i32(2, stride));
    }

    /// Sums over windows, for each channel by itself.
    ///
    /// @param weight numbers `[1, height, width, channels]` of the window
    public static Tensor convolveDepthwise(Graph graph, Tensor x, Tensor weight) {
        Graph.check(x.rank() == IMAGE && weight.rank() == IMAGE && weight.dimension(0) == 1 && x.dimension(3) == weight.dimension(3)
                && x.type() == weight.type(), "DEPTHWISE_CONV_2D", x, weight);
        int channels = x.dimension(3);
        return graph.apply(BuiltinOperator.DEPTHWISE_CONV_2D, 1, List.of(x, weight, zeros(graph, channels)), x.type(),
                shape("DEPTHWISE_CONV_2D", x, weight, 1, channels),
                Options.none().u8(0, VALID).i32(1, 1).i32(2, 1).i32(3, 1));
    }

    private static List<Integer> shape(String operator, Tensor x, Tensor weight, int stride, int channels) {
        int height = x.dimension(1) - weight.dimension(1);
        int width = x.dimension(2) - weight.dimension(2);
        Graph.check(height >= 0 && width >= 0 && stride > 0, operator + " by " + stride, x, weight);
        return List.of(x.dimension(0), height / stride + 1, width / stride + 1, channels);
    }

    private static Tensor zeros(Graph graph, int channels) {
        return graph.numbers(List.of(channels), new float[channels]);
    }
}
