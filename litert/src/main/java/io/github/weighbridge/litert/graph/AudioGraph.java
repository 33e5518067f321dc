package io.github.weighbridge.litert.graph;

import io.github.weighbridge.litert.tflite.TensorType;
import java.util.ArrayList;
import java.util.List;

/// Builds the graphs that turn sound into embeddings of the text model, as LiteRT-LM's executor calls them
/// (`runtime/executor/audio_litert_compiled_model_executor.cc`): the encoder takes frames of mel bins and which of them are real, and gives features
/// and which of those are; the adapter brings these to the width of the text model. All shapes are fixed.
///
/// The arithmetic is that of transformers' `Gemma4AudioModel`: two convolutions, conformer blocks with attention in chunks. A chunk sees some frames
/// before it, so that scores are `[heads, chunks, chunk, context]`, and not of all frames with all.
public final class AudioGraph {
    /// What names of the encoder's weights begin with.
    public static final String TOWER = "model.audio_tower.";
    /// The weight of the adapter.
    public static final String PROJECTION = "model.embed_audio.embedding_projection.weight";

    private static final String FEATURES = "features";
    private static final String MASK = "mask";
    private static final double MOST_TIME = 1e4;

    private final AudioSpec spec;
    private final EncoderWeights weights;
    private final Graph graph;
    private final EncoderLayers layers;

    private AudioGraph(AudioSpec spec, EncoderWeights weights, Graph graph) {
        this.spec = spec;
        this.weights = weights;
        this.graph = graph;
        this.layers = new EncoderLayers(graph, weights, spec.epsilon());
    }

    /// Adds the encoder: `src_inputs` single precision `[1, 1, frames, bins]` and `mask` truth values `[1, frames]`, to `features` single precision
    /// `[1, tokens, width]` and `mask` truth values `[1, tokens]`.
    public static void encoder(AudioSpec spec, EncoderWeights weights, Graph.Model model) {
        new AudioGraph(spec, weights, model.graph("audio_encoder")).encode();
    }

    /// Adds the adapter: `mask` and `features` as the encoder gives them, in this order, which the executor relies on, to `embeddings` single precision
    /// `[1, tokens, text width]`. Features that are not real become zeros.
    public static void adapter(AudioSpec spec, EncoderWeights weights, Graph.Model model) {
        AudioGraph audio = new AudioGraph(spec, weights, model.graph("audio_adapter"));
        Graph graph = audio.graph;
        Tensor real = graph.toFloat(graph.input(MASK, TensorType.BOOL, List.of(1, spec.tokens())));
        Tensor features = graph.input(FEATURES, TensorType.FLOAT32, List.of(1, spec.tokens(), spec.width()));
        Tensor seen = graph.multiply(features, graph.reshape(real, List.of(1, spec.tokens(), 1)));
        graph.output("embeddings", audio.layers.product(audio.layers.rootMeanSquare(seen), PROJECTION));
    }

    private void encode() {
        int frames = spec.frames();
        Tensor sound = graph.input("src_inputs", TensorType.FLOAT32, List.of(1, 1, frames, spec.bins()));
        Tensor mask = graph.input(MASK, TensorType.BOOL, List.of(1, frames));
        graph.scope("mask/");
        Tensor half = everySecond(mask);
        Tensor quarter = everySecond(half);
        graph.scope("subsample/");
        Tensor image = convolution(graph.reshape(sound, List.of(1, frames, spec.bins(), 1)), mask, 0);
        Tensor small = convolution(image, half, 1);
        Tensor flat = graph.reshape(small, List.of(1, spec.tokens(), small.dimension(2) * small.dimension(3)));
        Tensor state = layers.product(flat, TOWER + "subsample_conv_projection.input_proj_linear.weight");
        graph.scope("visible/");
        Tensor visible = visible(graph.toFloat(quarter));
        // Exactly the score of what is hidden, whatever was computed there.
        Tensor instead = graph.multiply(graph.subtract(graph.number(1), visible), spec.hiddenLogit());
        Tensor distances = graph.numbers(List.of(spec.distances(), spec.hidden()), distances(spec));
        for (int layer = 0; layer < spec.layers(); layer++) {
            graph.scope("layer_" + layer + "/");
            state = layer(state, TOWER + "layers." + layer + ".", visible, instead, distances);
        }
        graph.scope("output/");
        Tensor features = layers.product(state, TOWER + "output_proj.weight");
        graph.output(FEATURES, graph.add(features, graph.constant(weights.weight(TOWER + "output_proj.bias"))));
        graph.output(MASK, quarter);
    }

    /// Every second truth value, from the first.
    private Tensor everySecond(Tensor mask) {
        int count = mask.dimension(1) / 2;
        return graph.reshape(graph.slice(graph.reshape(mask, List.of(1, count, 2)), 2, 0, 1), List.of(1, count));
    }

    /// A convolution that halves frames and bins, normed over channels.
    private Tensor convolution(Tensor image, Tensor mask, int index) {
        String name = TOWER + "subsample_conv_projection.layer" + index + ".";
        Tensor real = graph.reshape(graph.toFloat(mask), List.of(1, mask.dimension(1), 1, 1));
        // PyTorch pads both ends; with an even count the last zeros are never reached.
        Tensor padded = Convolutions.pad(graph, graph.multiply(image, real), 1, 1, image.dimension(1) % 2);
        padded = Convolutions.pad(graph, padded, 2, 1, image.dimension(2) % 2);
        Tensor moved = Convolutions.convolve(graph, padded, graph.constant(weights.weight(name + "conv.weight")), 2);
        Tensor centred = graph.subtract(moved, graph.mean(moved));
        Tensor normed = graph.multiply(layers.rootMeanSquare(centred), graph.constant(weights.weight(name + "norm.weight")));
        return graph.maximum(normed, graph.number(0));
    }

    private Tensor layer(Tensor x, String name, Tensor visible, Tensor instead, Tensor distances) {
        Tensor state = feedForward(x, name + "feed_forward1.");
        Tensor attended =
                attention(layers.norm(bounded(state), name + "norm_pre_attn.weight"), name + "self_attn.", visible, instead, distances);
        state = graph.add(layers.norm(bounded(attended), name + "norm_post_attn.weight"), state);
        state = lightConvolution(state, name + "lconv1d.");
        state = feedForward(state, name + "feed_forward2.");
        return layers.norm(bounded(state), name + "norm_out.weight");
    }

    private Tensor feedForward(Tensor x, String name) {
        Tensor normed = layers.norm(bounded(x), name + "pre_layer_norm.weight");
        Tensor wide = swish(layers.linear(normed, name + "ffw_layer_1"));
        Tensor narrow = layers.norm(bounded(layers.linear(wide, name + "ffw_layer_2")), name + "post_layer_norm.weight");
        return graph.add(graph.multiply(narrow, spec.residual()), x);
    }

    /// A gate, a convolution over the last frames for each channel, and a product.
    private Tensor lightConvolution(Tensor x, String name) {
        int hidden = spec.hidden();
        int tokens = spec.tokens();
        Tensor wide = layers.linear(layers.norm(x, name + "pre_layer_norm.weight"), name + "linear_start");
        Tensor gated = graph.multiply(graph.slice(wide, 2, 0, hidden), graph.logistic(graph.slice(wide, 2, hidden, 2 * hidden)));
        Tensor column = Convolutions.pad(graph, graph.reshape(gated, List.of(1, tokens, 1, hidden)), 1, spec.kernel() - 1, 0);
        Tensor moved = Convolutions.convolveDepthwise(graph, column, graph.constant(weights.weight(name + "depthwise_conv1d.weight")));
        Tensor normed = layers.norm(bounded(graph.reshape(moved, List.of(1, tokens, hidden))), name + "conv_norm.weight");
        return graph.add(layers.linear(swish(normed), name + "linear_end"), x);
    }

    private Tensor attention(Tensor x, String name, Tensor visible, Tensor instead, Tensor distances) {
        int heads = spec.heads();
        int size = spec.headSize();
        int chunks = spec.chunks();
        int chunk = spec.chunk();
        float queryScale = (float) (1 / Math.sqrt(size) / Math.log(2));
        float keyScale = (float) (Math.log(1 + Math.E) / Math.log(2));
        Tensor scale = graph.multiply(softplus(graph.constant(weights.weight(name + "per_dim_scale"))), queryScale);
        Tensor queries = graph.multiply(heads(layers.linear(x, name + "q_proj")), scale);
        Tensor keys = contexts(heads(graph.multiply(layers.linear(x, name + "k_proj"), keyScale)));
        Tensor values = contexts(heads(layers.linear(x, name + "v_proj")));
        Tensor placed = graph.reshape(layers.product(distances, name + "relative_k_proj.weight"), List.of(spec.distances(), heads, size));
        Tensor byDistance = graph.multiplyRows(queries, graph.transpose(placed, List.of(1, 0, 2)));
        Tensor rows = graph.reshape(queries, List.of(heads, chunks, chunk, size));
        Tensor scores = graph.add(graph.multiplyRows(rows, keys), shifted(byDistance));
        float cap = spec.logitCap();
        Tensor capped = graph.multiply(graph.tanh(graph.multiply(scores, 1 / cap)), cap);
        Tensor shares = graph.softmax(graph.add(graph.multiply(capped, visible), instead));
        Tensor mixed = graph.reshape(graph.multiplyColumns(shares, values), List.of(heads, chunks * chunk, size));
        Tensor joined = graph.reshape(graph.transpose(mixed, List.of(1, 0, 2)), List.of(1, spec.tokens(), spec.hidden()));
        return layers.linear(joined, name + "post");
    }

    /// `[heads, tokens, size]` of `[1, tokens, heads * size]`.
    private Tensor heads(Tensor x) {
        return graph.transpose(graph.reshape(x, List.of(spec.tokens(), spec.heads(), spec.headSize())), List.of(1, 0, 2));
    }

    /// What each chunk sees, `[n, chunks, context, width]`, of `[n, tokens, width]`: zeros where there are no tokens.
    private Tensor contexts(Tensor x) {
        int chunk = spec.chunk();
        int before = (spec.past() + chunk - 1) / chunk;
        int behind = (spec.future() + chunk - 1) / chunk;
        Tensor padded = Convolutions.pad(graph, x, 1, before * chunk, behind * chunk);
        Tensor blocks = graph.reshape(padded, List.of(x.dimension(0), spec.chunks() + before + behind, chunk, x.dimension(2)));
        List<Tensor> side = new ArrayList<>();
        for (int i = 0; i <= before + behind; i++) {
            side.add(graph.slice(blocks, 1, i, i + spec.chunks()));
        }
        int begin = before * chunk - spec.past();
        return graph.slice(graph.concat(2, side), 2, begin, begin + spec.context());
    }

    /// Scores by distance, `[heads, tokens, distances]`, to scores by place in the context, `[heads, chunks, chunk, context]`: each row one place
    /// further to the right than the one above. Rows as long as the context and one more, read as rows as long as the context, do that.
    private Tensor shifted(Tensor byDistance) {
        int chunk = spec.chunk();
        int context = spec.context();
        Tensor rows = graph.reshape(byDistance, List.of(spec.heads(), spec.chunks(), chunk, spec.distances()));
        Tensor padded = Convolutions.pad(graph, rows, 3, 0, context + 1 - spec.distances());
        Tensor line = graph.reshape(padded, List.of(spec.heads(), spec.chunks(), chunk * (context + 1)));
        return graph.reshape(graph.slice(line, 2, 0, chunk * context), List.of(spec.heads(), spec.chunks(), chunk, context));
    }

    /// 1 where a token sees another, `[1, chunks, chunk, context]`: the other is real, and near enough. The furthest place has a position, and is not
    /// seen: so it is in transformers and in llama.cpp (`tools/mtmd/clip.cpp`).
    private Tensor visible(Tensor real) {
        int chunk = spec.chunk();
        int context = spec.context();
        float[] near = new float[chunk * context];
        for (int row = 0; row < chunk; row++) {
            for (int column = 0; column < context; column++) {
                int distance = row + spec.past() - column;
                boolean seen = distance >= 0 ? distance < spec.past() : -distance < spec.future();
                near[row * context + column] = seen ? 1 : 0;
            }
        }
        Tensor keys = graph.reshape(contexts(graph.reshape(real, List.of(1, spec.tokens(), 1))), List.of(1, spec.chunks(), 1, context));
        return graph.multiply(keys, graph.numbers(List.of(1, 1, chunk, context), near));
    }

    /// Sines and cosines of relative positions, from the furthest to 0.
    private static float[] distances(AudioSpec spec) {
        int half = spec.hidden() / 2;
        float[] numbers = new float[spec.distances() * spec.hidden()];
        double step = Math.log(MOST_TIME) / Math.max(half - 1, 1);
        for (int row = 0; row < spec.distances(); row++) {
            int position = spec.distances() - 1 - row;
            for (int i = 0; i < half; i++) {
                double angle = position * Math.exp(-step * i);
                numbers[row * spec.hidden() + i] = (float) Math.sin(angle);
                numbers[row * spec.hidden() + half + i] = (float) Math.cos(angle);
            }
        }
        return numbers;
    }

    /// ln(1 + exp(x)), in a form that large numbers do not pass.
    private Tensor softplus(Tensor x) {
        Tensor positive = graph.maximum(x, graph.number(0));
        Tensor away = graph.subtract(x, graph.multiply(positive, 2));
        return graph.add(positive, graph.logarithm(graph.add(graph.exponential(away), graph.number(1))));
    }

    private Tensor swish(Tensor x) {
        return graph.multiply(x, graph.logistic(x));
    }

    private Tensor bounded(Tensor x) {
        return graph.maximum(graph.minimum(x, graph.number(spec.bound())), graph.number(-spec.bound()));
    }
}
