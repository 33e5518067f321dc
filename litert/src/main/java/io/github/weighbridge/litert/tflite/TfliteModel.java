package io.github.weighbridge.litert.tflite;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// What a TFLite model consists of, as its flatbuffer describes it: everything but the bytes of its constants and the options of its operators.
/// All places are bytes from the model's beginning. Immutable.
///
/// @param length bytes of the model: its file, or its section of a bundle
/// @param description what its maker says
/// @param operatorCodes the kinds of operators it uses
/// @param buffers bytes of constants; the first has none
/// @param subgraphs its graphs
/// @param signatures the ways into them
/// @param metadata named buffers
/// @param externals bytes of constants in other files or sections
public record TfliteModel(long length, String description, List<OperatorCode> operatorCodes, List<Buffer> buffers, List<Subgraph> subgraphs,
        List<Signature> signatures, List<Metadata> metadata, List<External> externals) {
    /// Copies the lists.
    public TfliteModel {
        operatorCodes = List.copyOf(operatorCodes);
        buffers = List.copyOf(buffers);
        subgraphs = List.copyOf(subgraphs);
        signatures = List.copyOf(signatures);
        metadata = List.copyOf(metadata);
        externals = List.copyOf(externals);
    }

    /// A kind of operator.
    ///
    /// @param code its number, see [BuiltinOperator]
    /// @param custom its name, when it is a custom one
    /// @param version the version of it
    public record OperatorCode(int code, String custom, int version) {
        /// The name of an operator that is known, of a custom one its own name, or the number.
        public String word() {
            return custom.isEmpty() ? BuiltinOperator.of(code).map(Enum::name).orElse("operator " + code) : custom;
        }
    }

    /// Where the bytes of a buffer lie.
    public enum Place {
        /// There are none.
        NONE,
        /// In the flatbuffer.
        INLINE,
        /// In the file, by place and length alone: how large models pass 2 GiB.
        OUTSIDE
    }

    /// Bytes of constants. Tensors of several graphs share one.
    ///
    /// @param place whether and where there are bytes
    /// @param offset the first of them
    /// @param length number of bytes
    public record Buffer(Place place, long offset, long length) {
        /// No bytes.
        public static final Buffer NONE = new Buffer(Place.NONE, 0, 0);
    }

    /// Bytes in another file or section.
    ///
    /// @param id what tensors call it by
    /// @param group name of the file or section: `tflite_weights`
    /// @param offset first byte there
    /// @param length number of bytes
    /// @param packing `unpacked`
    public record External(long id, String group, long offset, long length, String packing) {}

    /// A graph.
    ///
    /// @param name its name; may be empty
    /// @param tensors its tensors
    /// @param inputs tensors that come from outside
    /// @param outputs tensors that go outside
    /// @param operators its steps, in the order of their execution
    public record Subgraph(String name, List<Tensor> tensors, Indices inputs, Indices outputs, List<Operator> operators) {
        /// Copies the lists.
        public Subgraph {
            tensors = List.copyOf(tensors);
            operators = List.copyOf(operators);
        }
    }

    /// A tensor.
    ///
    /// @param name its name; may be empty
    /// @param typeCode number of its [TensorType]
    /// @param dimensions its shape, outermost first
    /// @param changing the shape with -1 for dimensions that change; empty when none does
    /// @param buffer index of its buffer
    /// @param external id of its external buffer; 0 when it has none
    /// @param variable whether it keeps its numbers from run to run
    /// @param sparse whether its buffer holds a part of its numbers only
    /// @param quantization what its codes mean
    public record Tensor(String name, int typeCode, Indices dimensions, Indices changing, int buffer, long external, boolean variable,
            boolean sparse, Optional<Quantization> quantization) {
        /// The type; empty when its number is newer than [TensorType].
        public Optional<TensorType> type() {
            return TensorType.of(typeCode);
        }
    }

    /// What codes mean.
    ///
    /// @param scales place and number of the single precision scales
    /// @param zeroPoints place and number of the 64-bit zero points
    /// @param scale the scale, when there is one for the whole tensor
    /// @param dimension the dimension along which scales differ
    /// @param details a finer arrangement than one scale for each index of a dimension
    public record Quantization(Numbers scales, Numbers zeroPoints, OptionalDouble scale, int dimension, Details details) {}

    /// A vector of numbers in the flatbuffer.
    ///
    /// @param offset the first byte
    /// @param count how many there are
    public record Numbers(long offset, long count) {}

    /// A finer arrangement of scales.
    public sealed interface Details {
        /// None: scales differ along the dimension alone.
        record None() implements Details {}

        /// A scale for each run of columns.
        ///
        /// @param scales index of the tensor of the same graph that holds them, in half precision
        /// @param zeroPoints index of the tensor with zero points; negative when there is none
        /// @param blockSize columns of a run
        record Blockwise(int scales, int zeroPoints, int blockSize) implements Details {}

        /// An arrangement that is not understood.
        ///
        /// @param kind its number in the union
        record Other(int kind) implements Details {}
    }

    /// A step.
    ///
    /// @param code index among the operator codes
    /// @param inputs tensors it reads, -1 for one left out
    /// @param outputs tensors it writes
    public record Operator(int code, Indices inputs, Indices outputs) {}

    /// A way into a graph, with names for tensors.
    ///
    /// @param key its name: `decode`, `prefill_128`
    /// @param subgraph index of the graph
    /// @param inputs tensors that come from outside
    /// @param outputs tensors that go outside
    public record Signature(String key, int subgraph, List<Named> inputs, List<Named> outputs) {
        /// Copies the lists.
        public Signature {
            inputs = List.copyOf(inputs);
            outputs = List.copyOf(outputs);
        }
    }

    /// A tensor of a graph by the name that a signature gives it.
    ///
    /// @param name the name
    /// @param tensor index of the tensor
    public record Named(String name, int tensor) {}

    /// A named buffer: `min_runtime_version`, `CONVERSION_METADATA`.
    ///
    /// @param name the name
    /// @param buffer index of the buffer
    public record Metadata(String name, int buffer) {}

    /// The operator code of a step.
    public OperatorCode code(Operator operator) {
        return operatorCodes.get(operator.code());
    }

    /// The bytes of a tensor's constants in the model itself; [Buffer#NONE] when it has none there.
    public Buffer buffer(Tensor tensor) {
        return tensor.buffer() < buffers.size() ? buffers.get(tensor.buffer()) : Buffer.NONE;
    }

    /// The signature of a key.
    public Optional<Signature> signature(String key) {
        return signatures.stream().filter(signature -> signature.key().equals(key)).findFirst();
    }
}
