package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.litert.graph.AudioSpec;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import org.jspecify.annotations.Nullable;

/// Gemma 4's encoder of sound as transformers computes it (`models/gemma4/modeling_gemma4.py`), written out plainly over the tensors' names in double
/// precision. It shares nothing with the graph that it checks but the hyper-parameters: attention goes token by token, convolutions number by number.
final class ReferenceAudio {
    private static final String TOWER = "model.audio_tower.";

    private final AudioSpec spec;
    private final Map<String, double[]> weights;
    private final Set<String> codes;

    /// What comes out.
    ///
    /// @param features of the encoder, `[tokens][width]`
    /// @param real which of them are
    /// @param embeddings of the adapter, `[tokens][text width]`
    record Result(double[][] features, boolean[] real, double[][] embeddings) {}

    /// @param weights by name; scales of static activations among them
    /// @param codes names of the weights that are codes: where they have no static scale, the delegate rounds what it multiplies with them
    ReferenceAudio(AudioSpec spec, Map<String, double[]> weights, Set<String> codes) {
        this.spec = spec;
        this.weights = new HashMap<>(weights);
        this.codes = Set.copyOf(codes);
    }

    /// Reads the encoder of a checkpoint, in whatever format.
    static ReferenceAudio of(Checkpoint source) throws IOException {
        Map<String, double[]> weights = new HashMap<>();
        Set<String> codes = new HashSet<>();
        try (ViewReader reader = new ViewReader(source.files().stream().map(CheckpointFile::source).toList())) {
            for (Weight weight : source.graph().weights()) {
                StoredTensor stored = weight.stored().getFirst();
                if (!stored.name().contains("audio")) {
                    continue;
                }
                weights.put(stored.name(), numbers(reader, weight.view()));
                if (stored.encoding().dense().isEmpty()) {
                    codes.add(stored.name());
                }
            }
            for (StoredTensor stored : source.graph().stored()) {
                if (stored.name().contains("audio") && stored.name().endsWith("activation_scale")) {
                    weights.put(stored.name(), numbers(reader, View.of(stored)));
                }
            }
            return new ReferenceAudio(AudioSpec.of(source.architecture()).orElseThrow(), weights, codes);
        } catch (PolicyException e) {
            throw new IllegalStateException(e);
        }
    }

    private static double[] numbers(ViewReader reader, View view) throws IOException {
        float[] numbers = new float[Math.toIntExact(view.shape().elements())];
        reader.read(view, Region.all(view.shape()), numbers, 0);
        double[] doubles = new double[numbers.length];
        java.util.Arrays.setAll(doubles, i -> numbers[i]);
        return doubles;
    }

    /// The same without the scales of static activations.
    ReferenceAudio withoutActivations() {
        Map<String, double[]> rest = new HashMap<>(weights);
        rest.keySet().removeIf(name -> name.endsWith("activation_scale"));
        return new ReferenceAudio(spec, rest, Set.of());
    }

    AudioSpec spec() {
        return spec;
    }

    private double[] weight(String name) {
        double[] found = weights.get(name);
        if (found == null) {
            throw new IllegalArgumentException("no " + name);
        }
        return found;
    }

    Result run(float[] sound, boolean[] mask) {
        double[][][] image = new double[mask.length][spec.bins()][1];
        for (int t = 0; t < mask.length; t++) {
            for (int f = 0; f < spec.bins(); f++) {
                image[t][f][0] = sound[t * spec.bins() + f];
            }
        }
        boolean[] real = mask;
        for (int layer = 0; layer < 2; layer++) {
            image = subsample(image, real, layer);
            boolean[] half = new boolean[(real.length + 1) / 2];
            for (int t = 0; t < half.length; t++) {
                half[t] = real[2 * t];
            }
            real = half;
        }
        double[][] state = new double[image.length][];
        for (int t = 0; t < state.length; t++) {
            double[] row = new double[image[0].length * spec.channels()];
            for (int i = 0; i < row.length; i++) {
                row[i] = image[t][i / spec.channels()][i % spec.channels()];
            }
            state[t] = product(row, TOWER + "subsample_conv_projection.input_proj_linear.weight");
        }
        for (int layer = 0; layer < spec.layers(); layer++) {
            state = layer(state, real, TOWER + "layers." + layer + ".");
        }
        double[][] features = new double[state.length][];
        double[][] embeddings = new double[state.length][];
        double[] bias = weight(TOWER + "output_proj.bias");
        for (int t = 0; t < state.length; t++) {
            features[t] = product(state[t], TOWER + "output_proj.weight");
            for (int i = 0; i < bias.length; i++) {
                features[t][i] += bias[i];
            }
            embeddings[t] = product(norm(features[t], null), "model.embed_audio.embedding_projection.weight");
        }
        return new Result(features, real, embeddings);
    }

    private double[][][] subsample(double[][][] image, boolean[] real, int layer) {
        double[] kernel = weight(TOWER + "subsample_conv_projection.layer" + layer + ".conv.weight");
        double[] norm = weight(TOWER + "subsample_conv_projection.layer" + layer + ".norm.weight");
        int in = image[0][0].length;
        int out = norm.length;
        int frames = (image.length + 1) / 2;
        int bins = (image[0].length + 1) / 2;
        double[][][] result = new double[frames][bins][out];
        for (int t = 0; t < frames; t++) {
            for (int f = 0; f < bins; f++) {
                double[] sums = new double[out];
                for (int o = 0; o < out; o++) {
                    for (int c = 0; c < in; c++) {
                        for (int i = 0; i < 3; i++) {
                            for (int j = 0; j < 3; j++) {
                                int y = 2 * t + i - 1;
                                int x = 2 * f + j - 1;
                                boolean inside = y >= 0 && y < image.length && x >= 0 && x < image[0].length && real[y];
                                sums[o] += inside ? image[y][x][c] * kernel[((o * in + c) * 3 + i) * 3 + j] : 0;
                            }
                        }
                    }
                }
                double mean = java.util.Arrays.stream(sums).average().orElseThrow();
                double variance = java.util.Arrays.stream(sums).map(v -> (v - mean) * (v - mean)).average().orElseThrow();
                for (int o = 0; o < out; o++) {
                    result[t][f][o] = Math.max(0, (sums[o] - mean) / Math.sqrt(variance + spec.epsilon()) * norm[o]);
                }
            }
        }
        return result;
    }

    private double[][] layer(double[][] x, boolean[] real, String name) {
        double[][] state = feedForward(x, name + "feed_forward1.");
        double[][] normed = new double[state.length][];
        for (int t = 0; t < state.length; t++) {
            normed[t] = norm(bounded(state[t]), weight(name + "norm_pre_attn.weight"));
        }
        double[][] attended = attention(normed, real, name + "self_attn.");
        for (int t = 0; t < state.length; t++) {
            state[t] = sum(state[t], norm(bounded(attended[t]), weight(name + "norm_post_attn.weight")), 1);
        }
        state = lightConvolution(state, name + "lconv1d.");
        state = feedForward(state, name + "feed_forward2.");
        for (int t = 0; t < state.length; t++) {
            state[t] = norm(bounded(state[t]), weight(name + "norm_out.weight"));
        }
        return state;
    }

    private double[][] feedForward(double[][] x, String name) {
        double[][] result = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] wide = linear(norm(bounded(x[t]), weight(name + "pre_layer_norm.weight")), name + "ffw_layer_1");
            double[] narrow = linear(each(wide, v -> v / (1 + Math.exp(-v))), name + "ffw_layer_2");
            result[t] = sum(x[t], norm(bounded(narrow), weight(name + "post_layer_norm.weight")), spec.residual());
        }
        return result;
    }

    private double[][] lightConvolution(double[][] x, String name) {
        int hidden = spec.hidden();
        double[][] gated = new double[x.length][hidden];
        for (int t = 0; t < x.length; t++) {
            double[] wide = linear(norm(x[t], weight(name + "pre_layer_norm.weight")), name + "linear_start");
            for (int i = 0; i < hidden; i++) {
                gated[t][i] = wide[i] / (1 + Math.exp(-wide[hidden + i]));
            }
        }
        double[] kernel = weight(name + "depthwise_conv1d.weight");
        double[][] result = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] moved = new double[hidden];
            for (int i = 0; i < hidden; i++) {
                for (int k = 0; k < spec.kernel(); k++) {
                    int from = t + k - spec.kernel() + 1;
                    moved[i] += from < 0 ? 0 : gated[from][i] * kernel[i * spec.kernel() + k];
                }
            }
            double[] normed = norm(bounded(moved), weight(name + "conv_norm.weight"));
            result[t] = sum(x[t], linear(each(normed, v -> v / (1 + Math.exp(-v))), name + "linear_end"), 1);
        }
        return result;
    }

    private double[][] attention(double[][] x, boolean[] real, String name) {
        int size = spec.hidden() / spec.heads();
        int chunk = spec.chunk();
        int context = spec.past() + chunk + spec.future();
        double[] perDimension = each(weight(name + "per_dim_scale"), v -> Math.log1p(Math.exp(v)) / Math.sqrt(size) / Math.log(2));
        double[][] queries = new double[x.length][];
        double[][] keys = new double[x.length][];
        double[][] values = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            queries[t] = linear(x[t], name + "q_proj");
            for (int i = 0; i < queries[t].length; i++) {
                queries[t][i] *= perDimension[i % size];
            }
            keys[t] = each(linear(x[t], name + "k_proj"), v -> v * Math.log(1 + Math.E) / Math.log(2));
            values[t] = linear(x[t], name + "v_proj");
        }
        // Row i of the embeddings is that of position context / 2 - i.
        double[][] placed = new double[context / 2 + 1][];
        for (int i = 0; i < placed.length; i++) {
            double[] embedding = new double[spec.hidden()];
            int half = spec.hidden() / 2;
            for (int j = 0; j < half; j++) {
                double angle = (context / 2 - i) * Math.exp(-j * Math.log(10_000) / Math.max(half - 1, 1));
                embedding[j] = Math.sin(angle);
                embedding[half + j] = Math.cos(angle);
            }
            placed[i] = product(embedding, name + "relative_k_proj.weight");
        }
        double[][] result = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] mixed = new double[spec.hidden()];
            for (int head = 0; head < spec.heads(); head++) {
                double[] scores = new double[context];
                for (int c = 0; c < context; c++) {
                    int key = t / chunk * chunk - spec.past() + c;
                    boolean there = key >= 0 && key < x.length;
                    int distance = t - key;
                    boolean near = distance >= 0 ? distance < spec.past() : -distance < spec.future();
                    // The shift of relative positions: the row of padded scores by position, read as if rows were one shorter.
                    int flat = t % chunk * context + c;
                    int row = flat / (context + 1);
                    int column = flat % (context + 1);
                    double[] query = queries[t - t % chunk + row];
                    double score = 0;
                    for (int i = head * size; i < (head + 1) * size; i++) {
                        score += there ? queries[t][i] * keys[key][i] : 0;
                        score += column < placed.length ? query[i] * placed[column][i] : 0;
                    }
                    scores[c] = there && near && real[key] ? Math.tanh(score / spec.logitCap()) * spec.logitCap() : spec.hiddenLogit();
                }
                double most = java.util.Arrays.stream(scores).max().orElseThrow();
                double[] shares = each(scores, v -> Math.exp(v - most));
                double all = java.util.Arrays.stream(shares).sum();
                for (int c = 0; c < context; c++) {
                    int key = t / chunk * chunk - spec.past() + c;
                    for (int i = head * size; i < (head + 1) * size && key >= 0 && key < x.length; i++) {
                        mixed[i] += shares[c] / all * values[key][i];
                    }
                }
            }
            result[t] = linear(mixed, name + "post");
        }
        return result;
    }

    private double[] linear(double[] x, String module) {
        return clipped(product(clipped(x, module + ".input_"), module + ".linear.weight"), module + ".output_");
    }

    private double[] clipped(double[] x, String bounds) {
        double[] least = weights.get(bounds + "min");
        double[] most = weights.get(bounds + "max");
        return least == null || most == null ? x : each(x, v -> Math.min(Math.max(v, least[0]), most[0]));
    }

    private double[] product(double[] given, String name) {
        String module = name.substring(0, name.length() - ".weight".length());
        double[] weight = weight(name);
        double @Nullable [] scale = weights.get(module + ".input_activation_scale");
        double[] x = codes.contains(name) && (scale == null || scale[0] == 0) ? dynamic(given) : rounded(given, scale);
        double[] result = new double[weight.length / x.length];
        for (int row = 0; row < result.length; row++) {
            for (int i = 0; i < x.length; i++) {
                result[row] += x[i] * weight[row * x.length + i];
            }
        }
        return rounded(result, weights.get(module + ".output_activation_scale"));
    }

    /// 255 steps from the least number to the greatest, 0 among them.
    private static double[] dynamic(double[] x) {
        double least = Math.min(0, java.util.Arrays.stream(x).min().orElseThrow());
        double step = (Math.max(0, java.util.Arrays.stream(x).max().orElseThrow()) - least) / 255;
        double zero = Math.rint(-128 - least / step);
        return step == 0 ? x : each(x, v -> (Math.clamp(Math.rint(v / step + zero), -128, 127) - zero) * step);
    }

    private static double[] rounded(double[] x, double @Nullable [] scale) {
        return scale == null || scale[0] == 0 ? x : each(x, v -> Math.clamp(Math.rint((float) v / (float) scale[0]), -128, 127) * scale[0]);
    }

    private double[] bounded(double[] x) {
        return each(x, v -> Math.clamp(v, -spec.bound(), spec.bound()));
    }

    private double[] norm(double[] x, double @Nullable [] weight) {
        double root = Math.sqrt(java.util.Arrays.stream(x).map(v -> v * v).average().orElseThrow() + spec.epsilon());
        double[] result = each(x, v -> v / root);
        for (int i = 0; weight != null && i < result.length; i++) {
            result[i] *= weight[i];
        }
        return result;
    }

    private static double[] sum(double[] a, double[] b, double factor) {
        double[] result = new double[a.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = a[i] + factor * b[i];
        }
        return result;
    }

    private static double[] each(double[] x, DoubleUnaryOperator function) {
        return java.util.Arrays.stream(x).map(function).toArray();
    }
}
