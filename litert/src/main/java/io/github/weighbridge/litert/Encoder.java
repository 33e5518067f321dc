package io.github.weighbridge.litert;

import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.graph.AudioGraph;
import io.github.weighbridge.litert.graph.AudioSpec;
import io.github.weighbridge.litert.graph.EncoderWeights;
import io.github.weighbridge.litert.graph.Graph;
import io.github.weighbridge.litert.graph.VisionGraph;
import io.github.weighbridge.litert.graph.VisionSpec;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.spi.PolicyException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The encoders that a bundle holds in sections of their own, where a graph is known for them.
enum Encoder {
    /// Images.
    VISION("vision", Component.VISION_ENCODER, List.of("eoi_token_id"), BundlePart.Model.END_OF_VISION) {
        @Override
        Optional<Map<BundlePart.Model, Drawing>> models(Architecture architecture, LitertOptions options) throws PolicyException {
            List<VisionSpec> specs = VisionSpec.of(architecture, options.imageTokens());
            if (specs.isEmpty()) {
                return Optional.empty();
            }
            Map<BundlePart.Model, Drawing> models = new LinkedHashMap<>();
            models.put(BundlePart.Model.VISION_ENCODER,
                    (weights, model) -> specs.forEach(spec -> VisionGraph.encoder(spec, weights, model)));
            models.put(BundlePart.Model.VISION_ADAPTER,
                    (weights, model) -> specs.forEach(spec -> VisionGraph.adapter(spec, weights, model)));
            return Optional.of(models);
        }
    },
    /// Sound.
    AUDIO("audio", Component.AUDIO_ENCODER, List.of("eoa_token_id", "eoa_token_index"), BundlePart.Model.END_OF_AUDIO) {
        @Override
        Optional<Map<BundlePart.Model, Drawing>> models(Architecture architecture, LitertOptions options) throws PolicyException {
            return AudioSpec.of(architecture).map(spec -> {
                Map<BundlePart.Model, Drawing> models = new LinkedHashMap<>();
                models.put(BundlePart.Model.AUDIO_ENCODER, (weights, model) -> AudioGraph.encoder(spec, weights, model));
                models.put(BundlePart.Model.AUDIO_ADAPTER, (weights, model) -> AudioGraph.adapter(spec, weights, model));
                return models;
            });
        }
    };

    /// Draws the graphs of a model.
    @FunctionalInterface
    interface Drawing {
        /// Adds them.
        void draw(EncoderWeights weights, Graph.Model model);
    }

    private final String part;
    private final Component tower;
    private final List<String> endTokens;
    private final BundlePart.Model end;

    Encoder(String part, Component tower, List<String> endTokens, BundlePart.Model end) {
        this.part = part;
        this.tower = tower;
        this.endTokens = endTokens;
        this.end = end;
    }

    /// The models of an encoder, in the order of their sections; empty where no graph is known for an encoder of that kind.
    ///
    /// @throws PolicyException when the kind is known and the hyper-parameters are such as no graph can have
    abstract Optional<Map<BundlePart.Model, Drawing>> models(Architecture architecture, LitertOptions options) throws PolicyException;

    /// The family's word for the part of the model.
    String part() {
        return part;
    }

    /// The component that its layers belong to.
    Component tower() {
        return tower;
    }

    /// The number of the token that ends what it encodes. Released files have two names for one of them.
    Optional<Long> endToken(Value.Fields parameters) {
        return endTokens.stream().flatMap(name -> parameters.whole(name).stream()).findFirst();
    }

    /// The model that gives the embedding of that token.
    BundlePart.Model end() {
        return end;
    }
}
