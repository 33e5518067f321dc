package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.litert.tflite.BuiltinOperator;
import io.github.weighbridge.litert.tflite.Indices;
import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.TfliteModel;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Scales of static activations and of key/value caches: they stand beside tensors of the graphs that hold codes of 8 bits.
final class ActivationScales {
    private static final String INPUT = ".input_activation_scale";
    private static final String OUTPUT = ".output_activation_scale";
    private static final Pattern CACHE = Pattern.compile("(?:kv_cache_([kv])_|([kv])_cache_)(\\d{1,4})");
    private static final String DECODE = "decode";
    /// What caches may hold, the narrowest first, and the words for it.
    private static final List<TensorType> WIDTHS = List.of(TensorType.INT8, TensorType.FLOAT16, TensorType.FLOAT32);
    private static final List<String> WORDS = List.of("int8", "f16", "f32");

    private ActivationScales() {}

    /// A scale of what enters or leaves a product.
    ///
    /// @param module name of the weights without `.weight`
    /// @param input whether it is what enters
    /// @param scale the number, as a tensor of the name that Hugging Face has for it
    record Activation(String module, boolean input, StoredTensor scale) {}

    /// A scale of a cache.
    ///
    /// @param index number of the cache, from 0
    /// @param keys whether it is that of keys
    record Cache(int index, boolean keys) {}

    /// Scales of activations by the names that tensors in our own graphs have.
    static Map<String, Activation> byName(long begin, TfliteModel model) {
        Map<String, Activation> found = new LinkedHashMap<>();
        for (TfliteModel.Subgraph graph : model.subgraphs()) {
            for (TfliteModel.Tensor tensor : graph.tensors()) {
                boolean input = tensor.name().endsWith(INPUT);
                if (input || tensor.name().endsWith(OUTPUT)) {
                    Optional<StoredTensor> scale = scale(begin, tensor, tensor.name());
                    String module = tensor.name().substring(0, tensor.name().length() - (input ? INPUT : OUTPUT).length());
                    scale.ifPresent(one -> found.putIfAbsent(tensor.name(), new Activation(module, input, one)));
                }
            }
        }
        return found;
    }

    /// Scales of what enters and leaves the products with a weight, whoever made the graph.
    ///
    /// @param products operators of a graph that multiply with the weight, see [#products]
    /// @param module what their names begin with
    static Map<String, Activation> byOperators(long begin, TfliteModel.Subgraph graph, List<TfliteModel.Operator> products, String module) {
        Map<String, Activation> found = new LinkedHashMap<>();
        for (TfliteModel.Operator product : products) {
            for (boolean input : new boolean[] {true, false}) {
                String name = module + (input ? INPUT : OUTPUT);
                int tensor = input ? product.inputs().get(0) : product.outputs().get(0);
                scale(begin, graph.tensors().get(tensor), name)
                        .ifPresent(one -> found.putIfAbsent(name, new Activation(module, input, one)));
            }
        }
        return found;
    }

    /// The products with matrices of a graph, by the index of the matrix.
    static Map<Integer, List<TfliteModel.Operator>> products(TfliteModel.Subgraph graph, TfliteModel model) {
        Map<Integer, List<TfliteModel.Operator>> products = new HashMap<>();
        for (TfliteModel.Operator operator : graph.operators()) {
            Indices inputs = operator.inputs();
            if (model.code(operator).code() == BuiltinOperator.FULLY_CONNECTED.code() && inputs.size() > 1 && inputs.get(0) >= 0
                    && inputs.get(1) >= 0 && operator.outputs().size() == 1 && operator.outputs().get(0) >= 0) {
                products.computeIfAbsent(inputs.get(1), _ -> new ArrayList<>(1)).add(operator);
            }
        }
        return products;
    }

    /// Scales of the caches that the decoder is handed.
    static Map<Cache, Span> caches(long begin, TfliteModel model) {
        Map<Cache, Span> found = new LinkedHashMap<>();
        Optional<TfliteModel.Signature> decode = model.signature(DECODE);
        if (decode.isPresent()) {
            TfliteModel.Subgraph graph = model.subgraphs().get(decode.get().subgraph());
            for (TfliteModel.Named input : decode.get().inputs()) {
                Matcher name = CACHE.matcher(input.name());
                if (name.matches()) {
                    boolean keys = "k".equals(name.group(1)) || "k".equals(name.group(2));
                    scale(begin, graph.tensors().get(input.tensor()), input.name()).ifPresent(
                            scale -> found.putIfAbsent(new Cache(Integer.parseInt(name.group(3)), keys), scale.planes().getFirst()));
                }
            }
        }
        return found;
    }

    /// The numbers that the decoder's caches hold: a word of the type for each kind of attention, the widest where layers of a kind differ. Empty where
    /// there are none, or of no type that is known.
    static Optional<CacheChoice> choice(TfliteModel model, List<Layer> layers) {
        Map<Layer.Attention, Integer> widest = new EnumMap<>(Layer.Attention.class);
        Optional<TfliteModel.Signature> decode = model.signature(DECODE);
        if (decode.isPresent()) {
            TfliteModel.Subgraph graph = model.subgraphs().get(decode.get().subgraph());
            for (TfliteModel.Named input : decode.get().inputs()) {
                Matcher name = CACHE.matcher(input.name());
                OptionalInt layer = name.matches() ? owner(Integer.parseInt(name.group(3)), layers) : OptionalInt.empty();
                if (layer.isPresent()) {
                    int width = graph.tensors().get(input.tensor()).type().map(WIDTHS::indexOf).orElse(-1);
                    if (width < 0) {
                        return Optional.empty();
                    }
                    widest.merge(layers.get(layer.getAsInt()).attention(), width, Math::max);
                }
            }
        }
        return choice(Optional.ofNullable(widest.get(Layer.Attention.SLIDING)), Optional.ofNullable(widest.get(Layer.Attention.FULL)));
    }

    /// A choice by the widths of the two kinds; where there is one kind alone, it is that of both.
    private static Optional<CacheChoice> choice(Optional<Integer> sliding, Optional<Integer> full) {
        return sliding.or(() -> full).flatMap(first -> full.or(() -> sliding)
                .map(second -> new CacheChoice(WORDS.get(first), WORDS.get(second), CacheChoice.GRAPH)));
    }

    /// The choice of a graph that is to be written.
    ///
    /// @param codes whether the cache of a layer holds codes; otherwise it holds single precision numbers
    static Optional<CacheChoice> choice(List<Layer> owners, Predicate<Layer> codes) {
        Map<Layer.Attention, Integer> widest = new EnumMap<>(Layer.Attention.class);
        owners.forEach(layer -> widest.merge(layer.attention(),
                WIDTHS.indexOf(codes.test(layer) ? TensorType.INT8 : TensorType.FLOAT32), Math::max));
        return choice(Optional.ofNullable(widest.get(Layer.Attention.SLIDING)), Optional.ofNullable(widest.get(Layer.Attention.FULL)));
    }

    /// Layer of the cache of a number, when layers keep theirs in order.
    static OptionalInt owner(int index, List<Layer> layers) {
        return layers.stream().filter(Layer::ownsCache).mapToInt(Layer::index)
                .skip(index).findFirst();
    }

    private static Optional<StoredTensor> scale(long begin, TfliteModel.Tensor tensor, String name) {
        if (!tensor.type().equals(Optional.of(TensorType.INT8)) || tensor.quantization().isEmpty()
                || tensor.quantization().get().scales().count() != 1) {
            return Optional.empty();
        }
        Span span = new Span(0, begin + tensor.quantization().get().scales().offset(), Float.BYTES);
        return Optional.of(new StoredTensor(name, Shape.SCALAR, DenseEncoding.F32, List.of(span)));
    }
}
