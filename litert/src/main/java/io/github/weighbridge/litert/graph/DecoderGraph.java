package io.github.weighbridge.litert.graph;

import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Builds the graphs of a text decoder as LiteRT-LM's executor calls them: `prefill_N` takes N tokens into the caches, `decode` one token, and
/// gives its logits. Names and shapes of what goes in and out are the executor's; all shapes are fixed.
///
/// The mask is single precision, 0 where a position is seen and a large negative number where not, and is added to the scores: that the delegate
/// computes, while a choice by truth values would fall back to plain kernels in every layer.
public final class DecoderGraph {
    /// Far below any score and far above the smallest number of half precision.
    private static final float HIDDEN = -3e4f;
    private static final int NO_LAYER = Identity.NO_LAYER;

    private final DecoderSpec spec;
    private final DecoderWeights weights;
    private final int cacheLength;
    private final Graph graph;
    private final int tokens;
    private final Map<Layer.Attention, Tensor> masks = new EnumMap<>(Layer.Attention.class);
    private final Map<Layer.Attention, List<Tensor>> rotations = new EnumMap<>(Layer.Attention.class);
    private final Map<Integer, List<Tensor>> caches = new HashMap<>();
    private final Map<Integer, List<Tensor>> updated = new HashMap<>();

    private DecoderGraph(DecoderSpec spec, DecoderWeights weights, int cacheLength, Graph graph, int tokens) {
        this.spec = spec;
        this.weights = weights;
        this.cacheLength = cacheLength;
        this.graph = graph;
        this.tokens = tokens;
    }

    /// Adds the graph that takes a number of tokens into the caches.
    public static void prefill(DecoderSpec spec, DecoderWeights weights, int cacheLength, int tokens, Graph.Model model) {
        new DecoderGraph(spec, weights, cacheLength, model.graph("prefill_" + tokens), tokens).build(false);
    }

    /// Adds the graph that takes one token and gives logits.
    public static void decode(DecoderSpec spec, DecoderWeights weights, int cacheLength, Graph.Model model) {
        new DecoderGraph(spec, weights, cacheLength, model.graph("decode"), 1).build(true);
    }

    private void build(boolean logits) {
        Tensor x = graph.input("embeddings", TensorType.FLOAT32, List.of(1, tokens, spec.hidden()));
        Optional<Tensor> perLayer = spec.perLayer() == 0 ? Optional.empty()
                : Optional.of(graph.input("per_layer_embeddings", TensorType.FLOAT32,
                        List.of(1, tokens, spec.layers().size(), spec.perLayer())));
        Tensor positions = graph.input("input_pos", TensorType.INT32, List.of(tokens));
        Tensor mask = graph.input("mask", TensorType.FLOAT32, List.of(1, 1, tokens, cacheLength));
        List<Layer> owners = spec.cacheOwners();
        for (int i = 0; i < owners.size(); i++) {
            caches.put(owners.get(i).index(), cacheInputs(owners.get(i), i));
        }
        masks(positions, mask);
        rotations(positions);
        Tensor begin = graph.slice(positions, 0, 0, 1);
        // Behind the last layer that keeps keys and values nothing reaches a cache.
        int last = logits ? spec.layers().size() - 1 : owners.getLast().index();
        Optional<Tensor> inputs = perLayer.map(table -> perLayerInputs(x, table));
        Tensor state = x;
        for (Layer layer : spec.layers().subList(0, last + 1)) {
            graph.scope("layer_" + layer.index() + "/");
            Tensor normed = norm(state, Role.ATTENTION_NORM, layer.index());
            if (layer.ownsCache()) {
                keep(layer, normed, begin);
            }
            if (!logits && layer.index() == last) {
                break;
            }
            state = graph.add(state, norm(attention(layer, normed), Role.ATTENTION_POST_NORM, layer.index()));
            state = graph.add(state,
                    norm(feedForward(layer, norm(state, Role.FFN_NORM, layer.index())), Role.FFN_POST_NORM, layer.index()));
            if (inputs.isPresent()) {
                state = graph.add(state, perLayer(layer, state, inputs.get()));
            }
            if (spec.layerScalar()) {
                state = graph.multiply(state, graph.constant(weights.weight(Role.LAYER_SCALAR, layer.index())));
            }
        }
        for (int i = 0; i < owners.size(); i++) {
            List<Tensor> both = of(updated, owners.get(i).index());
            graph.output("kv_cache_k_" + i, both.getFirst());
            graph.output("kv_cache_v_" + i, both.getLast());
        }
        if (logits) {
            graph.output("logits", head(state));
        }
    }

    private static <K, V> V of(Map<K, V> map, K key) {
        V value = map.get(key);
        if (value == null) {
            throw new IllegalArgumentException("nothing for " + key);
        }
        return value;
    }

    private List<Tensor> cacheInputs(Layer layer, int index) {
        return List.of(
                graph.input("kv_cache_k_" + index, cacheType(layer, true),
                        List.of(1, layer.keyValueHeads(), cacheLength, layer.keyLength()), weights.cache(layer.index(), true)),
                graph.input("kv_cache_v_" + index, cacheType(layer, false),
                        List.of(1, layer.keyValueHeads(), layer.valueLength(), cacheLength), weights.cache(layer.index(), false)));
    }

    private TensorType cacheType(Layer layer, boolean keys) {
        return weights.cache(layer.index(), keys).isPresent() ? TensorType.INT8 : TensorType.FLOAT32;
    }

    /// What is added to scores: the mask as it is handed in, and for sliding layers with what lies behind the window hidden too.
    private void masks(Tensor positions, Tensor mask) {
        graph.scope("mask/");
        masks.put(Layer.Attention.FULL, mask);
        Optional<Layer> sliding = spec.layers().stream().filter(layer -> layer.attention() == Layer.Attention.SLIDING).findFirst();
        if (sliding.isPresent() && sliding.get().window() > 0 && sliding.get().window() < cacheLength) {
            List<Integer> columns = java.util.stream.IntStream.range(0, cacheLength).boxed().toList();
            Tensor first = graph.subtract(graph.reshape(positions, List.of(1, 1, tokens, 1)),
                    graph.whole(List.of((int) sliding.get().window()), List.of(1, 1, 1, 1)));
            Tensor inside = graph.greater(graph.whole(columns, List.of(1, 1, 1, cacheLength)), first);
            masks.put(Layer.Attention.SLIDING, graph.select(inside, mask, graph.number(HIDDEN)));
        } else {
            masks.put(Layer.Attention.SLIDING, mask);
        }
    }

    /// Cosines and sines `[1, tokens, 1, pairs]` for each kind of attention.
    private void rotations(Tensor positions) {
        graph.scope("rotary/");
        Tensor numbers = graph.reshape(graph.toFloat(positions), List.of(1, tokens, 1, 1));
        for (Layer layer : spec.layers()) {
            if (!rotations.containsKey(layer.attention())) {
                float[] frequencies = of(spec.rotary(), layer.attention()).frequencies(layer.keyLength());
                Tensor angles = graph.multiply(numbers, graph.numbers(List.of(1, 1, 1, frequencies.length), frequencies));
                rotations.put(layer.attention(), List.of(graph.cosine(angles), graph.sine(angles)));
            }
        }
    }

    /// All layers' inputs of their own, `[1, tokens, layers, width]`: what the token's row in the table says, and what its embedding does.
    private Tensor perLayerInputs(Tensor embeddings, Tensor table) {
        graph.scope("per_layer_inputs/");
        Tensor projected = graph.multiply(linear(embeddings, Role.PER_LAYER_MODEL_PROJECTION, NO_LAYER),
                (float) (1 / Math.sqrt(spec.hidden())));
        Tensor own = graph.reshape(projected, List.of(1, tokens, spec.layers().size(), spec.perLayer()));
        Tensor normed = norm(own, Role.PER_LAYER_PROJECTION_NORM, NO_LAYER);
        return graph.multiply(graph.add(normed, table), (float) Math.sqrt(0.5));
    }

    private Tensor perLayer(Layer layer, Tensor state, Tensor inputs) {
        Tensor input = graph.reshape(graph.slice(inputs, 2, layer.index(), layer.index() + 1), List.of(1, tokens, spec.perLayer()));
        Tensor gated = graph.multiply(graph.gelu(linear(state, Role.PER_LAYER_GATE, layer.index())), input);
        return norm(linear(gated, Role.PER_LAYER_PROJECTION, layer.index()), Role.PER_LAYER_POST_NORM, layer.index());
    }

    private Tensor feedForward(Layer layer, Tensor x) {
        Tensor gate = graph.gelu(linear(x, Role.FFN_GATE, layer.index()));
        return linear(graph.multiply(gate, linear(x, Role.FFN_UP, layer.index())), Role.FFN_DOWN, layer.index());
    }

    /// Writes keys and values of the tokens into the layer's cache.
    private void keep(Layer layer, Tensor x, Tensor begin) {
        int heads = layer.keyValueHeads();
        int size = layer.keyLength();
        Tensor projected = graph.reshape(linear(x, Role.ATTENTION_K, layer.index()), List.of(1, tokens, heads, size));
        Tensor keys = rotate(layer, norm(projected, Role.ATTENTION_K_NORM, layer.index()));
        boolean keysAsValues = spec.keysAsValues() && layer.attention() == Layer.Attention.FULL;
        Tensor values = keysAsValues ? projected
                : graph.reshape(linear(x, Role.ATTENTION_V, layer.index()), List.of(1, tokens, heads, layer.valueLength()));
        if (spec.valueNorm()) {
            values = rootMeanSquare(values);
        }
        List<Tensor> cache = of(caches, layer.index());
        Tensor zeros = graph.whole(List.of(0, 0));
        Tensor zero = graph.whole(List.of(0));
        updated.put(layer.index(),
                List.of(update(layer, true, cache.getFirst(), graph.transpose(keys, List.of(0, 2, 1, 3)),
                        graph.concat(0, List.of(zeros, begin, zero))),
                        update(layer, false, cache.getLast(), graph.transpose(values, List.of(0, 2, 3, 1)),
                                graph.concat(0, List.of(zeros, zero, begin)))));
    }

    private Tensor update(Layer layer, boolean keys, Tensor cache, Tensor part, Tensor starts) {
        String name = "layer_" + layer.index() + (keys ? "/keys" : "/values");
        var scale = weights.cache(layer.index(), keys);
        Tensor written = scale.isPresent() ? graph.quantize(part, name + "/quantized", scale.get()) : part;
        return graph.update(cache, written, starts, name, scale);
    }

    private Tensor attention(Layer layer, Tensor x) {
        int heads = layer.heads();
        int keyValueHeads = layer.keyValueHeads();
        int size = layer.keyLength();
        Tensor projected = graph.reshape(linear(x, Role.ATTENTION_Q, layer.index()), List.of(1, tokens, heads, size));
        Tensor queries = graph.multiply(rotate(layer, norm(projected, Role.ATTENTION_Q_NORM, layer.index())), spec.attentionScale());
        List<Tensor> cache = of(updated, layer.cacheOwner());
        // Heads that share keys lie one behind the other.
        int grouped = heads / keyValueHeads * tokens;
        Tensor rows = graph.reshape(graph.transpose(queries, List.of(0, 2, 1, 3)), List.of(1, keyValueHeads, grouped, size));
        Tensor scores = graph.reshape(graph.multiplyRows(rows, numbers(cache.getFirst())), List.of(1, heads, tokens, cacheLength));
        Tensor shares = graph.softmax(graph.add(scores, of(masks, layer.attention())));
        Tensor mixed = graph.multiplyRows(graph.reshape(shares, List.of(1, keyValueHeads, grouped, cacheLength)), numbers(cache.getLast()));
        Tensor joined = graph.reshape(graph.transpose(graph.reshape(mixed, List.of(1, heads, tokens, layer.valueLength())),
                List.of(0, 2, 1, 3)), List.of(1, tokens, heads * layer.valueLength()));
        return linear(joined, Role.ATTENTION_OUTPUT, layer.index());
    }

    private Tensor numbers(Tensor cache) {
        return cache.type() == TensorType.INT8 ? graph.dequantize(cache) : cache;
    }

    /// Turns pairs of dimensions that lie half a head apart.
    private Tensor rotate(Layer layer, Tensor x) {
        List<Tensor> rotation = of(rotations, layer.attention());
        Tensor cosine = rotation.getFirst();
        Tensor sine = rotation.getLast();
        int half = layer.keyLength() / 2;
        Tensor a = graph.slice(x, 3, 0, half);
        Tensor b = graph.slice(x, 3, half, 2 * half);
        return graph.concat(3, List.of(graph.subtract(graph.multiply(a, cosine), graph.multiply(b, sine)),
                graph.add(graph.multiply(b, cosine), graph.multiply(a, sine))));
    }

    private Tensor head(Tensor state) {
        graph.scope("head/");
        Tensor logits = linear(norm(state, Role.OUTPUT_NORM, NO_LAYER), Role.OUTPUT_HEAD, NO_LAYER);
        if (spec.softcap().isEmpty()) {
            return logits;
        }
        float cap = spec.softcap().get();
        return graph.multiply(graph.tanh(graph.multiply(logits, 1 / cap)), cap);
    }

    private Tensor norm(Tensor x, Role role, int layer) {
        Tensor weight = graph.constant(weights.weight(role, layer));
        return graph.multiply(rootMeanSquare(x), spec.onePlusNorms() ? graph.add(weight, graph.number(1)) : weight);
    }

    private Tensor rootMeanSquare(Tensor x) {
        Tensor square = graph.mean(graph.multiply(x, x));
        return graph.multiply(x, graph.reciprocalRoot(graph.add(square, graph.number(spec.epsilon()))));
    }

    private Tensor linear(Tensor x, Role role, int layer) {
        return graph.product(x, weights.weight(role, layer), weights.activation(role, layer, true), weights.activation(role, layer, false));
    }
}
