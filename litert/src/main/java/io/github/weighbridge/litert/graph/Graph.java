package io.github.weighbridge.litert.graph;

import io.github.weighbridge.litert.tflite.BuiltinOperator;
import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import io.github.weighbridge.litert.tflite.write.Options;
import io.github.weighbridge.litert.tflite.write.Quantization;
import io.github.weighbridge.litert.tflite.write.Subgraph;
import io.github.weighbridge.litert.tflite.write.TfliteBuilder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// One graph of a model, built operator by operator. Shapes follow from the inputs' and are checked when an operator is added, so that a mistake
/// shows here and not in the runtime. For use by one thread.
///
/// Operator versions are the lowest that have what is used, of LiteRT 2.21's registry (`tflite/converter/tools/versioning/op_version.cc`).
public final class Graph {
    private static final int LEFT_OUT = -1;

    private final TfliteBuilder model;
    private final Subgraph subgraph;
    private final Map<String, ConstantTensor> constants;
    private final Map<String, Integer> names = new HashMap<>();
    private final Map<ConstantTensor, Tensor> widened = new IdentityHashMap<>();
    private String scope = "";

    private Graph(TfliteBuilder model, Subgraph subgraph, Map<String, ConstantTensor> constants) {
        this.model = model;
        this.subgraph = subgraph;
        this.constants = constants;
    }

    /// Graphs of one model: they share the small constants that operators need.
    public static final class Model {
        private final TfliteBuilder builder;
        private final Map<String, ConstantTensor> constants = new HashMap<>();

        /// @param builder where graphs go
        public Model(TfliteBuilder builder) {
            this.builder = builder;
        }

        /// Adds a graph with a signature.
        public Graph graph(String key) {
            return new Graph(builder, builder.graph(key), constants);
        }
    }

    /// What the names of the following tensors begin with.
    public void scope(String words) {
        scope = words;
    }

    /// A tensor that is handed in.
    public Tensor input(String name, TensorType type, List<Integer> shape) {
        return input(name, type, shape, Optional.empty());
    }

    /// A tensor that is handed in, as codes.
    public Tensor input(String name, TensorType type, List<Integer> shape, Optional<Quantization> quantization) {
        Tensor tensor = new Tensor(subgraph.tensor(name, type, shape, quantization), type, shape);
        subgraph.input(name, tensor.index());
        return tensor;
    }

    /// Makes a tensor a result.
    public void output(String name, Tensor tensor) {
        subgraph.output(name, tensor.index());
    }

    /// A constant of the model.
    public Tensor constant(ConstantTensor constant) {
        return new Tensor(subgraph.constant(constant), constant.type(), constant.shape());
    }

    /// A constant as single precision numbers. The delegate widens constants of half precision when it is built, not when the graph runs.
    private Tensor numbers(ConstantTensor constant) {
        return constant.type() == TensorType.FLOAT16 ? widened.computeIfAbsent(constant, half -> widen(constant(half)))
                : constant(constant);
    }

    /// Half precision numbers, or bfloat16 ones, as single precision ones.
    private Tensor widen(Tensor a) {
        return switch (a.type()) {
            case FLOAT16 -> apply(BuiltinOperator.DEQUANTIZE, 3, List.of(a), TensorType.FLOAT32, a.shape(), Options.none());
            // DEQUANTIZE does not take them.
            case BFLOAT16 -> apply(BuiltinOperator.CAST, 7, List.of(a), TensorType.FLOAT32, a.shape(),
                    Options.none().u8(0, TensorType.BFLOAT16.code()).u8(1, TensorType.FLOAT32.code()));
            default -> a;
        };
    }

    /// Whole numbers, as operators take their parameters.
    public Tensor whole(List<Integer> values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.size()).order(ByteOrder.LITTLE_ENDIAN);
        values.forEach(bytes::putInt);
        return small("i32" + values, TensorType.INT32, List.of(values.size()), bytes.array());
    }

    /// Whole numbers of any shape.
    public Tensor whole(List<Integer> values, List<Integer> shape) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.size()).order(ByteOrder.LITTLE_ENDIAN);
        values.forEach(bytes::putInt);
        return small("i32/" + shape + "/" + values.hashCode() + "/" + values.size(), TensorType.INT32, shape, bytes.array());
    }

    /// A number, as a scalar.
    public Tensor number(float value) {
        return numbers(List.of(), value);
    }

    /// Numbers of a shape.
    public Tensor numbers(List<Integer> shape, float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return small("f32/" + shape + "/" + java.util.Arrays.hashCode(values) + "/" + values.length, TensorType.FLOAT32, shape,
                bytes.array());
    }

    private Tensor small(String name, TensorType type, List<Integer> shape, byte[] bytes) {
        // The digest in a name may be that of other numbers.
        String unique = name;
        for (int i = 1;; i++) {
            ConstantTensor known = constants.get(unique);
            if (known == null) {
                ConstantTensor made = model.constant(unique, type, shape, bytes);
                constants.put(unique, made);
                return constant(made);
            }
            if (known.buffer() == model.constant(unique, type, shape, bytes).buffer()) {
                return constant(known);
            }
            unique = name + "/" + i;
        }
    }

    private Tensor made(String what, TensorType type, List<Integer> shape, Optional<Quantization> quantization) {
        String name = scope + what;
        int count = names.merge(name, 1, Integer::sum);
        return new Tensor(subgraph.tensor(count == 1 ? name : name + "_" + count, type, shape, quantization), type, shape);
    }

    Tensor apply(BuiltinOperator operator, int version, List<Tensor> in, TensorType type, List<Integer> shape, Options options) {
        return apply(operator, version, in, made(operator.name().toLowerCase(java.util.Locale.ROOT), type, shape, Optional.empty()),
                options);
    }

    private Tensor apply(BuiltinOperator operator, int version, List<Tensor> in, Tensor out, Options options) {
        subgraph.operator(operator, version, in.stream().map(Tensor::index).toList(), List.of(out.index()), options);
        return out;
    }

    static void check(boolean condition, String operator, Tensor... tensors) {
        if (!condition) {
            throw new IllegalArgumentException(operator + " of " + List.of(tensors));
        }
    }

    /// The shape of two tensors that broadcast.
    private static List<Integer> broadcast(String operator, Tensor a, Tensor b) {
        int rank = Math.max(a.rank(), b.rank());
        List<Integer> shape = new ArrayList<>();
        for (int axis = 0; axis < rank; axis++) {
            int x = axis < rank - a.rank() ? 1 : a.dimension(axis - rank);
            int y = axis < rank - b.rank() ? 1 : b.dimension(axis - rank);
            check(x == y || x == 1 || y == 1, operator, a, b);
            shape.add(Math.max(x, y));
        }
        return shape;
    }

    private Tensor pairwise(BuiltinOperator operator, Tensor a, Tensor b) {
        check(a.type() == b.type(), operator.name(), a, b);
        return apply(operator, 1, List.of(a, b), a.type(), broadcast(operator.name(), a, b), Options.none());
    }

    /// Sum.
    public Tensor add(Tensor a, Tensor b) {
        return pairwise(BuiltinOperator.ADD, a, b);
    }

    /// Difference.
    public Tensor subtract(Tensor a, Tensor b) {
        return pairwise(BuiltinOperator.SUB, a, b);
    }

    /// Product.
    public Tensor multiply(Tensor a, Tensor b) {
        return pairwise(BuiltinOperator.MUL, a, b);
    }

    /// Product with a number.
    public Tensor multiply(Tensor a, float factor) {
        return factor == 1 ? a : multiply(a, number(factor));
    }

    /// The greater of two numbers.
    public Tensor maximum(Tensor a, Tensor b) {
        return pairwise(BuiltinOperator.MAXIMUM, a, b);
    }

    /// The lesser of two numbers.
    public Tensor minimum(Tensor a, Tensor b) {
        return pairwise(BuiltinOperator.MINIMUM, a, b);
    }

    private Tensor each(BuiltinOperator operator, Tensor a, Options options) {
        check(a.type() == TensorType.FLOAT32, operator.name(), a);
        return apply(operator, 1, List.of(a), a.type(), a.shape(), options);
    }

    /// 1 / sqrt(x).
    public Tensor reciprocalRoot(Tensor a) {
        return each(BuiltinOperator.RSQRT, a, Options.none());
    }

    /// Cosine.
    public Tensor cosine(Tensor a) {
        return each(BuiltinOperator.COS, a, Options.none());
    }

    /// Sine.
    public Tensor sine(Tensor a) {
        return each(BuiltinOperator.SIN, a, Options.none());
    }

    /// Hyperbolic tangent.
    public Tensor tanh(Tensor a) {
        return each(BuiltinOperator.TANH, a, Options.none());
    }

    /// 1 / (1 + exp(-x)).
    public Tensor logistic(Tensor a) {
        return each(BuiltinOperator.LOGISTIC, a, Options.none());
    }

    /// Exponential.
    public Tensor exponential(Tensor a) {
        return each(BuiltinOperator.EXP, a, Options.none());
    }

    /// Natural logarithm.
    public Tensor logarithm(Tensor a) {
        return each(BuiltinOperator.LOG, a, Options.none());
    }

    /// The greatest whole number that is not above.
    public Tensor floor(Tensor a) {
        return each(BuiltinOperator.FLOOR, a, Options.none());
    }

    /// The number without its sign.
    public Tensor magnitude(Tensor a) {
        return each(BuiltinOperator.ABS, a, Options.none());
    }

    /// GELU in the form with a hyperbolic tangent.
    public Tensor gelu(Tensor a) {
        return each(BuiltinOperator.GELU, a, Options.none().flag(0, true));
    }

    /// Exponentials over the last axis that sum to 1.
    public Tensor softmax(Tensor a) {
        return each(BuiltinOperator.SOFTMAX, a, Options.none().f32(0, 1));
    }

    /// Mean over the last axis, which stays with one index.
    public Tensor mean(Tensor a) {
        return reduce(BuiltinOperator.MEAN, a);
    }

    /// The greatest along the last axis, which stays with one index.
    public Tensor greatest(Tensor a) {
        return reduce(BuiltinOperator.REDUCE_MAX, a);
    }

    private Tensor reduce(BuiltinOperator operator, Tensor a) {
        List<Integer> shape = new ArrayList<>(a.shape());
        shape.set(a.rank() - 1, 1);
        return apply(operator, 1, List.of(a, whole(List.of(a.rank() - 1))), a.type(), shape, Options.none().flag(0, true));
    }

    /// The same numbers in another shape.
    public Tensor reshape(Tensor a, List<Integer> shape) {
        if (a.shape().equals(shape)) {
            return a;
        }
        check(new Tensor(0, a.type(), shape).elements() == a.elements(), "RESHAPE to " + shape, a);
        return apply(BuiltinOperator.RESHAPE, 1, List.of(a, whole(shape)), a.type(), shape, Options.none());
    }

    /// Axes in another order: axis `i` of the result is axis `order[i]` of the original.
    public Tensor transpose(Tensor a, List<Integer> order) {
        List<Integer> shape = order.stream().map(a::dimension).toList();
        return apply(BuiltinOperator.TRANSPOSE, 1, List.of(a, whole(order)), a.type(), shape, Options.none());
    }

    /// Indices `begin` to `end - 1` of an axis.
    public Tensor slice(Tensor a, int axis, int begin, int end) {
        check(begin >= 0 && begin < end && end <= a.dimension(axis), "SLICE " + begin + " to " + end, a);
        if (begin == 0 && end == a.dimension(axis)) {
            return a;
        }
        List<Integer> begins = new ArrayList<>(java.util.Collections.nCopies(a.rank(), 0));
        List<Integer> sizes = new ArrayList<>(a.shape());
        begins.set(axis, begin);
        sizes.set(axis, end - begin);
        return apply(BuiltinOperator.SLICE, 1, List.of(a, whole(begins), whole(sizes)), a.type(), sizes, Options.none());
    }

    /// Tensors one behind the other along an axis.
    public Tensor concat(int axis, List<Tensor> parts) {
        if (parts.size() == 1) {
            return parts.getFirst();
        }
        List<Integer> shape = new ArrayList<>(parts.getFirst().shape());
        shape.set(axis, 0);
        for (Tensor part : parts) {
            check(part.rank() == shape.size() && part.type() == parts.getFirst().type(), "CONCATENATION", part);
            shape.set(axis, shape.get(axis) + part.dimension(axis));
        }
        return apply(BuiltinOperator.CONCATENATION, 1, parts, parts.getFirst().type(), shape, Options.none().i32(0, axis));
    }

    /// Whole numbers as single precision ones; truth values as 1 and 0.
    public Tensor toFloat(Tensor a) {
        check(a.type() == TensorType.INT32 || a.type() == TensorType.BOOL, "CAST", a);
        return apply(BuiltinOperator.CAST, 1, List.of(a), TensorType.FLOAT32, a.shape(),
                Options.none().u8(0, a.type().code()).u8(1, TensorType.FLOAT32.code()));
    }

    /// Whether greater.
    public Tensor greater(Tensor a, Tensor b) {
        return apply(BuiltinOperator.GREATER, 1, List.of(a, b), TensorType.BOOL, broadcast("GREATER", a, b), Options.none());
    }

    /// `yes` where the condition holds, `no` where not.
    public Tensor select(Tensor condition, Tensor yes, Tensor no) {
        check(condition.type() == TensorType.BOOL && yes.type() == no.type(), "SELECT_V2", condition, yes, no);
        return apply(BuiltinOperator.SELECT_V2, 1, List.of(condition, yes, no), yes.type(),
                broadcast("SELECT_V2", new Tensor(0, yes.type(), broadcast("SELECT_V2", condition, yes)), no), Options.none());
    }

    /// Products of matrices: rows of `a` with rows of `b`.
    public Tensor multiplyRows(Tensor a, Tensor b) {
        check(a.rank() == b.rank() && a.dimension(-1) == b.dimension(-1) && a.type() == b.type(), "BATCH_MATMUL", a, b);
        List<Integer> shape = new ArrayList<>(a.shape());
        shape.set(a.rank() - 1, b.dimension(-2));
        return apply(BuiltinOperator.BATCH_MATMUL, 1, List.of(a, b), a.type(), shape, Options.none().flag(1, true));
    }

    /// Products of matrices: rows of `a` with columns of `b`.
    public Tensor multiplyColumns(Tensor a, Tensor b) {
        check(a.rank() == b.rank() && a.dimension(-1) == b.dimension(-2) && a.type() == b.type(), "BATCH_MATMUL", a, b);
        List<Integer> shape = new ArrayList<>(a.shape());
        shape.set(a.rank() - 1, b.dimension(-1));
        return apply(BuiltinOperator.BATCH_MATMUL, 1, List.of(a, b), a.type(), shape, Options.none());
    }

    /// Numbers into codes of 8 bits.
    ///
    /// @param name of the tensor, by which its scale can be found again
    public Tensor quantize(Tensor a, String name, Quantization quantization) {
        check(a.type() == TensorType.FLOAT32, "QUANTIZE", a);
        Tensor out = new Tensor(subgraph.tensor(name, TensorType.INT8, a.shape(), Optional.of(quantization)), TensorType.INT8, a.shape());
        return apply(BuiltinOperator.QUANTIZE, 1, List.of(a), out, Options.none());
    }

    /// Codes of 8 bits into numbers.
    public Tensor dequantize(Tensor a) {
        check(a.type() == TensorType.INT8, "DEQUANTIZE", a);
        return apply(BuiltinOperator.DEQUANTIZE, 2, List.of(a), TensorType.FLOAT32, a.shape(), Options.none());
    }

    /// Product of the last axis with each row of a weight, in single precision.
    public Tensor fullyConnected(Tensor x, ConstantTensor weight) {
        return connect(x, weight, made("fully_connected", TensorType.FLOAT32, connected(x, weight), Optional.empty()));
    }

    /// Product of codes with each row of a weight of codes, as codes.
    ///
    /// @param name of the result, by which its scale can be found again
    public Tensor fullyConnected(Tensor x, ConstantTensor weight, String name, Quantization quantization) {
        check(x.type() == TensorType.INT8, "FULLY_CONNECTED", x);
        List<Integer> shape = connected(x, weight);
        return connect(x, weight,
                new Tensor(subgraph.tensor(name, TensorType.INT8, shape, Optional.of(quantization)), TensorType.INT8, shape));
    }

    /// A product with a weight. Where the checkpoint has static activations they are rounded and clamped as in training: in codes where the weight
    /// is codes by rows, else in numbers.
    ///
    /// @param entering the static scale of `x`
    /// @param leaving the static scale of the result
    public Tensor product(Tensor x, ConstantTensor weight, Optional<DecoderWeights.Static> entering,
            Optional<DecoderWeights.Static> leaving) {
        Optional<Tensor> codes = entering.map(scale -> quantize(x, scale.name(), scale.quantization()));
        boolean whole = weight.type() == TensorType.INT8 || weight.type() == TensorType.INT4 || weight.type() == TensorType.INT2;
        if (codes.isPresent() && leaving.isPresent() && whole && weight.quantization().filter(q -> !q.isBlockwise()).isPresent()) {
            return dequantize(fullyConnected(codes.get(), weight, leaving.get().name(), leaving.get().quantization()));
        }
        Tensor result = fullyConnected(codes.isPresent() ? dequantize(codes.get()) : x, weight);
        return leaving.isPresent() ? dequantize(quantize(result, leaving.get().name(), leaving.get().quantization())) : result;
    }

    private static List<Integer> connected(Tensor x, ConstantTensor weight) {
        List<Integer> shape = new ArrayList<>(x.shape());
        if (weight.shape().size() != 2 || !weight.shape().get(1).equals(x.dimension(-1))) {
            throw new IllegalArgumentException("FULLY_CONNECTED of " + x + " with " + weight.name() + " " + weight.shape());
        }
        shape.set(x.rank() - 1, weight.shape().getFirst());
        return shape;
    }

    private Tensor connect(Tensor x, ConstantTensor weight, Tensor out) {
        boolean hybrid = x.type() == TensorType.FLOAT32;
        int version = switch (weight.type()) {
            case INT2 -> 14;
            case INT4 -> hybrid ? 12 : 10;
            case INT8 -> hybrid ? 12 : 5;
            default -> 5;
        };
        subgraph.operator(BuiltinOperator.FULLY_CONNECTED, version, List.of(x.index(), numbers(weight).index(), LEFT_OUT),
                List.of(out.index()), Options.none().flag(2, true));
        return out;
    }

    /// Rows of a table, in single precision. Numbers of 16 bits are widened behind the lookup: before it, the whole table would be.
    ///
    /// @param ids whole numbers `[n]`
    public Tensor lookup(Tensor ids, ConstantTensor table) {
        check(ids.type() == TensorType.INT32 && ids.rank() == 1 && table.shape().size() == 2, "EMBEDDING_LOOKUP", ids);
        int version = switch (table.type()) {
            case INT2 -> 5;
            case INT4 -> 4;
            case INT8 -> 3;
            default -> 1;
        };
        TensorType type = table.type() == TensorType.FLOAT16 || table.type() == TensorType.BFLOAT16 ? table.type() : TensorType.FLOAT32;
        return widen(apply(BuiltinOperator.EMBEDDING_LOOKUP, version, List.of(ids, constant(table)), type,
                List.of(ids.dimension(0), table.shape().get(1)), Options.none()));
    }

    /// Rows of several tables, from each those of its own list.
    ///
    /// @param tables numbers `[tables, rows, width]`
    /// @param ids whole numbers `[tables, n]`
    /// @return `[tables, n, width]`
    public Tensor gather(Tensor tables, Tensor ids) {
        check(tables.type() == TensorType.FLOAT32 && ids.type() == TensorType.INT32 && tables.rank() == 3 && ids.rank() == 2
                && tables.dimension(0) == ids.dimension(0), "GATHER", tables, ids);
        return apply(BuiltinOperator.GATHER, 5, List.of(tables, ids), tables.type(),
                List.of(tables.dimension(0), ids.dimension(1), tables.dimension(2)), Options.none().i32(0, 1).i32(1, 1));
    }

    /// A tensor with a part of it replaced.
    ///
    /// @param starts whole numbers, one for each axis
    public Tensor update(Tensor of, Tensor part, Tensor starts, String name, Optional<Quantization> quantization) {
        check(of.type() == part.type() && of.rank() == part.rank() && starts.dimension(0) == of.rank(), "DYNAMIC_UPDATE_SLICE", of, part,
                starts);
        Tensor out = new Tensor(subgraph.tensor(name, of.type(), of.shape(), quantization), of.type(), of.shape());
        return apply(BuiltinOperator.DYNAMIC_UPDATE_SLICE, 1, List.of(of, part, starts), out, Options.none());
    }
}
