package io.github.weighbridge.litert.graph;

import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.spi.PolicyException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Gemma 4's encoder of images in the terms of its computation.
///
/// The names and what they default to are those of transformers' `Gemma4VisionConfig`.
///
/// @param hidden width of the residual stream
/// @param layers transformer blocks
/// @param heads of attention
/// @param headSize numbers of a head
/// @param patch pixels of a patch's side
/// @param pooling patches of the side of a square that becomes one soft token
/// @param tokens soft tokens of an image
/// @param theta base of the wavelengths of rotary positions
/// @param epsilon what norms add to the mean square
/// @param standardize whether soft tokens are shifted and scaled at the end
public record VisionSpec(int hidden, int layers, int heads, int headSize, int patch, int pooling, int tokens, double theta, float epsilon,
        boolean standardize) {
    private static final String PART = "vision";
    private static final String GELU_TANH = "gelu_pytorch_tanh";
    private static final int COLOURS = 3;
    private static final int MOST_WIDTH = 1 << 24;
    /// Attention looks from every patch to every other. The largest budget of the released models has 10 080.
    private static final int MOST_PATCHES = 1 << 16;

    /// Reads the hyper-parameters of the encoder of images.
    ///
    /// @return empty where the architecture has none, or takes images without a tower
    /// @throws PolicyException when no graph is known for it, saying why
    public static Optional<VisionSpec> of(Architecture a) throws PolicyException {
        Optional<EncoderConfig> found = EncoderConfig.of(a, PART);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        EncoderConfig config = found.get();
        Value.Fields p = config.fields();
        String activation = p.text("hidden_activation").orElse(GELU_TANH);
        if (!activation.equals(GELU_TANH)) {
            throw config.refusal("its activation is " + activation + ", and only " + GELU_TANH + " is written");
        }
        Optional<Value.Fields> rope = p.object("rope_parameters");
        String rotation = rope.flatMap(fields -> fields.text("rope_type")).orElse("default");
        if (!rotation.equals("default") || p.flag("attention_bias").orElse(false)) {
            throw config.refusal("rotary positions \"" + rotation + "\" or biases of attention are not written");
        }
        int hidden = config.whole("hidden_size", 1, MOST_WIDTH, 768);
        int heads = config.whole("num_attention_heads", 1, MOST_WIDTH, 12);
        int headSize = config.whole("head_dim", 1, MOST_WIDTH, hidden / heads);
        if (headSize % 4 != 0 || (long) heads * headSize > MOST_WIDTH || p.whole("num_key_value_heads").orElse((long) heads) != heads) {
            throw config.refusal(heads + " heads of " + headSize + " numbers: heads want a multiple of 4 numbers, at most " + MOST_WIDTH
                    + " in all, and keys of their own");
        }
        int pooling = config.whole("pooling_kernel_size", 1, MOST_PATCHES, 3);
        long tokens = a.parameters().whole("vision_soft_tokens_per_image").or(() -> p.whole("default_output_length")).orElse(280L);
        checkTokens(config, tokens, pooling);
        double theta = rope.flatMap(fields -> fields.number("rope_theta")).orElse(100.0);
        double epsilon = p.number("rms_norm_eps").orElse(1e-6);
        if (!(theta >= 1 && theta <= Float.MAX_VALUE && epsilon >= 0 && epsilon <= 1)) {
            throw config.refusal(
                    "a rope_theta of " + theta + " and an rms_norm_eps of " + epsilon + " are none that numbers can be computed with");
        }
        return Optional.of(new VisionSpec(hidden, p.whole("num_hidden_layers").orElse(16L).intValue(), heads, headSize,
                config.whole("patch_size", 1, 1 << 12, 16), pooling, (int) tokens,
                theta, (float) epsilon, p.flag("standardize").orElse(false)));
    }

    /// The same for graphs that make other numbers of soft tokens of an image.
    ///
    /// @param counts the numbers; empty for the model's own
    /// @return one for each, in their order; empty where the architecture has no encoder that is known
    /// @throws PolicyException when no graph is known for one, saying why
    public static List<VisionSpec> of(Architecture a, List<Integer> counts) throws PolicyException {
        Optional<VisionSpec> own = of(a);
        Optional<EncoderConfig> config = EncoderConfig.of(a, PART);
        if (own.isEmpty() || config.isEmpty() || counts.isEmpty()) {
            return own.stream().toList();
        }
        List<VisionSpec> specs = new ArrayList<>();
        for (int count : counts) {
            checkTokens(config.get(), count, own.get().pooling);
            specs.add(own.get().withTokens(count));
        }
        return specs;
    }

    private VisionSpec withTokens(int count) {
        return new VisionSpec(hidden, layers, heads, headSize, patch, pooling, count, theta, epsilon, standardize);
    }

    private static void checkTokens(EncoderConfig config, long tokens, int pooling) throws PolicyException {
        if (tokens < 1 || tokens > MOST_PATCHES || tokens * pooling * pooling > MOST_PATCHES) {
            throw config.refusal(tokens + " soft tokens of " + pooling + " x " + pooling + " patches: an image has 1 to " + MOST_PATCHES
                    + " patches");
        }
    }

    /// Patches of an image.
    public int patches() {
        return tokens * pooling * pooling;
    }

    /// Numbers of a patch: rows of pixels, colours innermost.
    public int pixels() {
        return COLOURS * patch * patch;
    }
}
