package io.github.weighbridge.model;

import io.github.weighbridge.io.Value;
import java.util.List;

/// What a model is, apart from its weights.
///
/// @param family the family's word (`gemma4`), or [#UNKNOWN]
/// @param name the model's own name, for reports
/// @param hiddenSize width of the residual stream; 0 where unknown
/// @param vocabularySize rows of the token embedding; 0 where unknown
/// @param contextLength longest context, in tokens; 0 where unknown
/// @param layers the decoder's layers; empty where unknown
/// @param parameters all hyper-parameters, under the names that Hugging Face's config.json gives them, the text model's own at the top
public record Architecture(String family, String name, long hiddenSize, long vocabularySize, long contextLength, List<Layer> layers,
        Value.Fields parameters) {
    /// The family of checkpoints that no family describes.
    public static final String UNKNOWN = "unknown";

    /// Copies the list.
    public Architecture {
        layers = List.copyOf(layers);
    }

    /// An architecture that no family describes.
    public static Architecture unknown(String name, Value.Fields parameters) {
        return new Architecture(UNKNOWN, name, 0, 0, 0, List.of(), parameters);
    }

    /// Whether a family describes it.
    public boolean known() {
        return !family.equals(UNKNOWN);
    }

    /// A copy with other parameters.
    public Architecture withParameters(Value.Fields parameters) {
        return new Architecture(family, name, hiddenSize, vocabularySize, contextLength, layers, parameters);
    }
}
