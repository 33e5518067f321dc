package io.github.weighbridge.litert.tflite;

import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// The operators that the graphs of decoders and encoders are made of, with their codes and the kind of their options. A model may hold others: readers keep
/// the code of an operator, not one of these.
public enum BuiltinOperator {
    /// Sum of two tensors.
    ADD(0, 11),
    /// Tensors joined along an axis.
    CONCATENATION(2, 10),
    /// Sums over a window that moves over an image, for each pair of channels.
    CONV_2D(3, 1),
    /// Sums over a window that moves over an image, for each channel by itself.
    DEPTHWISE_CONV_2D(4, 2),
    /// Codes into numbers.
    DEQUANTIZE(6, 38),
    /// Rows of a table.
    EMBEDDING_LOOKUP(7, 0),
    /// The greatest whole number that is not above.
    FLOOR(8, 0),
    /// Product with a matrix of rows.
    FULLY_CONNECTED(9, 8),
    /// 1 / (1 + exp(-x)).
    LOGISTIC(14, 0),
    /// Product of two tensors, element by element.
    MUL(18, 21),
    /// The same numbers in another shape.
    RESHAPE(22, 17),
    /// Exponentials that sum to 1.
    SOFTMAX(25, 9),
    /// Hyperbolic tangent.
    TANH(28, 0),
    /// An operator known by its name alone.
    CUSTOM(32, 0),
    /// Zeros around a tensor.
    PAD(34, 22),
    /// Slices along an axis, by index.
    GATHER(36, 23),
    /// Axes in another order.
    TRANSPOSE(39, 26),
    /// Mean along axes.
    MEAN(40, 27),
    /// Difference of two tensors.
    SUB(41, 28),
    /// Quotient of two tensors.
    DIV(42, 29),
    /// A part of a tensor, with steps.
    STRIDED_SLICE(45, 32),
    /// Exponential.
    EXP(47, 0),
    /// Equal parts along an axis.
    SPLIT(49, 35),
    /// Another number type.
    CAST(53, 37),
    /// The greater of two numbers.
    MAXIMUM(55, 39),
    /// The lesser of two numbers.
    MINIMUM(57, 39),
    /// Whether greater.
    GREATER(61, 44),
    /// Whether greater or equal.
    GREATER_EQUAL(62, 45),
    /// Whether less or equal.
    LESS_EQUAL(63, 46),
    /// A part of a tensor.
    SLICE(65, 48),
    /// Sine.
    SIN(66, 0),
    /// Whether equal.
    EQUAL(71, 53),
    /// Whether not equal.
    NOT_EQUAL(72, 54),
    /// Natural logarithm.
    LOG(73, 0),
    /// Sum along axes.
    SUM(74, 27),
    /// 1 / sqrt(x).
    RSQRT(76, 0),
    /// The greatest along axes.
    REDUCE_MAX(82, 27),
    /// Whether both.
    LOGICAL_AND(86, 62),
    /// The number without its sign.
    ABS(101, 0),
    /// Cosine.
    COS(108, 0),
    /// Numbers into codes.
    QUANTIZE(114, 89),
    /// One or the other, by a condition that broadcasts.
    SELECT_V2(123, 98),
    /// Products of matrices.
    BATCH_MATMUL(126, 101),
    /// Gaussian error linear unit.
    GELU(150, 116),
    /// A tensor with a part of it replaced.
    DYNAMIC_UPDATE_SLICE(151, 117),
    /// A named pattern with a subgraph that spells it out.
    STABLEHLO_COMPOSITE(206, 0);

    private static final Map<Integer, BuiltinOperator> BY_CODE = byCode();

    private final int code;
    private final int optionsType;

    BuiltinOperator(int code, int optionsType) {
        this.code = code;
        this.optionsType = optionsType;
    }

    private static Map<Integer, BuiltinOperator> byCode() {
        Map<Integer, BuiltinOperator> map = new HashMap<>();
        for (BuiltinOperator operator : values()) {
            map.put(operator.code, operator);
        }
        return Collections.unmodifiableMap(map);
    }

    /// The code in a model.
    public int code() {
        return code;
    }

    /// The kind of its options in the union BuiltinOptions; 0 where it needs none (options of STABLEHLO_COMPOSITE are in the second union, as
    /// kind 21).
    public int optionsType() {
        return optionsType;
    }

    /// The operator of a code; empty for one that is not listed here.
    public static Optional<BuiltinOperator> of(int code) {
        return Optional.ofNullable(BY_CODE.get(code));
    }
}
