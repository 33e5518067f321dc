package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.litert.encoding.LitertEncodings;
import io.github.weighbridge.litert.graph.Graph;
import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import io.github.weighbridge.litert.tflite.write.Part;
import io.github.weighbridge.litert.tflite.write.Quantization;
import io.github.weighbridge.litert.tflite.write.TfliteBuilder;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Blob;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// One TFLite model of a bundle that is being planned: its graphs, and which plane of which tensor fills each hole. For use by one thread.
final class SectionModel {
    /// Up to here constants lie inside the flatbuffer, as in Google's files; a flatbuffer ends at 2 GiB.
    private static final long MOST_INSIDE = 1L << 30;
    /// The first runtime with operators on 2-bit codes.
    private static final String RUNTIME_OF_INT2 = "2.21.0";
    private static final int RUNTIME_BYTES = 16;

    /// What fills a hole.
    private record Filling(TargetTensor tensor, int plane) {}

    private final TfliteBuilder builder;
    private final Graph.Model graphs;
    private final Assignment assignment;
    private final Map<Integer, Filling> fillings = new HashMap<>();
    private final Set<TargetTensor> tensors = new LinkedHashSet<>();
    private boolean twoBits;
    private List<Part> parts = List.of();

    SectionModel(String description, Assignment assignment) {
        this.builder = new TfliteBuilder(description);
        this.graphs = new Graph.Model(builder);
        this.assignment = assignment;
    }

    Graph.Model graphs() {
        return graphs;
    }

    /// A constant that holds a tensor in the encoding that it was assigned.
    ConstantTensor constant(TargetTensor tensor) {
        Encoding encoding = assignment.of(tensor).encoding();
        TensorType type = LitertEncodings.type(encoding)
                .orElseThrow(() -> new IllegalArgumentException(tensor.name() + " cannot be " + encoding.name() + " in a TFLite model"));
        twoBits |= type == TensorType.INT2;
        Shape shape = tensor.shape();
        List<Integer> dimensions = dimensions(shape);
        int codes = hole(tensor, 0);
        Optional<Quantization> quantization = Optional.empty();
        Optional<Integer> block = LitertEncodings.block(encoding);
        if (block.isPresent()) {
            int columns = (int) (shape.columns() / block.get());
            ConstantTensor scales = builder.constant(tensor.name() + "/scales", TensorType.FLOAT16,
                    List.of((int) shape.rows(), columns), encoding.planeBytes(1, shape), hole(tensor, 1), Optional.empty());
            quantization = Optional.of(Quantization.blockwise(scales, block.get()));
        } else if (LitertEncodings.byRows(encoding)) {
            quantization = Optional.of(Quantization.symmetric(shape.rows(), hole(tensor, 1)));
        }
        return builder.constant(tensor.name(), type, dimensions, encoding.planeBytes(0, shape), codes, quantization);
    }

    private static List<Integer> dimensions(Shape shape) {
        return Arrays.stream(shape.dimensions()).mapToObj(Math::toIntExact).toList();
    }

    /// The quantization of activations or caches whose scale is a tensor of one number.
    Quantization activation(TargetTensor scale) {
        if (assignment.of(scale).encoding() != DenseEncoding.F32) {
            throw new IllegalArgumentException(scale.name() + " is a scale");
        }
        return Quantization.symmetric(1, hole(scale, 0));
    }

    private int hole(TargetTensor tensor, int plane) {
        int hole = builder.hole();
        fillings.put(hole, new Filling(tensor, plane));
        tensors.add(tensor);
        return hole;
    }

    /// Ends the model: all its bytes are known, but for those of weights and scales.
    ///
    /// @throws PolicyException when the flatbuffer passes 2 GiB
    void finish() throws PolicyException {
        if (twoBits) {
            builder.metadata("min_runtime_version", Arrays.copyOf(RUNTIME_OF_INT2.getBytes(StandardCharsets.US_ASCII), RUNTIME_BYTES));
        }
        try {
            parts = builder.build(builder.largeBytes() > MOST_INSIDE);
        } catch (ArithmeticException e) {
            throw new PolicyException("LiteRT-LM: scales and graphs pass the 2 GiB of a flatbuffer");
        }
    }

    /// Number of bytes.
    long length() {
        return parts.stream().mapToLong(Part::length).sum();
    }

    /// Appends the model to a file that is being laid out.
    void layOut(LayoutBuilder layout) {
        Map<TargetTensor, Integer> jobs = new HashMap<>();
        for (TargetTensor tensor : tensors) {
            jobs.put(tensor, layout.reserve(tensor, assignment.of(tensor), Optional.empty()));
        }
        for (Part part : parts) {
            switch (part) {
                case Part.Bytes(byte[] bytes) -> layout.rendered(Blob.of(bytes));
                case Part.Zeros(long length) -> layout.zeros(length);
                case Part.Hole(int id, long _) -> {
                    Filling filling = java.util.Objects.requireNonNull(fillings.get(id));
                    layout.plane(java.util.Objects.requireNonNull(jobs.get(filling.tensor())), filling.plane());
                }
            }
        }
    }
}
