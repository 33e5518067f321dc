package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.litert.file.flat.Allowance;
import io.github.weighbridge.litert.tflite.Indices;
import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.TfliteModel;
import io.github.weighbridge.view.Span;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The constants of one model: what its graphs read and no operator writes. Each range of bytes counts once, however many tensors, graphs and
/// signatures share it.
final class Constants {
    private static final int PIECE = 1 << 16;
    private static final int LONG_BYTES = 8;
    /// What a constant takes in memory until the graph of the checkpoint is made.
    private static final int CONSTANT_BYTES = 800;

    /// A constant.
    ///
    /// @param name name of the first tensor that has it; may be empty
    /// @param graph index of that tensor's graph
    /// @param tensor its index there
    /// @param shape dimensions
    /// @param encoding how its numbers lie in the bytes
    /// @param planes where the planes lie in the file
    record Constant(String name, int graph, int tensor, Shape shape, Encoding encoding, List<Span> planes) {}

    private final ByteSource file;
    private final Container.Part part;
    private final TfliteModel model;
    private final List<Constant> constants = new ArrayList<>();
    private final List<String> missing = new ArrayList<>();
    private final Set<Span> known = new HashSet<>();
    private final Map<Long, TfliteModel.External> externals = new HashMap<>();
    private final Allowance allowance;

    private Constants(ByteSource file, Container.Part part, TfliteModel model, Allowance allowance) {
        this.file = file;
        this.part = part;
        this.model = model;
        this.allowance = allowance;
        model.externals().forEach(external -> externals.putIfAbsent(external.id(), external));
    }

    /// The constants of a model, in the order of its graphs and tensors.
    ///
    /// @param allowance memory that descriptions of the file may take
    /// @throws CheckpointFormatException when the bytes of one are not as many as its type and shape demand
    static Constants of(ByteSource file, Container.Part part, TfliteModel model, Allowance allowance) throws IOException {
        Constants constants = new Constants(file, part, model, allowance);
        constants.collect();
        return constants;
    }

    List<Constant> list() {
        return constants;
    }

    /// Names of tensors whose bytes lie in files that are not there.
    List<String> missing() {
        return missing;
    }

    private void collect() throws IOException {
        for (int g = 0; g < model.subgraphs().size(); g++) {
            TfliteModel.Subgraph graph = model.subgraphs().get(g);
            Set<Integer> scales = new HashSet<>();
            for (TfliteModel.Tensor tensor : graph.tensors()) {
                if (tensor.quantization().isPresent()
                        && tensor.quantization().get().details() instanceof TfliteModel.Details.Blockwise(int of, int _, int _)) {
                    scales.add(of);
                }
            }
            for (int t = 0; t < graph.tensors().size(); t++) {
                TfliteModel.Tensor tensor = graph.tensors().get(t);
                Optional<Span> bytes = bytes(tensor);
                if (bytes.isPresent() && !scales.contains(t) && known.add(bytes.get())) {
                    if (!allowance.take(CONSTANT_BYTES)) {
                        throw CheckpointFormatException.limit(file.name(), bytes.get().offset(), "constants", "more than "
                                + constants.size(),
                                "descriptions of at most " + allowance.limits().keptBytes() + " bytes (Limits.keptBytes)");
                    }
                    constants.add(constant(graph, g, t, tensor, bytes.get()));
                }
            }
        }
    }

    /// Where the bytes of a tensor lie in the file; empty when an operator or a caller makes them.
    private Optional<Span> bytes(TfliteModel.Tensor tensor) throws CheckpointFormatException {
        if (tensor.external() != 0) {
            return external(tensor);
        }
        TfliteModel.Buffer buffer = model.buffer(tensor);
        return switch (buffer.place()) {
            case NONE -> Optional.empty();
            case INLINE, OUTSIDE -> Optional.of(new Span(0, part.begin() + buffer.offset(), buffer.length()));
        };
    }

    private Optional<Span> external(TfliteModel.Tensor tensor) throws CheckpointFormatException {
        TfliteModel.External external = externals.get(tensor.external());
        if (external == null) {
            throw bad(part.begin(), tensor.name(), "external buffer " + tensor.external(), "one that the model describes");
        }
        if (part.weights().isEmpty()) {
            missing.add(tensor.name());
            return Optional.empty();
        }
        Container.Range section = part.weights().get();
        if (external.offset() > section.length() || external.length() > section.length() - external.offset()) {
            throw bad(section.begin(), tensor.name(), external.length() + " bytes at " + external.offset(),
                    "a range within the " + section.length() + " bytes of the section");
        }
        return Optional.of(new Span(0, section.begin() + external.offset(), external.length()));
    }

    private CheckpointFormatException bad(long offset, String name, Object found, String expected) {
        return CheckpointFormatException.malformed(file.name(), offset, "tensor \"" + name + "\"", found, expected);
    }

    private Shape shape(TfliteModel.Tensor tensor, long offset) throws CheckpointFormatException {
        Indices dimensions = tensor.dimensions();
        long[] shape = dimensions.stream().asLongStream().toArray();
        if (!Shape.fits(shape)) {
            throw bad(offset, tensor.name(), "the shape " + dimensions, "dimensions of at least 0 with fewer than 2^63 elements");
        }
        return Shape.of(shape);
    }

    private Constant constant(TfliteModel.Subgraph graph, int g, int t, TfliteModel.Tensor tensor, Span bytes) throws IOException {
        Shape shape = shape(tensor, bytes.offset());
        Optional<TensorType> type = tensor.type();
        boolean measured = type.isPresent() && type.get().bits() > 0 && !tensor.sparse();
        if (measured) {
            long expected = expectedBytes(type.get(), shape, tensor, bytes);
            if (expected != bytes.length()) {
                throw bad(bytes.offset(), tensor.name(), bytes.length() + " bytes", expected + " for " + type.get() + " " + shape);
            }
        }
        Optional<TfliteModel.Quantization> quantization = tensor.quantization();
        if (measured && quantization.isEmpty() && ConstantEncodings.dense(type.get()).isPresent()) {
            DenseType dense = ConstantEncodings.dense(type.get()).get();
            return new Constant(tensor.name(), g, t, shape, DenseEncoding.of(dense), List.of(bytes));
        }
        if (measured && quantization.isPresent()) {
            Optional<Constant> scaled = scaled(graph, g, t, tensor, shape, quantization.get(), bytes);
            if (scaled.isPresent()) {
                return scaled.get();
            }
        }
        return new Constant(tensor.name(), g, t, shape, ConstantEncodings.opaque(tensor, bytes.length()), List.of(bytes));
    }

    private long expectedBytes(TensorType type, Shape shape, TfliteModel.Tensor tensor, Span bytes) throws CheckpointFormatException {
        try {
            return type.bytes(shape.elements());
        } catch (ArithmeticException e) {
            throw bad(bytes.offset(), tensor.name(), type + " " + shape, "fewer than 2^63 bytes");
        }
    }

    private Optional<Constant> scaled(TfliteModel.Subgraph graph, int g, int t, TfliteModel.Tensor tensor, Shape shape,
            TfliteModel.Quantization quantization, Span bytes) throws IOException {
        if (quantization.details() instanceof TfliteModel.Details.Blockwise blocks) {
            TfliteModel.Tensor scales = graph.tensors().get(blocks.scales());
            Optional<Span> span = bytes(scales);
            Optional<Encoding> encoding = span.isEmpty() ? Optional.empty() : ConstantEncodings.blockwise(tensor, shape, blocks, scales);
            if (encoding.isEmpty()) {
                return Optional.empty();
            }
            checkLength(scales, span.get(), encoding.get().planeBytes(1, shape));
            return Optional.of(new Constant(tensor.name(), g, t, shape, encoding.get(), List.of(bytes, span.get())));
        }
        Optional<Encoding> encoding = ConstantEncodings.scaled(tensor, shape, quantization, symmetric(quantization));
        if (encoding.isEmpty()) {
            return Optional.empty();
        }
        Span scales = new Span(0, part.begin() + quantization.scales().offset(), ConstantEncodings.scaleBytes(quantization));
        return Optional.of(new Constant(tensor.name(), g, t, shape, encoding.get(), List.of(bytes, scales)));
    }

    private void checkLength(TfliteModel.Tensor tensor, Span span, long expected) throws CheckpointFormatException {
        if (span.length() != expected) {
            throw bad(span.offset(), tensor.name(), span.length() + " bytes of scales", Long.toString(expected));
        }
    }

    /// Whether all zero points are 0, and as many as there are scales, or one, or none.
    private boolean symmetric(TfliteModel.Quantization quantization) throws IOException {
        long count = quantization.zeroPoints().count();
        if (count > 1 && count != quantization.scales().count()) {
            return false;
        }
        long begin = part.begin() + quantization.zeroPoints().offset();
        long length = count * LONG_BYTES;
        for (long at = 0; at < length; at += PIECE) {
            for (byte b : file.readBytes(begin + at, (int) Math.min(PIECE, length - at))) {
                if (b != 0) {
                    return false;
                }
            }
        }
        return true;
    }
}
