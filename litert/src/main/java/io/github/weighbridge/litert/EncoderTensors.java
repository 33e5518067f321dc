package io.github.weighbridge.litert;

import io.github.weighbridge.litert.graph.EmbedderGraph;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The tensors of one encoder, by the names that Hugging Face has for them, and the sections that they fill.
final class EncoderTensors {
    /// Behind the name of the table of embeddings: the one row of it that ends what an encoder made, which is stored again for a section of its own.
    static final String END_ROW = "/end_of_";

    private final Encoder encoder;
    private final Map<BundlePart.Model, Encoder.Drawing> models;
    private final Map<String, TargetTensor> weights = new LinkedHashMap<>();
    private final Map<String, TargetTensor> activations = new LinkedHashMap<>();
    private Optional<TargetTensor> end = Optional.empty();

    EncoderTensors(Encoder encoder, Map<BundlePart.Model, Encoder.Drawing> models) {
        this.encoder = encoder;
        this.models = models;
    }

    Encoder encoder() {
        return encoder;
    }

    /// Adds a tensor that a graph multiplies with, or bounds.
    void add(TargetTensor tensor) {
        boolean window = ConvolutionLayout.applies(tensor.identity(), tensor.shape());
        weights.put(tensor.name(), window
                ? new TargetTensor(tensor.name(), tensor.identity(), ConvolutionLayout.written(tensor.view()), tensor.weights()) : tensor);
    }

    /// Adds the static scales of what enters and leaves the product with a weight, where they are in use.
    void activations(Weight weight, TargetTensor tensor, Scales scales) throws IOException {
        for (boolean input : new boolean[] {true, false}) {
            scales.activation(weight, tensor.name(), tensor.identity(), input).ifPresent(scale -> activations.put(scale.name(), scale));
        }
    }

    /// Adds the embedding of the token that ends what the encoder made, where config.json names the token.
    void end(TargetTensor table, Architecture architecture) {
        Optional<Long> token = encoder.endToken(architecture.parameters());
        if (token.isPresent() && token.get() >= 0 && token.get() < table.shape().rows()) {
            end = Optional.of(new TargetTensor(table.name() + END_ROW + encoder.part(),
                    new Identity(Role.OTHER, encoder.tower(), Identity.NO_LAYER), View.slice(table.view(), 0, token.get(), token.get() + 1),
                    List.of()));
        }
    }

    /// Whether a name is that of such a row.
    static boolean isEnd(String name) {
        return name.contains(END_ROW);
    }

    /// All tensors: weights, scales of activations, and the row.
    List<TargetTensor> all() {
        List<TargetTensor> all = new ArrayList<>(weights.values());
        all.addAll(activations.values());
        end.ifPresent(all::add);
        return all;
    }

    /// The sections.
    ///
    /// @param embeddingScale factor of embeddings
    /// @throws PolicyException when one passes 2 GiB where it must not, or a tensor is in none of them
    List<BundlePart> parts(String description, Assignment assignment, float embeddingScale) throws PolicyException {
        List<BundlePart> parts = new ArrayList<>();
        Set<String> unused = new LinkedHashSet<>(weights.keySet());
        for (Map.Entry<BundlePart.Model, Encoder.Drawing> model : models.entrySet()) {
            SectionModel section = new SectionModel(description, assignment);
            EncoderConstants constants = new EncoderConstants(weights, activations, section);
            model.getValue().draw(constants, section.graphs());
            unused.removeAll(constants.used());
            section.finish();
            parts.add(BundlePart.model(model.getKey(), section));
        }
        if (!unused.isEmpty()) {
            throw new PolicyException("LiteRT-LM: no graph is known that uses " + unused.iterator().next());
        }
        if (end.isPresent()) {
            SectionModel section = new SectionModel(description, assignment);
            EmbedderGraph.constant("end_of_" + encoder.part(), section.constant(end.get()), embeddingScale, section.graphs());
            section.finish();
            parts.add(BundlePart.model(encoder.end(), section));
        }
        return parts;
    }
}
