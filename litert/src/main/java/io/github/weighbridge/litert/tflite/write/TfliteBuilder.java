package io.github.weighbridge.litert.tflite.write;

import io.github.weighbridge.litert.tflite.BuiltinOperator;
import io.github.weighbridge.litert.tflite.Schema;
import io.github.weighbridge.litert.tflite.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Builds a model of several graphs that share constants. Small constants are given as bytes; large ones leave a hole that who lays out the
/// file fills: their codes, and their scales, which lie inside the flatbuffer.
///
/// Calls in the same order give the same bytes. For use by one thread.
public final class TfliteBuilder {
    /// Where constants begin, inside or outside the flatbuffer: what delegates read in whole vectors.
    public static final int ALIGNMENT = 64;
    /// Bytes behind the last constant outside: delegates may read a vector past the end.
    private static final int TAIL = 64;
    private static final int INLINE_ALIGNMENT = 16;

    /// A constant whose bytes come later.
    private record Large(int hole, long length, Flat.Table table) {}

    private final List<Flat.Table> buffers = new ArrayList<>();
    private final List<Large> large = new ArrayList<>();
    private final Map<Blob, Integer> known = new HashMap<>();
    private final Map<OperatorVersion, Integer> operatorCodes = new HashMap<>();
    private final List<Flat.Table> operatorTables = new ArrayList<>();
    private final List<Subgraph> graphs = new ArrayList<>();
    private final List<Flat.Table> metadata = new ArrayList<>();
    private final Map<String, Flat.Text> texts = new HashMap<>();
    private final Map<List<Integer>, Flat.Data> vectors = new HashMap<>();
    private final Map<ConstantTensor, Flat.Table> shared = new IdentityHashMap<>();
    private final String description;
    private int holes;

    private record OperatorVersion(BuiltinOperator operator, int version) {}

    /// Bytes with equality.
    private record Blob(java.nio.ByteBuffer bytes) {}

    /// @param description what the model says of itself
    public TfliteBuilder(String description) {
        this.description = description;
        buffers.add(new Flat.Table());
    }

    /// A new number for bytes that are filled in later.
    public int hole() {
        return holes++;
    }

    /// A constant of bytes that are known.
    public ConstantTensor constant(String name, TensorType type, List<Integer> shape, byte[] bytes) {
        return new ConstantTensor(name, type, shape, buffer(bytes), Optional.empty());
    }

    /// A constant whose bytes are filled in later.
    ///
    /// @param length number of bytes
    /// @param hole from [#hole]
    public ConstantTensor constant(String name, TensorType type, List<Integer> shape, long length, int hole,
            Optional<Quantization> quantization) {
        Flat.Table table = new Flat.Table();
        buffers.add(table);
        large.add(new Large(hole, length, table));
        return new ConstantTensor(name, type, shape, buffers.size() - 1, quantization);
    }

    private int buffer(byte[] bytes) {
        return known.computeIfAbsent(new Blob(java.nio.ByteBuffer.wrap(bytes.clone())), blob -> {
            buffers.add(new Flat.Table().ref(Schema.Buffer.DATA, Flat.Data.of(blob.bytes().array(), 1, INLINE_ALIGNMENT)));
            return buffers.size() - 1;
        });
    }

    /// Adds a graph with a signature of the same name.
    public Subgraph graph(String key) {
        Subgraph graph = new Subgraph(this, key);
        graphs.add(graph);
        return graph;
    }

    /// Adds metadata.
    public void metadata(String name, byte[] bytes) {
        int buffer = buffer(bytes);
        metadata.add(new Flat.Table().ref(Schema.Metadata.NAME, new Flat.Text(name)).i32(Schema.Metadata.BUFFER, buffer));
    }

    int operatorCode(BuiltinOperator operator, int version) {
        return operatorCodes.computeIfAbsent(new OperatorVersion(operator, version), _ -> {
            Flat.Table table = new Flat.Table().u8(Schema.OperatorCode.DEPRECATED_BUILTIN_CODE, Math.min(operator.code(), Byte.MAX_VALUE))
                    .i32(Schema.OperatorCode.BUILTIN_CODE, operator.code());
            operatorTables.add(version == 1 ? table : table.i32(Schema.OperatorCode.VERSION, version));
            return operatorTables.size() - 1;
        });
    }

    Flat.Text text(String text) {
        return texts.computeIfAbsent(text, Flat.Text::new);
    }

    Flat.Data ints(List<Integer> values) {
        return vectors.computeIfAbsent(List.copyOf(values),
                list -> Flat.Data.ofInts(list.stream().mapToInt(Integer::intValue).toArray()));
    }

    /// The table of a constant, one for all graphs.
    Flat.Table shared(ConstantTensor constant, Subgraph graph) {
        Flat.Table table = shared.get(constant);
        if (table == null) {
            table = graph.own(constant);
            shared.put(constant, table);
        }
        return table;
    }

    /// Bytes that are filled in later, scales not counted.
    public long largeBytes() {
        return large.stream().mapToLong(Large::length).sum();
    }

    /// Lays the model out.
    ///
    /// @param outside whether the constants filled in later lie behind the flatbuffer, which a flatbuffer of more than 2 GiB demands
    /// @return all bytes of the model, in order
    /// @throws ArithmeticException when the flatbuffer passes 2 GiB
    public List<Part> build(boolean outside) {
        for (Large one : large) {
            if (outside) {
                // Written first as anything but the default, and set when the length of the flatbuffer is known.
                one.table().i64(Schema.Buffer.OFFSET, 1).i64(Schema.Buffer.SIZE, one.length());
            } else {
                one.table().ref(Schema.Buffer.DATA, new Flat.Data(one.length(), 1, ALIGNMENT, new Flat.Content.Hole(one.hole())));
            }
        }
        FlatWriter writer = new FlatWriter(root(), Schema.IDENTIFIER);
        List<Part> behind = new ArrayList<>();
        long at = writer.length();
        if (outside) {
            for (Large one : large) {
                long begin = (at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
                behind.add(new Part.Zeros(begin - at));
                behind.add(new Part.Hole(one.hole(), one.length()));
                one.table().set(Schema.Buffer.OFFSET, begin);
                at = Math.addExact(begin, one.length());
            }
            behind.add(new Part.Zeros(TAIL));
        }
        List<Part> all = new ArrayList<>(writer.render());
        all.addAll(behind);
        all.removeIf(part -> part.length() == 0);
        return all;
    }

    private Flat.Table root() {
        List<Flat.Table> signatures = new ArrayList<>();
        for (int i = 0; i < graphs.size(); i++) {
            signatures.add(graphs.get(i).signature(graphs.get(i).key(), i));
        }
        Flat.Table root = new Flat.Table().i32(Schema.Model.VERSION, Schema.VERSION)
                .ref(Schema.Model.OPERATOR_CODES, new Flat.Refs(operatorTables))
                .ref(Schema.Model.SUBGRAPHS, new Flat.Refs(graphs.stream().map(Subgraph::table).toList()))
                .ref(Schema.Model.DESCRIPTION, new Flat.Text(description)).ref(Schema.Model.BUFFERS, new Flat.Refs(buffers))
                .ref(Schema.Model.SIGNATURE_DEFS, new Flat.Refs(signatures));
        if (!metadata.isEmpty()) {
            root.ref(Schema.Model.METADATA, new Flat.Refs(metadata));
        }
        return root;
    }
}
