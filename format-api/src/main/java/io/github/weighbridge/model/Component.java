package io.github.weighbridge.model;

/// The part of a model that a tensor belongs to. The words are those of reports and policies; plugins may add their own.
///
/// @param word lower case, words joined by underscores
public record Component(String word) {
    /// The language model's layers, norms and projections.
    public static final Component TEXT_DECODER = new Component("text_decoder");
    /// The table of token embeddings.
    public static final Component TOKEN_EMBEDDING = new Component("token_embedding");
    /// The table of per-layer embeddings, alone.
    public static final Component PER_LAYER_EMBEDDING = new Component("per_layer_embedding");
    /// The matrix that gives logits, where it is a tensor of its own.
    public static final Component OUTPUT_HEAD = new Component("output_head");
    /// The vision tower.
    public static final Component VISION_ENCODER = new Component("vision_encoder");
    /// The audio tower.
    public static final Component AUDIO_ENCODER = new Component("audio_encoder");
    /// What maps an encoder's output into the text model.
    public static final Component PROJECTOR = new Component("projector");
    /// A model that proposes tokens for another.
    public static final Component DRAFTER = new Component("drafter");
    /// Anything else.
    public static final Component OTHER = new Component("other");

    /// The word.
    @Override
    public String toString() {
        return word;
    }
}
