package io.github.weighbridge.litert.tflite;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.litert.file.flat.Allowance;
import io.github.weighbridge.litert.file.flat.FlatSource;
import io.github.weighbridge.litert.file.flat.FlatTable;
import io.github.weighbridge.litert.file.flat.FlatVector;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// Reads what a TFLite model consists of. Every offset, count, index and text is checked; nothing is read of constants. Models of any length are read
/// in little memory, also where constants lie behind 2 GiB.
///
/// Buffers of real models lie at multiples of 4 or 16 bytes; this reader asks for no alignment.
public final class TfliteReader {
    private static final int LEAST_BYTES = 8;
    private static final int TABLE = 4;
    private static final int INT = 4;
    private static final int MOST_OPERATORS = 2_000_000;
    private static final int MOST_OPERANDS = 65_536;
    private static final int TENSOR_BYTES = 256;
    private static final int OPERATOR_BYTES = 128;
    private static final int QUANTIZATION_BYTES = 160;
    private static final int SMALL_BYTES = 64;

    private final ByteSource source;
    private final long begin;
    private final FlatSource flat;
    private final Limits limits;
    private long tensors;
    private long operators;

    private TfliteReader(ByteSource source, long begin, long length, Allowance allowance) {
        this.source = source;
        this.begin = begin;
        this.flat = new FlatSource(source, begin, length, allowance);
        this.limits = allowance.limits();
    }

    /// Whether a range of a source begins like a model.
    public static boolean probe(ByteSource source, long begin, long length) throws IOException {
        return length >= LEAST_BYTES
                && new String(source.readBytes(begin + 4, 4), StandardCharsets.ISO_8859_1).equals(Schema.IDENTIFIER);
    }

    /// Reads a model that is bytes `begin` to `begin + length` of a source.
    ///
    /// @throws CheckpointFormatException when it is no model, or a bad one
    public static TfliteModel read(ByteSource source, long begin, long length, Limits limits) throws IOException {
        return read(source, begin, length, new Allowance(limits));
    }

    /// Reads a model that is one of several in a source.
    ///
    /// @param allowance memory that descriptions of all of them may take together
    /// @throws CheckpointFormatException when it is no model, or a bad one
    public static TfliteModel read(ByteSource source, long begin, long length, Allowance allowance) throws IOException {
        if (!probe(source, begin, length)) {
            throw CheckpointFormatException.malformed(source.name(), begin, "TFLite model",
                    length < LEAST_BYTES ? length + " bytes" : "another identifier at byte 4", Schema.IDENTIFIER);
        }
        return new TfliteReader(source, begin, length, allowance).model();
    }

    private TfliteModel model() throws IOException {
        FlatTable model = flat.root("Model");
        long version = model.u32(Schema.Model.VERSION);
        if (version != Schema.VERSION) {
            throw CheckpointFormatException.unsupported(source.name(), begin + model.position(), "schema version", version,
                    Integer.toString(Schema.VERSION));
        }
        List<TfliteModel.OperatorCode> codes = operatorCodes(model.vector(Schema.Model.OPERATOR_CODES, TABLE, "operator_codes"));
        List<TfliteModel.Buffer> buffers = buffers(model.vector(Schema.Model.BUFFERS, TABLE, "buffers"));
        List<TfliteModel.External> externals = externals(model);
        List<TfliteModel.Subgraph> subgraphs = new ArrayList<>();
        FlatVector graphs = model.vector(Schema.Model.SUBGRAPHS, TABLE, "subgraphs");
        int count = graphs.countUpTo(limits.keys(), "Limits.keys");
        for (int i = 0; i < count; i++) {
            subgraphs.add(subgraph(graphs.table(i, "SubGraph"), codes.size(), buffers.size()));
        }
        List<TfliteModel.Signature> signatures = signatures(model.vector(Schema.Model.SIGNATURE_DEFS, TABLE, "signature_defs"), subgraphs);
        List<TfliteModel.Metadata> metadata = metadata(model.vector(Schema.Model.METADATA, TABLE, "metadata"), buffers.size());
        return new TfliteModel(flat.length(), model.text(Schema.Model.DESCRIPTION, "description").orElse(""), codes, buffers, subgraphs,
                signatures, metadata, externals);
    }

    private List<TfliteModel.OperatorCode> operatorCodes(FlatVector vector) throws IOException {
        int count = vector.countUpTo(limits.keys(), "Limits.keys");
        List<TfliteModel.OperatorCode> codes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            FlatTable table = vector.table(i, "OperatorCode");
            flat.charge(SMALL_BYTES, table.position(), "OperatorCode");
            int code = Math.max(table.i8(Schema.OperatorCode.DEPRECATED_BUILTIN_CODE), table.i32(Schema.OperatorCode.BUILTIN_CODE, 0));
            String custom = table.name(Schema.OperatorCode.CUSTOM_CODE, "custom_code").orElse("");
            codes.add(new TfliteModel.OperatorCode(code, custom, table.i32(Schema.OperatorCode.VERSION, 1)));
        }
        return codes;
    }

    private List<TfliteModel.Buffer> buffers(FlatVector vector) throws IOException {
        int count = vector.countUpTo(limits.tensors(), "Limits.tensors");
        List<TfliteModel.Buffer> buffers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            FlatTable table = vector.table(i, "Buffer");
            flat.charge(SMALL_BYTES, table.position(), "Buffer");
            FlatVector data = table.vector(Schema.Buffer.DATA, 1, "Buffer.data");
            long offset = table.i64(Schema.Buffer.OFFSET);
            long size = table.i64(Schema.Buffer.SIZE);
            if (data.count() > 0) {
                buffers.add(new TfliteModel.Buffer(TfliteModel.Place.INLINE, data.position(), data.count()));
            } else if (offset == 0 || offset == 1 || size == 0) {
                // 1 is what converters write where a place is still to be filled in.
                buffers.add(TfliteModel.Buffer.NONE);
            } else if (offset < 0 || size < 0 || offset > flat.length() || size > flat.length() - offset) {
                throw flat.malformed(table.position(), "buffer " + i,
                        Long.toUnsignedString(size) + " bytes at " + Long.toUnsignedString(offset),
                        "a range within the " + flat.length() + " bytes of the model");
            } else {
                buffers.add(new TfliteModel.Buffer(TfliteModel.Place.OUTSIDE, offset, size));
            }
        }
        return buffers;
    }

    private List<TfliteModel.External> externals(FlatTable model) throws IOException {
        FlatVector groups = model.vector(Schema.Model.EXTERNAL_BUFFER_GROUPS, TABLE, "external_buffer_groups");
        int groupCount = groups.countUpTo(limits.keys(), "Limits.keys");
        List<String> names = new ArrayList<>();
        for (int i = 0; i < groupCount; i++) {
            FlatTable group = groups.table(i, "ExternalBufferGroup");
            flat.charge(SMALL_BYTES, group.position(), "ExternalBufferGroup");
            names.add(group.name(Schema.ExternalBufferGroup.NAME, "name of a group").orElse(""));
        }
        FlatVector vector = model.vector(Schema.Model.EXTERNAL_BUFFERS, TABLE, "external_buffers");
        int count = vector.countUpTo(limits.tensors(), "Limits.tensors");
        List<TfliteModel.External> externals = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            FlatTable table = vector.table(i, "ExternalBuffer");
            flat.charge(SMALL_BYTES, table.position(), "ExternalBuffer");
            long group = table.u32(Schema.ExternalBuffer.GROUP);
            long offset = table.i64(Schema.ExternalBuffer.OFFSET);
            long length = table.i64(Schema.ExternalBuffer.LENGTH);
            if (group >= names.size() || offset < 0 || length < 0 || offset + length < 0) {
                throw flat.malformed(table.position(), "external buffer " + i, "group " + group + ", "
                        + Long.toUnsignedString(length) + " bytes at " + Long.toUnsignedString(offset),
                        "one of " + names.size() + " groups, and a range");
            }
            externals.add(new TfliteModel.External(table.u32(Schema.ExternalBuffer.ID), names.get((int) group), offset, length,
                    table.name(Schema.ExternalBuffer.PACKING, "packing").orElse("")));
        }
        return externals;
    }

    private TfliteModel.Subgraph subgraph(FlatTable table, int codes, int buffers) throws IOException {
        flat.charge(SMALL_BYTES, table.position(), "SubGraph");
        FlatVector vector = table.vector(Schema.SubGraph.TENSORS, TABLE, "tensors");
        tensors += vector.count();
        if (tensors > limits.tensors()) {
            throw flat.limit(vector.position() - 4, "tensors", tensors + " of them", "at most " + limits.tensors() + " (Limits.tensors)");
        }
        List<TfliteModel.Tensor> list = new ArrayList<>();
        for (long i = 0; i < vector.count(); i++) {
            list.add(tensor(vector.table(i, "Tensor"), buffers, vector.count()));
        }
        FlatVector steps = table.vector(Schema.SubGraph.OPERATORS, TABLE, "operators");
        operators += steps.count();
        if (operators > MOST_OPERATORS) {
            throw flat.limit(steps.position() - 4, "operators", operators + " of them", "at most " + MOST_OPERATORS);
        }
        List<TfliteModel.Operator> operatorList = new ArrayList<>();
        for (long i = 0; i < steps.count(); i++) {
            operatorList.add(operator(steps.table(i, "Operator"), codes, list.size()));
        }
        Indices inputs = indices(table.vector(Schema.SubGraph.INPUTS, INT, "inputs of a graph"), -1, list.size());
        Indices outputs = indices(table.vector(Schema.SubGraph.OUTPUTS, INT, "outputs of a graph"), -1, list.size());
        return new TfliteModel.Subgraph(table.name(Schema.SubGraph.NAME, "name of a graph").orElse(""), list, inputs, outputs,
                operatorList);
    }

    private TfliteModel.Tensor tensor(FlatTable table, int buffers, long tensorCount) throws IOException {
        flat.charge(TENSOR_BYTES, table.position(), "Tensor");
        String name = table.name(Schema.Tensor.NAME, "name of a tensor").orElse("");
        long buffer = table.u32(Schema.Tensor.BUFFER);
        if (buffer != 0 && buffer >= buffers) {
            throw flat.malformed(table.position(), "buffer of tensor \"" + name + "\"", buffer, "less than " + buffers);
        }
        Indices dimensions = numbers(table.vector(Schema.Tensor.SHAPE, INT, "shape"), limits.dimensions(), "Limits.dimensions");
        Indices changing = numbers(table.vector(Schema.Tensor.SHAPE_SIGNATURE, INT, "shape_signature"), limits.dimensions(),
                "Limits.dimensions");
        Optional<FlatTable> quantization = table.table(Schema.Tensor.QUANTIZATION, "QuantizationParameters");
        Optional<TfliteModel.Quantization> meaning =
                quantization.isPresent() ? quantization(quantization.get(), tensorCount) : Optional.empty();
        return new TfliteModel.Tensor(name, table.i8(Schema.Tensor.TYPE), dimensions, changing, (int) buffer,
                table.u32(Schema.Tensor.EXTERNAL_BUFFER), table.u8(Schema.Tensor.IS_VARIABLE) != 0,
                table.table(Schema.Tensor.SPARSITY, "SparsityParameters").isPresent(), meaning);
    }

    /// Converters leave empty parameters beside tensors that have none.
    private Optional<TfliteModel.Quantization> quantization(FlatTable table, long tensorCount) throws IOException {
        flat.charge(QUANTIZATION_BYTES, table.position(), "QuantizationParameters");
        FlatVector scales = table.vector(Schema.Quantization.SCALE, 4, "scale");
        FlatVector zeroPoints = table.vector(Schema.Quantization.ZERO_POINT, 8, "zero_point");
        TfliteModel.Details details = details(table, tensorCount);
        if (scales.count() == 0 && details instanceof TfliteModel.Details.None) {
            return Optional.empty();
        }
        return Optional.of(new TfliteModel.Quantization(new TfliteModel.Numbers(scales.position(), scales.count()),
                new TfliteModel.Numbers(zeroPoints.position(), zeroPoints.count()),
                scales.count() == 1 ? OptionalDouble.of(scales.f32(0)) : OptionalDouble.empty(),
                table.i32(Schema.Quantization.QUANTIZED_DIMENSION, 0), details));
    }

    private TfliteModel.Details details(FlatTable table, long tensorCount) throws IOException {
        int kind = table.u8(Schema.Quantization.DETAILS_TYPE);
        if (kind == 0) {
            return new TfliteModel.Details.None();
        }
        FlatTable details = table.need(Schema.Quantization.DETAILS, "details of a quantization");
        if (kind != Schema.Quantization.BLOCKWISE) {
            return new TfliteModel.Details.Other(kind);
        }
        int scales = details.i32(Schema.BlockwiseQuantization.SCALES, 0);
        int zeroPoints = details.i32(Schema.BlockwiseQuantization.ZERO_POINTS, 0);
        int blockSize = details.i32(Schema.BlockwiseQuantization.BLOCK_SIZE, 0);
        if (scales < 0 || scales >= tensorCount || zeroPoints >= tensorCount || blockSize <= 0) {
            throw flat.malformed(details.position(), "BlockwiseQuantization",
                    "blocks of " + blockSize + ", scales in tensor " + scales + ", zero points in tensor " + zeroPoints,
                    "a block of at least 1, and tensors below " + tensorCount);
        }
        return new TfliteModel.Details.Blockwise(scales, zeroPoints, blockSize);
    }

    private TfliteModel.Operator operator(FlatTable table, int codes, int tensorCount) throws IOException {
        flat.charge(OPERATOR_BYTES, table.position(), "Operator");
        long code = table.u32(Schema.Operator.OPCODE_INDEX);
        if (code >= codes) {
            throw flat.malformed(table.position(), "opcode_index", code, "less than " + codes);
        }
        return new TfliteModel.Operator((int) code,
                indices(table.vector(Schema.Operator.INPUTS, INT, "inputs of an operator"), -1, tensorCount),
                indices(table.vector(Schema.Operator.OUTPUTS, INT, "outputs of an operator"), -1, tensorCount));
    }

    private List<TfliteModel.Signature> signatures(FlatVector vector, List<TfliteModel.Subgraph> subgraphs) throws IOException {
        int count = vector.countUpTo(limits.keys(), "Limits.keys");
        List<TfliteModel.Signature> signatures = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            FlatTable table = vector.table(i, "SignatureDef");
            flat.charge(SMALL_BYTES, table.position(), "SignatureDef");
            long subgraph = table.u32(Schema.SignatureDef.SUBGRAPH_INDEX);
            if (subgraph >= subgraphs.size()) {
                throw flat.malformed(table.position(), "subgraph_index", subgraph, "less than " + subgraphs.size());
            }
            int tensorCount = subgraphs.get((int) subgraph).tensors().size();
            signatures.add(
                    new TfliteModel.Signature(table.name(Schema.SignatureDef.SIGNATURE_KEY, "signature_key").orElse(""), (int) subgraph,
                            named(table.vector(Schema.SignatureDef.INPUTS, TABLE, "inputs of a signature"), tensorCount),
                            named(table.vector(Schema.SignatureDef.OUTPUTS, TABLE, "outputs of a signature"), tensorCount)));
        }
        return signatures;
    }

    private List<TfliteModel.Named> named(FlatVector vector, int tensorCount) throws IOException {
        int count = vector.countUpTo(MOST_OPERANDS, "tensors of a signature");
        List<TfliteModel.Named> named = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            FlatTable table = vector.table(i, "TensorMap");
            flat.charge(SMALL_BYTES, table.position(), "TensorMap");
            long tensor = table.u32(Schema.TensorMap.TENSOR_INDEX);
            if (tensor >= tensorCount) {
                throw flat.malformed(table.position(), "tensor_index", tensor, "less than " + tensorCount);
            }
            named.add(new TfliteModel.Named(table.name(Schema.TensorMap.NAME, "name in a signature").orElse(""), (int) tensor));
        }
        return named;
    }

    private List<TfliteModel.Metadata> metadata(FlatVector vector, int buffers) throws IOException {
        int count = vector.countUpTo(limits.keys(), "Limits.keys");
        List<TfliteModel.Metadata> metadata = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            FlatTable table = vector.table(i, "Metadata");
            flat.charge(SMALL_BYTES, table.position(), "Metadata");
            long buffer = table.u32(Schema.Metadata.BUFFER);
            if (buffer >= buffers) {
                throw flat.malformed(table.position(), "buffer of metadata", buffer, "less than " + buffers);
            }
            metadata.add(new TfliteModel.Metadata(table.name(Schema.Metadata.NAME, "name of metadata").orElse(""), (int) buffer));
        }
        return metadata;
    }

    private Indices numbers(FlatVector vector, int most, String setting) throws IOException {
        int count = vector.countUpTo(most, setting);
        flat.charge(4L * count, vector.position(), "numbers");
        int[] numbers = new int[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = vector.i32(i);
        }
        return Indices.of(numbers);
    }

    private Indices indices(FlatVector vector, int least, int most) throws IOException {
        Indices indices = numbers(vector, MOST_OPERANDS, "tensors of a step");
        for (int i = 0; i < indices.size(); i++) {
            if (indices.get(i) < least || indices.get(i) >= most) {
                throw flat.malformed(vector.position() + 4L * i, "index of a tensor", indices.get(i), least + " to " + (most - 1));
            }
        }
        return indices;
    }
}
