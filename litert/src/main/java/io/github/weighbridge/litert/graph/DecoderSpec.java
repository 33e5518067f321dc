package io.github.weighbridge.litert.graph;

import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.spi.PolicyException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A decoder in the terms of its computation: where the families differ.
///
/// @param hidden width of the residual stream
/// @param vocabulary tokens
/// @param layers heads, windows, widths, and whose cache is read
/// @param epsilon what norms add to the mean square
/// @param softcap bound of the logits
/// @param perLayer width of each layer's input of its own; 0 where there is none
/// @param onePlusNorms whether norms multiply by `1 + w`
/// @param valueNorm whether values are normed, without weights
/// @param keysAsValues whether layers with full attention take the projected keys as values
/// @param attentionScale factor of queries
/// @param layerScalar whether each layer ends with a factor
/// @param rotary rotation of queries and keys, by kind of attention
public record DecoderSpec(int hidden, int vocabulary, List<Layer> layers, float epsilon, Optional<Float> softcap, int perLayer,
        boolean onePlusNorms, boolean valueNorm, boolean keysAsValues, float attentionScale, boolean layerScalar,
        Map<Layer.Attention, Rotary> rotary) {
    private static final String GELU_TANH = "gelu_pytorch_tanh";

    /// Copies the collections.
    public DecoderSpec {
        layers = List.copyOf(layers);
        rotary = Map.copyOf(rotary);
    }

    /// Rotary positions.
    ///
    /// @param theta base of the wavelengths
    /// @param part of a head that is rotated, counted from its front
    /// @param factor by which positions are compressed
    public record Rotary(double theta, double part, double factor) {
        /// Radians a position for each pair of dimensions; those that are not rotated have 0.
        ///
        /// @param headSize numbers of a head
        public float[] frequencies(int headSize) {
            int pairs = headSize / 2;
            int rotated = Math.clamp((long) (part * headSize / 2), 0, pairs);
            float[] frequencies = new float[pairs];
            for (int i = 0; i < rotated; i++) {
                frequencies[i] = (float) (1 / Math.pow(theta, 2.0 * i / headSize) / factor);
            }
            return frequencies;
        }
    }

    /// Reads the hyper-parameters of a text decoder.
    ///
    /// @throws PolicyException when no graph is known for it, saying why
    public static DecoderSpec of(Architecture a) throws PolicyException {
        Value.Fields p = a.parameters();
        Optional<String> activation = p.text("hidden_activation").or(() -> p.text("hidden_act"));
        if (activation.isPresent() && !activation.get().equals(GELU_TANH)) {
            throw refusal(a, "its activation is " + activation.get() + ", and only " + GELU_TANH + " is written");
        }
        if (p.flag("attention_bias").orElse(false)) {
            throw refusal(a, "its attention has biases, which are not written");
        }
        return switch (a.family()) {
            case "gemma4" -> gemma4(a, p);
            case "gemma3" -> gemma3(a, p);
            default -> throw refusal(a, "graphs are written for gemma3 and gemma4");
        };
    }

    private static PolicyException refusal(Architecture a, String why) {
        return new PolicyException("LiteRT-LM: no decoder graph for " + a.name() + " (" + a.family() + "): " + why);
    }

    private static DecoderSpec gemma4(Architecture a, Value.Fields p) throws PolicyException {
        for (Layer layer : a.layers()) {
            if (layer.experts() > 0) {
                throw refusal(a, "layer " + layer.index() + " is a mixture of experts, for which TFLite has no operator");
            }
            if (layer.cacheOwner() == Layer.NO_CACHE) {
                throw refusal(a, "drafters are not written");
            }
        }
        Optional<Value.Fields> rope = p.object("rope_parameters");
        Rotary sliding = rotary(rope.flatMap(all -> all.object("sliding_attention")), 1e4, 1);
        Rotary full = rotary(rope.flatMap(all -> all.object("full_attention")), 1e6, 0.25);
        return new DecoderSpec((int) a.hiddenSize(), (int) a.vocabularySize(), a.layers(), epsilon(p), softcap(p),
                p.whole("hidden_size_per_layer_input").orElse(0L).intValue(), false, true, p.flag("attention_k_eq_v").orElse(false), 1,
                true,
                Map.of(Layer.Attention.SLIDING, sliding, Layer.Attention.FULL, full));
    }

    private static Rotary rotary(Optional<Value.Fields> given, double theta, double part) {
        return new Rotary(given.flatMap(fields -> fields.number("rope_theta")).orElse(theta),
                given.flatMap(fields -> fields.number("partial_rotary_factor")).orElse(part),
                given.flatMap(fields -> fields.number("factor")).orElse(1.0));
    }

    private static DecoderSpec gemma3(Architecture a, Value.Fields p) throws PolicyException {
        Optional<Value.Fields> scaling = p.object("rope_scaling");
        String kind = scaling.flatMap(fields -> fields.text("rope_type")).orElse("default");
        if (!kind.equals("default") && !kind.equals("linear")) {
            throw refusal(a, "rotary scaling \"" + kind + "\" is not written");
        }
        double factor = scaling.flatMap(fields -> fields.number("factor")).orElse(1.0);
        Rotary full = new Rotary(p.number("rope_theta").orElse(1e6), 1, factor);
        Rotary sliding = new Rotary(p.number("rope_local_base_freq").orElse(1e4), 1, 1);
        double scalar = p.number("query_pre_attn_scalar").orElse((double) a.layers().getFirst().keyLength());
        return new DecoderSpec((int) a.hiddenSize(), (int) a.vocabularySize(), a.layers(), epsilon(p), softcap(p), 0, true, false, false,
                (float) (1 / Math.sqrt(scalar)), false, Map.of(Layer.Attention.SLIDING, sliding, Layer.Attention.FULL, full));
    }

    private static float epsilon(Value.Fields p) {
        return p.number("rms_norm_eps").orElse(1e-6).floatValue();
    }

    private static Optional<Float> softcap(Value.Fields p) {
        return p.number("final_logit_softcapping").filter(cap -> cap > 0).map(Double::floatValue);
    }

    /// Factor of a token's embedding.
    public float embeddingScale() {
        return (float) Math.sqrt(hidden);
    }

    /// Factor of a token's inputs of the layers.
    public float perLayerScale() {
        return (float) Math.sqrt(perLayer);
    }

    /// The layers that keep keys and values, in order: cache `i` of the graph is that of the `i`-th.
    public List<Layer> cacheOwners() {
        return layers.stream().filter(Layer::ownsCache).toList();
    }
}
