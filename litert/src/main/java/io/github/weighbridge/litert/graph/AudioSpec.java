package io.github.weighbridge.litert.graph;

import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.spi.PolicyException;
import java.util.List;
import java.util.Optional;

/// Gemma 4's encoder of sound in the terms of its computation.
///
/// The names and what they default to are those of transformers' `Gemma4AudioConfig`.
///
/// @param hidden width of the residual stream
/// @param layers conformer blocks
/// @param heads of attention
/// @param channels of the second convolution, whose input has four times as many mel bins as its output places
/// @param bins mel bins of a frame
/// @param kernel frames that a light convolution sees
/// @param chunk frames that attend together
/// @param past frames before a chunk that it sees
/// @param future frames behind a chunk that it sees
/// @param logitCap bound of attention scores
/// @param hiddenLogit score of what is not seen
/// @param residual factor of a feed-forward block
/// @param epsilon what norms add to the mean square
/// @param bound of the residual stream, against overflow
/// @param width of the soft tokens
/// @param textHidden width of the text model
public record AudioSpec(int hidden, int layers, int heads, int channels, int bins, int kernel, int chunk, int past, int future,
        float logitCap, float hiddenLogit, float residual, float epsilon, float bound, int width, int textHidden) {
    /// Frames that LiteRT-LM's encoder of Gemma 4 takes at once: 8.16 seconds.
    private static final int FRAMES = 816;
    /// Frames that become one soft token.
    public static final int SHRINKING = 4;
    private static final String PART = "audio";
    private static final int MOST = 1 << 16;
    /// Of a constant that is made here.
    private static final int MOST_NUMBERS = 1 << 22;

    /// Reads the hyper-parameters of the encoder of sound.
    ///
    /// @return empty where the architecture has none, or takes sound without one
    /// @throws PolicyException when no graph is known for it, saying why
    public static Optional<AudioSpec> of(Architecture a) throws PolicyException {
        Optional<EncoderConfig> found = EncoderConfig.of(a, PART);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        EncoderConfig config = found.get();
        Value.Fields p = config.fields();
        String activation = p.text("hidden_act").orElse("silu");
        if (!activation.equals("silu")) {
            throw config.refusal("its activation is " + activation + ", and only silu is written");
        }
        List<Value> channels = p.list("subsampling_conv_channels").orElse(List.of(Value.of(128), Value.of(32)));
        long first = ((Value.Whole) channels.get(0)).number();
        long second = ((Value.Whole) channels.get(1)).number();
        int hidden = config.whole("hidden_size", 1, MOST, 1024);
        int heads = config.whole("num_attention_heads", 1, MOST, 8);
        if (hidden % heads != 0 || first % SHRINKING != 0 || first / SHRINKING * second > MOST_NUMBERS) {
            throw config.refusal(hidden + " numbers are no multiple of " + heads + " heads, or " + first + " and " + second
                    + " channels of convolutions no multiple of 4, or too many");
        }
        AudioSpec spec = new AudioSpec(hidden, config.whole("num_hidden_layers", 0, MOST, 12), heads, (int) second, (int) first,
                config.whole("conv_kernel_size", 1, MOST, 5), config.whole("attention_chunk_size", 1, MOST, 12),
                config.whole("attention_context_left", 1, MOST, 13) - 1, config.whole("attention_context_right", 0, MOST, 0),
                config.number("attention_logit_cap", Float.MIN_NORMAL, 50),
                config.number("attention_invalid_logits_value", -Float.MAX_VALUE, -1e9), config.number("residual_weight", -MOST, 0.5),
                config.number("rms_norm_eps", 0, 1e-6), config.number("gradient_clipping", Float.MIN_NORMAL, 1e10),
                config.whole("output_proj_dims", 1, MOST, 1536), (int) a.hiddenSize());
        if ((long) spec.chunk() * spec.context() > MOST_NUMBERS || (long) spec.distances() * hidden > MOST_NUMBERS) {
            throw config.refusal("chunks of " + spec.chunk() + " frames that see " + spec.context() + " are too many");
        }
        return Optional.of(spec);
    }

    /// Frames that the graph takes: as many whole chunks as LiteRT-LM's own files have, and at least one.
    public int frames() {
        int together = SHRINKING * chunk;
        return Math.max(together, FRAMES / together * together);
    }

    /// Soft tokens that the graph gives.
    public int tokens() {
        return frames() / SHRINKING;
    }

    /// Chunks of the soft tokens.
    public int chunks() {
        return tokens() / chunk;
    }

    /// Frames that a chunk sees.
    public int context() {
        return past + chunk + future;
    }

    /// Numbers of a head.
    public int headSize() {
        return hidden / heads;
    }

    /// Relative positions that have an embedding: from `distances() - 1` frames back to the frame itself.
    public int distances() {
        return context() / 2 + 1;
    }
}
