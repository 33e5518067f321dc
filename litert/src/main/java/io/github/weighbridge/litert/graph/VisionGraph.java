package io.github.weighbridge.litert.graph;

import io.github.weighbridge.litert.tflite.TensorType;
import java.util.ArrayList;
import java.util.List;

/// Builds the graphs that turn an image into embeddings of the text model, as LiteRT-LM's executor calls them
/// (`runtime/executor/vision_litert_compiled_model_executor.cc`): the encoder takes patches and where they lie, and gives features and which of them
/// are real; the adapter brings these to the width of the text model. The executor finds graphs by the soft tokens at the end of their names.
///
/// The arithmetic is that of transformers' `Gemma4VisionModel`: embeddings of patches and of both coordinates, blocks with norms before and behind,
/// rotary positions in two dimensions, and means over squares of patches. Patches at (-1, -1) fill the graph up and are seen by none.
public final class VisionGraph {
    /// What names of the encoder's weights begin with.
    public static final String TOWER = "model.vision_tower.";
    /// The weight of the adapter.
    public static final String PROJECTION = "model.embed_vision.embedding_projection.weight";

    /// Far below any score.
    private static final float HIDDEN = 3e4f;
    /// Scores in memory at once: heads are computed in groups that have no more.
    private static final long MOST_SCORES = 1L << 24;

    private final VisionSpec spec;
    private final Graph graph;
    private final EncoderWeights weights;
    private final EncoderLayers layers;
    private final int patches;

    private VisionGraph(VisionSpec spec, EncoderWeights weights, Graph graph) {
        this.spec = spec;
        this.graph = graph;
        this.weights = weights;
        this.layers = new EncoderLayers(graph, weights, spec.epsilon());
        this.patches = spec.patches();
    }

    /// Adds the encoder: `images` single precision `[1, patches, pixels]` from 0 to 1 and `positions_xy` whole numbers `[1, patches, 2]`, to `features`
    /// single precision `[1, tokens, hidden]`, the real ones in front, and `mask` truth values `[1, tokens]`.
    public static void encoder(VisionSpec spec, EncoderWeights weights, Graph.Model model) {
        new VisionGraph(spec, weights, model.graph("vision_" + spec.tokens())).encode();
    }

    /// Adds the adapter: `soft_tokens` single precision `[1, tokens, hidden]`, to `mm_embedding` single precision `[1, tokens, text width]`.
    public static void adapter(VisionSpec spec, EncoderWeights weights, Graph.Model model) {
        Graph graph = model.graph("vision_adapter_" + spec.tokens());
        EncoderLayers layers = new EncoderLayers(graph, weights, spec.epsilon());
        Tensor features = graph.input("soft_tokens", TensorType.FLOAT32, List.of(1, spec.tokens(), spec.hidden()));
        graph.output("mm_embedding", layers.product(layers.rootMeanSquare(features), PROJECTION));
    }

    private void encode() {
        Tensor images = graph.input("images", TensorType.FLOAT32, List.of(1, patches, spec.pixels()));
        Tensor positions = graph.input("positions_xy", TensorType.INT32, List.of(1, patches, 2));
        graph.scope("positions/");
        Tensor numbers = graph.toFloat(positions);
        Tensor x = graph.slice(numbers, 2, 0, 1);
        Tensor y = graph.slice(numbers, 2, 1, 2);
        // -1 where both coordinates are, else 0.
        Tensor hidden = graph.minimum(graph.maximum(x, y), graph.number(0));
        Tensor mask = graph.multiply(graph.reshape(hidden, List.of(1, 1, 1, patches)), HIDDEN);
        List<Tensor> rotation = rotation(x, y);
        graph.scope("patches/");
        Tensor centred = graph.subtract(graph.multiply(images, 2), graph.number(1));
        Tensor state = graph.add(layers.product(centred, TOWER + "patch_embedder.input_proj.weight"), places(positions));
        for (int layer = 0; layer < spec.layers(); layer++) {
            graph.scope("layer_" + layer + "/");
            state = layer(state, TOWER + "encoder.layers." + layer + ".", mask, rotation);
        }
        graph.scope("pooling/");
        pool(state, x, y, graph.reshape(graph.add(hidden, graph.number(1)), List.of(1, 1, patches)));
    }

    /// The embeddings of both coordinates together.
    private Tensor places(Tensor positions) {
        Tensor inside = graph.maximum(positions, graph.whole(List.of(0), List.of()));
        Tensor ids = graph.transpose(graph.reshape(inside, List.of(patches, 2)), List.of(1, 0));
        Tensor both = graph.gather(graph.constant(weights.weight(TOWER + "patch_embedder.position_embedding_table")), ids);
        return graph.add(graph.slice(both, 0, 0, 1), graph.slice(both, 0, 1, 2));
    }

    /// Cosines and sines `[1, patches, 1, headSize]`: the first half of a head turns with x, the second with y. Sines of the first half of each half
    /// are negative, as the numbers are that they meet.
    private List<Tensor> rotation(Tensor x, Tensor y) {
        int half = spec.headSize() / 2;
        float[] frequencies = new float[half];
        for (int i = 0; i < half / 2; i++) {
            float frequency = (float) (1 / Math.pow(spec.theta(), 2.0 * i / half));
            frequencies[i] = -frequency;
            frequencies[half / 2 + i] = frequency;
        }
        Tensor factors = graph.numbers(List.of(1, 1, 1, half), frequencies);
        Tensor angles = graph.concat(3, List.of(graph.multiply(graph.reshape(x, List.of(1, patches, 1, 1)), factors),
                graph.multiply(graph.reshape(y, List.of(1, patches, 1, 1)), factors)));
        return List.of(graph.cosine(angles), graph.sine(angles));
    }

    private Tensor layer(Tensor x, String name, Tensor mask, List<Tensor> rotation) {
        Tensor attended = attention(layers.norm(x, name + "input_layernorm.weight"), name + "self_attn.", mask, rotation);
        Tensor state = graph.add(x, layers.norm(attended, name + "post_attention_layernorm.weight"));
        Tensor normed = layers.norm(state, name + "pre_feedforward_layernorm.weight");
        Tensor gate = graph.gelu(layers.linear(normed, name + "mlp.gate_proj"));
        Tensor fed = layers.linear(graph.multiply(gate, layers.linear(normed, name + "mlp.up_proj")), name + "mlp.down_proj");
        return graph.add(state, layers.norm(fed, name + "post_feedforward_layernorm.weight"));
    }

    private Tensor attention(Tensor x, String name, Tensor mask, List<Tensor> rotation) {
        int size = spec.headSize();
        Tensor queries = turned(layers.norm(heads(x, name + "q_proj"), name + "q_norm.weight"), rotation);
        Tensor keys = turned(layers.norm(heads(x, name + "k_proj"), name + "k_norm.weight"), rotation);
        Tensor values = graph.transpose(layers.rootMeanSquare(heads(x, name + "v_proj")), List.of(0, 2, 1, 3));
        List<Tensor> mixed = new ArrayList<>();
        int together = together(spec.heads(), patches);
        for (int head = 0; head < spec.heads(); head += together) {
            Tensor scores = graph.multiplyRows(graph.slice(queries, 1, head, head + together), graph.slice(keys, 1, head, head + together));
            Tensor shares = graph.softmax(graph.add(scores, mask));
            mixed.add(graph.multiplyColumns(shares, graph.slice(values, 1, head, head + together)));
        }
        Tensor joined = graph.transpose(graph.concat(1, mixed), List.of(0, 2, 1, 3));
        return layers.linear(graph.reshape(joined, List.of(1, patches, spec.heads() * size)), name + "o_proj");
    }

    /// Heads whose scores are in memory at once.
    private static int together(int heads, int patches) {
        int most = (int) Math.clamp(MOST_SCORES / ((long) patches * patches), 1, heads);
        while (heads % most != 0) {
            most--;
        }
        return most;
    }

    private Tensor heads(Tensor x, String module) {
        return graph.reshape(layers.linear(x, module), List.of(1, patches, spec.heads(), spec.headSize()));
    }

    /// Turns each half of a head by its coordinate, and puts heads first.
    private Tensor turned(Tensor x, List<Tensor> rotation) {
        int quarter = spec.headSize() / 4;
        List<Tensor> quarters = new ArrayList<>();
        for (int i : new int[] {1, 0, 3, 2}) {
            quarters.add(graph.slice(x, 3, i * quarter, (i + 1) * quarter));
        }
        Tensor turned = graph.add(graph.multiply(x, rotation.getFirst()), graph.multiply(graph.concat(3, quarters), rotation.getLast()));
        return graph.transpose(turned, List.of(0, 2, 1, 3));
    }

    /// Means over squares of patches, as sums with a matrix that says which patch is in which square.
    ///
    /// @param real 1 for each patch of the image, 0 for those that fill up
    private void pool(Tensor state, Tensor x, Tensor y, Tensor real) {
        Tensor zero = graph.number(0);
        Tensor column = graph.reshape(graph.maximum(x, zero), List.of(1, 1, patches));
        Tensor row = graph.reshape(graph.maximum(y, zero), List.of(1, 1, patches));
        Tensor columns = squares(graph.add(graph.greatest(column), graph.number(1)));
        Tensor square = graph.add(squares(column), graph.multiply(squares(row), columns));
        float[] numbers = new float[spec.tokens()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = i;
        }
        Tensor distance = graph.magnitude(graph.subtract(square, graph.numbers(List.of(1, spec.tokens(), 1), numbers)));
        Tensor same = graph.maximum(graph.subtract(graph.number(1), distance), zero);
        Tensor members = graph.multiply(same, real);
        float factor = (float) (Math.sqrt(spec.hidden()) / (spec.pooling() * spec.pooling()));
        Tensor features = graph.multiply(graph.multiplyColumns(members, state), factor);
        if (spec.standardize()) {
            Tensor shifted = graph.subtract(features, graph.constant(weights.weight(TOWER + "std_bias")));
            features = graph.multiply(shifted, graph.constant(weights.weight(TOWER + "std_scale")));
        }
        graph.output("features", features);
        graph.output("mask", graph.greater(graph.reshape(graph.mean(members), List.of(1, spec.tokens())), zero));
    }

    /// The square that a coordinate lies in. Half a patch keeps whole quotients away from the edge.
    private Tensor squares(Tensor coordinate) {
        return graph.floor(graph.multiply(graph.add(coordinate, graph.number(0.5f)), 1f / spec.pooling()));
    }
}
