package io.github.weighbridge.litert.tflite.write;

import io.github.weighbridge.litert.tflite.BuiltinOperator;
import io.github.weighbridge.litert.tflite.Schema;
import io.github.weighbridge.litert.tflite.TensorType;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// One graph of a model. Tensors are named by their index. For use by one thread.
public final class Subgraph {
    private static final int OPTIONAL_INPUT = -1;

    private final TfliteBuilder model;
    private final String name;
    private final List<Flat.Table> tensors = new ArrayList<>();
    private final List<Flat.Table> operators = new ArrayList<>();
    private final Map<ConstantTensor, Integer> constants = new IdentityHashMap<>();
    private final Map<String, Integer> inputs = new LinkedHashMap<>();
    private final Map<String, Integer> outputs = new LinkedHashMap<>();

    Subgraph(TfliteBuilder model, String name) {
        this.model = model;
        this.name = name;
    }

    /// Adds a tensor that is computed or handed in.
    ///
    /// @return its index
    public int tensor(String tensorName, TensorType type, List<Integer> shape, Optional<Quantization> quantization) {
        tensors.add(table(tensorName, type, shape, 0, quantization));
        return tensors.size() - 1;
    }

    /// The index of a constant here; it is added when it is first asked for.
    public int constant(ConstantTensor constant) {
        Integer known = constants.get(constant);
        if (known != null) {
            return known;
        }
        // Adds the tensor of blockwise scales, where there is one, before this.
        Flat.Table table =
                constant.quantization().filter(Quantization::isBlockwise).isPresent() ? own(constant) : model.shared(constant, this);
        tensors.add(table);
        constants.put(constant, tensors.size() - 1);
        return tensors.size() - 1;
    }

    Flat.Table own(ConstantTensor constant) {
        return table(constant.name(), constant.type(), constant.shape(), constant.buffer(), constant.quantization());
    }

    private Flat.Table table(String tensorName, TensorType type, List<Integer> shape, int buffer, Optional<Quantization> quantization) {
        Flat.Table table = new Flat.Table().ref(Schema.Tensor.SHAPE, model.ints(shape)).ref(Schema.Tensor.NAME, model.text(tensorName));
        if (type.code() != 0) {
            table.u8(Schema.Tensor.TYPE, type.code());
        }
        if (buffer != 0) {
            table.i32(Schema.Tensor.BUFFER, buffer);
        }
        if (shape.isEmpty()) {
            table.flag(Schema.Tensor.HAS_RANK, true);
        }
        quantization.ifPresent(q -> table.ref(Schema.Tensor.QUANTIZATION, q.table(this)));
        return table;
    }

    /// Names a tensor as one that is handed in.
    public void input(String signatureName, int tensor) {
        inputs.put(signatureName, tensor);
    }

    /// Names a tensor as a result.
    public void output(String signatureName, int tensor) {
        outputs.put(signatureName, tensor);
    }

    /// Adds a step.
    ///
    /// @param version the operator's version in the runtime's registry
    /// @param in indices of tensors; -1 for one left out
    /// @param out indices of tensors
    public void operator(BuiltinOperator operator, int version, List<Integer> in, List<Integer> out, Options options) {
        for (int tensor : in) {
            if (tensor != OPTIONAL_INPUT) {
                java.util.Objects.checkIndex(tensor, tensors.size());
            }
        }
        Flat.Table table = new Flat.Table().ref(Schema.Operator.INPUTS, model.ints(in)).ref(Schema.Operator.OUTPUTS, model.ints(out));
        int code = model.operatorCode(operator, version);
        if (code != 0) {
            table.i32(Schema.Operator.OPCODE_INDEX, code);
        }
        if (operator.optionsType() != 0) {
            table.u8(Schema.Operator.BUILTIN_OPTIONS_TYPE, operator.optionsType()).ref(Schema.Operator.BUILTIN_OPTIONS, options.table());
        }
        operators.add(table);
    }

    Flat.Table table() {
        return new Flat.Table().ref(Schema.SubGraph.TENSORS, new Flat.Refs(tensors))
                .ref(Schema.SubGraph.INPUTS, model.ints(List.copyOf(inputs.values())))
                .ref(Schema.SubGraph.OUTPUTS, model.ints(List.copyOf(outputs.values())))
                .ref(Schema.SubGraph.OPERATORS, new Flat.Refs(operators)).ref(Schema.SubGraph.NAME, new Flat.Text(name));
    }

    /// The way in by name.
    Flat.Table signature(String key, int index) {
        Flat.Table table = new Flat.Table().ref(Schema.SignatureDef.INPUTS, new Flat.Refs(maps(inputs)))
                .ref(Schema.SignatureDef.OUTPUTS, new Flat.Refs(maps(outputs))).ref(Schema.SignatureDef.SIGNATURE_KEY, new Flat.Text(key));
        return index == 0 ? table : table.i32(Schema.SignatureDef.SUBGRAPH_INDEX, index);
    }

    private List<Flat.Table> maps(Map<String, Integer> names) {
        List<Flat.Table> maps = new ArrayList<>();
        names.forEach((signatureName, tensor) -> {
            Flat.Table map = new Flat.Table().ref(Schema.TensorMap.NAME, model.text(signatureName));
            maps.add(tensor == 0 ? map : map.i32(Schema.TensorMap.TENSOR_INDEX, tensor));
        });
        return maps;
    }

    /// The key of its signature, which is also its name.
    String key() {
        return name;
    }
}
