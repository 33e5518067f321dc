package io.github.weighbridge.litert.tflite;

/// Numbers of the fields in the tables of a model. Field `n` has its offset at byte `4 + 2 * n` of a table's vtable.
public final class Schema {
    /// What stands at byte 4 of every model.
    public static final String IDENTIFIER = "TFL3";
    /// The version of the schema that every model of today states.
    public static final int VERSION = 3;

    private Schema() {}

    /// The root.
    public static final class Model {
        /// Version of the schema, u32.
        public static final int VERSION = 0;
        /// Vector of [OperatorCode].
        public static final int OPERATOR_CODES = 1;
        /// Vector of [SubGraph].
        public static final int SUBGRAPHS = 2;
        /// String.
        public static final int DESCRIPTION = 3;
        /// Vector of [Buffer]; the first is empty.
        public static final int BUFFERS = 4;
        /// Vector of i32; no longer used.
        public static final int METADATA_BUFFER = 5;
        /// Vector of [Metadata].
        public static final int METADATA = 6;
        /// Vector of [SignatureDef].
        public static final int SIGNATURE_DEFS = 7;
        /// Vector of [ExternalBufferGroup].
        public static final int EXTERNAL_BUFFER_GROUPS = 8;
        /// Vector of [ExternalBuffer].
        public static final int EXTERNAL_BUFFERS = 9;

        private Model() {}
    }

    /// An operator that a model uses.
    public static final class OperatorCode {
        /// The code up to 127, i8; the larger of this and [#BUILTIN_CODE] counts.
        public static final int DEPRECATED_BUILTIN_CODE = 0;
        /// String, for custom operators.
        public static final int CUSTOM_CODE = 1;
        /// Version of the operator, i32, 1 unless stated.
        public static final int VERSION = 2;
        /// The code, i32.
        public static final int BUILTIN_CODE = 3;

        private OperatorCode() {}
    }

    /// A graph.
    public static final class SubGraph {
        /// Vector of [Tensor].
        public static final int TENSORS = 0;
        /// Vector of i32: indices of tensors.
        public static final int INPUTS = 1;
        /// Vector of i32: indices of tensors.
        public static final int OUTPUTS = 2;
        /// Vector of [Operator].
        public static final int OPERATORS = 3;
        /// String.
        public static final int NAME = 4;
        /// i32, -1 unless stated.
        public static final int DEBUG_METADATA_INDEX = 5;

        private SubGraph() {}
    }

    /// A tensor of a graph.
    public static final class Tensor {
        /// Vector of i32.
        public static final int SHAPE = 0;
        /// [TensorType], i8.
        public static final int TYPE = 1;
        /// Index of its buffer, u32.
        public static final int BUFFER = 2;
        /// String.
        public static final int NAME = 3;
        /// [Quantization].
        public static final int QUANTIZATION = 4;
        /// Whether it keeps its numbers from run to run, bool.
        public static final int IS_VARIABLE = 5;
        /// Table.
        public static final int SPARSITY = 6;
        /// Vector of i32: the shape with -1 for dimensions that change.
        public static final int SHAPE_SIGNATURE = 7;
        /// Whether a missing shape means a scalar, bool.
        public static final int HAS_RANK = 8;
        /// Vector of tables.
        public static final int VARIANT_TENSORS = 9;
        /// Id of an external buffer, u32.
        public static final int EXTERNAL_BUFFER = 10;

        private Tensor() {}
    }

    /// Bytes of constants.
    public static final class Buffer {
        /// Vector of u8, aligned to 16.
        public static final int DATA = 0;
        /// Where the bytes lie from the model's beginning on, u64; counts when above 1.
        public static final int OFFSET = 1;
        /// Number of those bytes, u64.
        public static final int SIZE = 2;

        private Buffer() {}
    }

    /// QuantizationParameters: what a tensor's codes mean.
    public static final class Quantization {
        /// Vector of f32.
        public static final int MIN = 0;
        /// Vector of f32.
        public static final int MAX = 1;
        /// Vector of f32.
        public static final int SCALE = 2;
        /// Vector of i64.
        public static final int ZERO_POINT = 3;
        /// Kind of the details, u8: one of [#CUSTOM], [#BLOCKWISE], [#MULTI_AXIS].
        public static final int DETAILS_TYPE = 4;
        /// Table.
        public static final int DETAILS = 5;
        /// i32: the dimension along which scales differ.
        public static final int QUANTIZED_DIMENSION = 6;
        /// Details of somebody else.
        public static final int CUSTOM = 1;
        /// [BlockwiseQuantization].
        public static final int BLOCKWISE = 2;
        /// MultiAxisQuantization.
        public static final int MULTI_AXIS = 3;

        private Quantization() {}
    }

    /// Scales for blocks of columns.
    public static final class BlockwiseQuantization {
        /// Index of a tensor with half precision scales, i32.
        public static final int SCALES = 0;
        /// Index of a tensor with zero points, i32; -1 for none.
        public static final int ZERO_POINTS = 1;
        /// Columns of a block, i32.
        public static final int BLOCK_SIZE = 2;

        private BlockwiseQuantization() {}
    }

    /// A step of a graph.
    public static final class Operator {
        /// Index among the model's operator codes, u32.
        public static final int OPCODE_INDEX = 0;
        /// Vector of i32: indices of tensors, -1 for one left out.
        public static final int INPUTS = 1;
        /// Vector of i32: indices of tensors.
        public static final int OUTPUTS = 2;
        /// Kind of the options, u8.
        public static final int BUILTIN_OPTIONS_TYPE = 3;
        /// Table.
        public static final int BUILTIN_OPTIONS = 4;
        /// Vector of u8.
        public static final int CUSTOM_OPTIONS = 5;
        /// i8.
        public static final int CUSTOM_OPTIONS_FORMAT = 6;
        /// Vector of bool.
        public static final int MUTATING_VARIABLE_INPUTS = 7;
        /// Vector of i32.
        public static final int INTERMEDIATES = 8;
        /// u64.
        public static final int LARGE_CUSTOM_OPTIONS_OFFSET = 9;
        /// u64.
        public static final int LARGE_CUSTOM_OPTIONS_SIZE = 10;
        /// Kind of the second options, u8.
        public static final int BUILTIN_OPTIONS_2_TYPE = 11;
        /// Table.
        public static final int BUILTIN_OPTIONS_2 = 12;
        /// i32, -1 unless stated.
        public static final int DEBUG_METADATA_INDEX = 13;

        private Operator() {}
    }

    /// A way in: a graph with names for its inputs and outputs.
    public static final class SignatureDef {
        /// Vector of [TensorMap].
        public static final int INPUTS = 0;
        /// Vector of [TensorMap].
        public static final int OUTPUTS = 1;
        /// String.
        public static final int SIGNATURE_KEY = 2;
        /// Index of the graph, u32.
        public static final int SUBGRAPH_INDEX = 4;

        private SignatureDef() {}
    }

    /// A name for a tensor.
    public static final class TensorMap {
        /// String.
        public static final int NAME = 0;
        /// Index of the tensor, u32.
        public static final int TENSOR_INDEX = 1;

        private TensorMap() {}
    }

    /// A named buffer.
    public static final class Metadata {
        /// String.
        public static final int NAME = 0;
        /// Index of the buffer, u32.
        public static final int BUFFER = 1;

        private Metadata() {}
    }

    /// A file of external buffers.
    public static final class ExternalBufferGroup {
        /// String.
        public static final int NAME = 0;

        private ExternalBufferGroup() {}
    }

    /// Bytes in another file or section.
    public static final class ExternalBuffer {
        /// u32, with bit 31 set.
        public static final int ID = 0;
        /// Index of the group, u32.
        public static final int GROUP = 1;
        /// u64.
        public static final int OFFSET = 2;
        /// u64.
        public static final int LENGTH = 3;
        /// String: `unpacked`.
        public static final int PACKING = 4;

        private ExternalBuffer() {}
    }
}
