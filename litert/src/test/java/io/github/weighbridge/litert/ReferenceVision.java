package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.safetensors.SafetensorsFormat;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/// A plain forward pass of Gemma 4's encoder of images over the tensors of a folder, in double precision, one number after the other: the arithmetic
/// of transformers' `Gemma4VisionModel` and `Gemma4MultimodalEmbedder`. Knows nothing of the graphs that are written.
final class ReferenceVision {
    private static final String TOWER = "model.vision_tower.";

    private final Map<String, float[]> tensors = new HashMap<>();
    /// Names of weights that are codes.
    private final Set<String> codes = new HashSet<>();
    private final Value.Fields config;
    private final int tokens;

    /// Reads the encoder of a folder, or of a bundle.
    ReferenceVision(Path path) throws IOException {
        Format format = path.toString().endsWith(".litertlm") ? new LitertlmFormat() : new SafetensorsFormat();
        try (Checkpoint source = format.open(Source.of(path), ReadOptions.defaults());
                ViewReader reader = new ViewReader(source.files().stream().map(CheckpointFile::source).toList())) {
            for (StoredTensor stored : source.graph().stored()) {
                if (stored.name().contains("vision")) {
                    float[] numbers = new float[Math.toIntExact(stored.shape().elements())];
                    reader.read(View.of(stored), Region.all(stored.shape()), numbers, 0);
                    tensors.put(stored.name(), numbers);
                    if (stored.encoding().dense().isEmpty()) {
                        codes.add(stored.name());
                    }
                }
            }
            config = source.architecture().parameters().object("vision_config").orElseThrow();
            tokens = source.architecture().parameters().whole("vision_soft_tokens_per_image").orElseThrow().intValue();
        }
    }

    /// Leaves static activations out.
    ReferenceVision withoutActivations() {
        tensors.keySet().removeIf(name -> name.endsWith("activation_scale"));
        return this;
    }

    /// What comes out for an image.
    ///
    /// @param features of all soft tokens, those that fill up included
    /// @param real which soft tokens have patches of the image
    record Result(double[][] features, boolean[] real) {}

    private int whole(String name) {
        return config.whole(name).orElseThrow().intValue();
    }

    int tokens() {
        return tokens;
    }

    int patches() {
        return tokens * whole("pooling_kernel_size") * whole("pooling_kernel_size");
    }

    int pixels() {
        return 3 * whole("patch_size") * whole("patch_size");
    }

    /// The encoder.
    ///
    /// @param images a row of pixels for each patch
    /// @param at column and row of each patch, (-1, -1) for those that fill up
    Result encode(float[][] images, int[][] at) {
        int count = images.length;
        int hidden = whole("hidden_size");
        int rows = whole("position_embedding_size");
        float[] table = numbers(TOWER + "patch_embedder.position_embedding_table");
        double[][] x = new double[count][];
        for (int i = 0; i < count; i++) {
            double[] patch = new double[images[i].length];
            for (int j = 0; j < patch.length; j++) {
                patch[j] = 2 * (images[i][j] - 0.5);
            }
            x[i] = product(patch, TOWER + "patch_embedder.input_proj.weight");
            for (int axis = 0; axis < 2 && !padding(at[i]); axis++) {
                for (int j = 0; j < hidden; j++) {
                    x[i][j] += table[(axis * rows + at[i][axis]) * hidden + j];
                }
            }
        }
        for (int layer = 0; layer < whole("num_hidden_layers"); layer++) {
            layer(x, at, TOWER + "encoder.layers." + layer + ".");
        }
        return pool(x, at);
    }

    private static boolean padding(int[] at) {
        return at[0] == -1 && at[1] == -1;
    }

    private void layer(double[][] x, int[][] at, String name) {
        double[][] mixed = attention(x, at, name);
        for (int i = 0; i < x.length; i++) {
            add(x[i], norm(linear(mixed[i], name + "self_attn.o_proj"), name + "post_attention_layernorm.weight"));
            double[] normed = norm(x[i], name + "pre_feedforward_layernorm.weight");
            double[] gate = linear(normed, name + "mlp.gate_proj");
            double[] up = linear(normed, name + "mlp.up_proj");
            for (int j = 0; j < gate.length; j++) {
                double g = gate[j];
                up[j] *= 0.5 * g * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g)));
            }
            add(x[i], norm(linear(up, name + "mlp.down_proj"), name + "post_feedforward_layernorm.weight"));
        }
    }

    private double[][] attention(double[][] x, int[][] at, String name) {
        int count = x.length;
        int heads = whole("num_attention_heads");
        int size = whole("head_dim");
        double[][][] queries = new double[count][][];
        double[][][] keys = new double[count][][];
        double[][][] values = new double[count][][];
        for (int i = 0; i < count; i++) {
            double[] normed = norm(x[i], name + "input_layernorm.weight");
            queries[i] = split(linear(normed, name + "self_attn.q_proj"), heads);
            keys[i] = split(linear(normed, name + "self_attn.k_proj"), heads);
            values[i] = split(linear(normed, name + "self_attn.v_proj"), heads);
            for (int head = 0; head < heads; head++) {
                queries[i][head] = turn(norm(queries[i][head], name + "self_attn.q_norm.weight"), at[i]);
                keys[i][head] = turn(norm(keys[i][head], name + "self_attn.k_norm.weight"), at[i]);
                values[i][head] = rootMeanSquare(values[i][head]);
            }
        }
        double[][] mixed = new double[count][heads * size];
        double[] shares = new double[count];
        for (int head = 0; head < heads; head++) {
            for (int i = 0; i < count; i++) {
                double largest = Double.NEGATIVE_INFINITY;
                for (int j = 0; j < count; j++) {
                    double score = 0;
                    for (int k = 0; k < size; k++) {
                        score += queries[i][head][k] * keys[j][head][k];
                    }
                    shares[j] = padding(at[j]) ? Double.NEGATIVE_INFINITY : score;
                    largest = Math.max(largest, shares[j]);
                }
                double sum = 0;
                for (int j = 0; j < count; j++) {
                    shares[j] = Math.exp(shares[j] - largest);
                    sum += shares[j];
                }
                for (int j = 0; j < count; j++) {
                    for (int k = 0; k < size; k++) {
                        mixed[i][head * size + k] += shares[j] / sum * values[j][head][k];
                    }
                }
            }
        }
        return mixed;
    }

    private static double[][] split(double[] x, int heads) {
        int size = x.length / heads;
        double[][] parts = new double[heads][size];
        for (int i = 0; i < x.length; i++) {
            parts[i / size][i % size] = x[i];
        }
        return parts;
    }

    /// The first half of a head turns with the column, the second with the row; within a half, numbers a quarter of a head apart turn together.
    private double[] turn(double[] x, int[] at) {
        double theta = config.object("rope_parameters").orElseThrow().number("rope_theta").orElseThrow();
        int half = x.length / 2;
        int quarter = half / 2;
        double[] turned = new double[x.length];
        for (int axis = 0; axis < 2; axis++) {
            for (int i = 0; i < quarter; i++) {
                double angle = at[axis] / Math.pow(theta, 2.0 * i / half);
                double a = x[axis * half + i];
                double b = x[axis * half + quarter + i];
                turned[axis * half + i] = a * Math.cos(angle) - b * Math.sin(angle);
                turned[axis * half + quarter + i] = b * Math.cos(angle) + a * Math.sin(angle);
            }
        }
        return turned;
    }

    private Result pool(double[][] x, int[][] at) {
        int kernel = whole("pooling_kernel_size");
        int hidden = whole("hidden_size");
        int columns = 0;
        for (int[] place : at) {
            columns = Math.max(columns, place[0] + 1);
        }
        double[][] features = new double[tokens][hidden];
        boolean[] real = new boolean[tokens];
        for (int i = 0; i < x.length; i++) {
            if (!padding(at[i])) {
                int square = at[i][0] / kernel + columns / kernel * (at[i][1] / kernel);
                real[square] = true;
                for (int j = 0; j < hidden; j++) {
                    features[square][j] += x[i][j] / (kernel * kernel) * Math.sqrt(hidden);
                }
            }
        }
        if (config.flag("standardize").orElse(false)) {
            for (double[] feature : features) {
                for (int j = 0; j < hidden; j++) {
                    feature[j] = (feature[j] - numbers(TOWER + "std_bias")[j]) * numbers(TOWER + "std_scale")[j];
                }
            }
        }
        return new Result(features, real);
    }

    /// The adapter, for one soft token.
    double[] adapt(double[] feature) {
        return product(rootMeanSquare(feature), "model.embed_vision.embedding_projection.weight");
    }

    private float[] numbers(String name) {
        float[] numbers = tensors.get(name);
        if (numbers == null) {
            throw new IllegalStateException("no " + name);
        }
        return numbers;
    }

    private static void add(double[] x, double[] y) {
        for (int i = 0; i < x.length; i++) {
            x[i] += y[i];
        }
    }

    private double[] rootMeanSquare(double[] x) {
        double sum = 0;
        for (double number : x) {
            sum += number * number;
        }
        double factor = 1 / Math.sqrt(sum / x.length + config.number("rms_norm_eps").orElseThrow());
        double[] normed = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            normed[i] = x[i] * factor;
        }
        return normed;
    }

    private double[] norm(double[] x, String name) {
        double[] normed = rootMeanSquare(x);
        float[] weight = numbers(name);
        for (int i = 0; i < x.length; i++) {
            normed[i] *= weight[i];
        }
        return normed;
    }

    /// A product between bounds or static activations, whichever the folder has.
    private double[] linear(double[] x, String module) {
        double[] in = rounded(clipped(x, module + ".input_"), module + ".linear.input_activation_scale");
        double[] out = rounded(product(in, module + ".linear.weight"), module + ".linear.output_activation_scale");
        return clipped(out, module + ".output_");
    }

    private double[] clipped(double[] x, String bounds) {
        if (!tensors.containsKey(bounds + "min")) {
            return x;
        }
        double least = numbers(bounds + "min")[0];
        double most = numbers(bounds + "max")[0];
        double[] clipped = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            clipped[i] = Math.min(Math.max(x[i], least), most);
        }
        return clipped;
    }

    private double[] rounded(double[] x, String scale) {
        if (!tensors.containsKey(scale) || numbers(scale)[0] == 0) {
            return x;
        }
        double step = numbers(scale)[0];
        double[] rounded = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            rounded[i] = Math.clamp(Math.rint(x[i] / step), -128, 127) * step;
        }
        return rounded;
    }

    /// What the delegate makes of numbers that enter a product with codes, where they have no static scale: 255 steps from the least to the greatest.
    private static double[] dynamic(double[] x) {
        double least = 0;
        double most = 0;
        for (double number : x) {
            least = Math.min(least, number);
            most = Math.max(most, number);
        }
        double step = (most - least) / 255;
        double zero = Math.rint(-128 - least / step);
        double[] rounded = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            rounded[i] = (Math.clamp(Math.rint(x[i] / step + zero), -128, 127) - zero) * step;
        }
        return rounded;
    }

    private double[] product(double[] numbers, String name) {
        float[] weight = numbers(name);
        String module = name.substring(0, name.length() - ".weight".length());
        double[] x = codes.contains(name) && !tensors.containsKey(module + ".input_activation_scale") ? dynamic(numbers) : numbers;
        double[] out = new double[weight.length / x.length];
        for (int i = 0; i < out.length; i++) {
            double sum = 0;
            for (int j = 0; j < x.length; j++) {
                sum += x[j] * weight[i * x.length + j];
            }
            out[i] = sum;
        }
        return out;
    }
}
