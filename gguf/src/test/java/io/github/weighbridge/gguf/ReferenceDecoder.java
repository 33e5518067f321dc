package io.github.weighbridge.gguf;

import io.github.weighbridge.fixtures.DecoderModel;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.safetensors.file.SafetensorsFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/// The forward pass of a small model as transformers computes it, written out plainly over the tensors of a Hugging Face folder in single
/// precision. It shares nothing with the tables it checks: names and arrangement are those of transformers.
final class ReferenceDecoder {
    private final Value.Fields config;
    private final boolean gemma;
    private final Map<String, float[]> weights = new HashMap<>();
    private final int hidden;
    private final int heads;
    private final int keyHeads;
    private final int head;

    private ReferenceDecoder(Value.Fields config) {
        this.config = config;
        this.gemma = config.text("model_type").orElse("").startsWith("gemma3");
        this.hidden = number("hidden_size");
        this.heads = number("num_attention_heads");
        this.keyHeads = number("num_key_value_heads");
        this.head = config.whole("head_dim").orElse((long) hidden / heads).intValue();
    }

    static ReferenceDecoder of(Path folder, DecoderModel model) throws IOException {
        Value.Fields config = model.config();
        ReferenceDecoder decoder = new ReferenceDecoder(config.object("text_config").orElse(config));
        try (SafetensorsFolder files = SafetensorsFolder.open(SourceTree.of(folder), Limits.DEFAULT)) {
            for (SafetensorsFolder.Located located : files.tensors()) {
                byte[] bytes = files.shards().get(located.shard()).source().readBytes(located.entry().fileOffset(),
                        (int) located.entry().length());
                float[] numbers = new float[bytes.length / 4];
                ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(numbers);
                String name = located.name();
                decoder.weights.put(name.startsWith("language_model.") ? name.substring("language_model.".length()) : name, numbers);
            }
        }
        return decoder;
    }

    private int number(String name) {
        return config.whole(name).orElseThrow().intValue();
    }

    private float[] weight(String name) {
        return Objects.requireNonNull(weights.get(name), name);
    }

    /// Logits at every position.
    float[][] logits(int[] tokens) {
        float[] table = weight("model.embed_tokens.weight");
        float[][] x = new float[tokens.length][hidden];
        for (int t = 0; t < tokens.length; t++) {
            for (int i = 0; i < hidden; i++) {
                x[t][i] = table[tokens[t] * hidden + i] * (gemma ? (float) Math.sqrt(hidden) : 1);
            }
        }
        for (int layer = 0; layer < number("num_hidden_layers"); layer++) {
            layer(layer, x);
        }
        float[] output = weights.getOrDefault("lm_head.weight", table);
        float[][] logits = new float[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            logits[t] = times(output, norm(x[t], "model.norm.weight"), null);
        }
        return logits;
    }

    private void layer(int index, float[][] x) {
        String m = "model.layers." + index + ".";
        float[][] q = new float[x.length][];
        float[][] k = new float[x.length][];
        float[][] v = new float[x.length][];
        boolean sliding = gemma && (index + 1) % number("sliding_window_pattern") != 0;
        for (int t = 0; t < x.length; t++) {
            float[] in = norm(x[t], m + "input_layernorm.weight");
            q[t] = heads(linear(in, m + "self_attn.q_proj"), m + "self_attn.q_norm.weight", t, sliding);
            k[t] = heads(linear(in, m + "self_attn.k_proj"), m + "self_attn.k_norm.weight", t, sliding);
            v[t] = linear(in, m + "self_attn.v_proj");
        }
        for (int t = 0; t < x.length; t++) {
            float[] mixed = new float[heads * head];
            for (int h = 0; h < heads; h++) {
                attend(q[t], k, v, h, t, sliding ? Math.max(0, t - number("sliding_window") + 1) : 0, mixed);
            }
            float[] attention = linear(mixed, m + "self_attn.o_proj");
            add(x[t], gemma ? norm(attention, m + "post_attention_layernorm.weight") : attention);
            float[] in = norm(x[t], m + (gemma ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight"));
            float[] out = weights.containsKey(m + "mlp.gate.weight") ? experts(in, m + "mlp.") : feedForward(in, m + "mlp.");
            add(x[t], gemma ? norm(out, m + "post_feedforward_layernorm.weight") : out);
        }
    }

    private void attend(float[] query, float[][] k, float[][] v, int h, int t, int first, float[] mixed) {
        int shared = h / (heads / keyHeads) * head;
        double scale = 1 / Math.sqrt(gemma ? number("query_pre_attn_scalar") : head);
        double[] scores = new double[t + 1];
        double largest = Double.NEGATIVE_INFINITY;
        for (int s = first; s <= t; s++) {
            for (int i = 0; i < head; i++) {
                scores[s] += (double) query[h * head + i] * k[s][shared + i];
            }
            scores[s] *= scale;
            largest = Math.max(largest, scores[s]);
        }
        double sum = 0;
        for (int s = first; s <= t; s++) {
            scores[s] = Math.exp(scores[s] - largest);
            sum += scores[s];
        }
        for (int i = 0; i < head; i++) {
            double value = 0;
            for (int s = first; s <= t; s++) {
                value += scores[s] / sum * v[s][shared + i];
            }
            mixed[h * head + i] = (float) value;
        }
    }

    /// Norms where there are any, then rotates the halves of each head.
    private float[] heads(float[] rows, String normName, int position, boolean sliding) {
        float[] result = new float[rows.length];
        for (int h = 0; h < rows.length / head; h++) {
            float[] one = new float[head];
            System.arraycopy(rows, h * head, one, 0, head);
            if (weights.containsKey(normName)) {
                one = norm(one, normName);
            }
            for (int i = 0; i < head / 2; i++) {
                double angle = position * frequency(i, sliding);
                double cos = Math.cos(angle);
                double sin = Math.sin(angle);
                result[h * head + i] = (float) (one[i] * cos - one[i + head / 2] * sin);
                result[h * head + i + head / 2] = (float) (one[i + head / 2] * cos + one[i] * sin);
            }
        }
        return result;
    }

    private double frequency(int pair, boolean sliding) {
        double theta = sliding ? config.number("rope_local_base_freq").orElseThrow() : config.number("rope_theta").orElse(10_000.0);
        double frequency = Math.pow(theta, -2.0 * pair / head);
        Value.Fields scaling = config.object("rope_scaling").orElse(Value.Fields.EMPTY);
        String type = scaling.text("rope_type").orElse("");
        double factor = scaling.number("factor").orElse(1.0);
        if (type.equals("linear")) {
            return sliding ? frequency : frequency / factor;
        }
        if (!type.equals("llama3")) {
            return frequency;
        }
        double wavelength = 2 * Math.PI / frequency;
        double context = scaling.number("original_max_position_embeddings").orElseThrow();
        double low = scaling.number("low_freq_factor").orElseThrow();
        double high = scaling.number("high_freq_factor").orElseThrow();
        if (wavelength < context / high) {
            return frequency;
        }
        if (wavelength > context / low) {
            return frequency / factor;
        }
        double smooth = (context / wavelength - low) / (high - low);
        return (1 - smooth) * frequency / factor + smooth * frequency;
    }

    private float[] experts(float[] in, String module) {
        float[] scores = times(weight(module + "gate.weight"), in, null);
        double largest = Double.NEGATIVE_INFINITY;
        for (float score : scores) {
            largest = Math.max(largest, score);
        }
        boolean[] used = new boolean[scores.length];
        int[] chosen = new int[number("num_experts_per_tok")];
        double sum = 0;
        for (int i = 0; i < chosen.length; i++) {
            int best = -1;
            for (int e = 0; e < scores.length; e++) {
                best = !used[e] && (best < 0 || scores[e] > scores[best]) ? e : best;
            }
            used[best] = true;
            chosen[i] = best;
            sum += Math.exp(scores[best] - largest);
        }
        float[] result = new float[hidden];
        for (int e : chosen) {
            float[] out = feedForward(in, module + "experts." + e + ".");
            for (int i = 0; i < hidden; i++) {
                result[i] += (float) (Math.exp(scores[e] - largest) / sum * out[i]);
            }
        }
        return result;
    }

    private float[] feedForward(float[] in, String module) {
        float[] gate = linear(in, module + "gate_proj");
        float[] up = linear(in, module + "up_proj");
        for (int i = 0; i < gate.length; i++) {
            double activated = gemma ? gelu(gate[i]) : gate[i] / (1 + Math.exp(-gate[i]));
            gate[i] = (float) (activated * up[i]);
        }
        return linear(gate, module + "down_proj");
    }

    /// ggml looks this function up in a table of all half precision numbers; without that, logits differ by a thousandth.
    private static float gelu(float x) {
        double g = Float.float16ToFloat(Float.floatToFloat16(x));
        double exact = 0.5 * g * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g)));
        return Float.float16ToFloat(Float.floatToFloat16((float) exact));
    }

    private float[] norm(float[] x, String name) {
        float[] weight = weight(name);
        double sum = 0;
        for (float value : x) {
            sum += (double) value * value;
        }
        double scale = 1 / Math.sqrt(sum / x.length + config.number("rms_norm_eps").orElseThrow());
        float[] result = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            result[i] = (float) (x[i] * scale * (gemma ? 1 + weight[i] : weight[i]));
        }
        return result;
    }

    private float[] linear(float[] in, String module) {
        return times(weight(module + ".weight"), in, weights.get(module + ".bias"));
    }

    private static float[] times(float[] matrix, float[] in, float[] bias) {
        float[] result = new float[matrix.length / in.length];
        for (int row = 0; row < result.length; row++) {
            double sum = bias == null ? 0 : bias[row];
            for (int i = 0; i < in.length; i++) {
                sum += (double) matrix[row * in.length + i] * in[i];
            }
            result[row] = (float) sum;
        }
        return result;
    }

    private static void add(float[] x, float[] more) {
        for (int i = 0; i < x.length; i++) {
            x[i] += more[i];
        }
    }
}
