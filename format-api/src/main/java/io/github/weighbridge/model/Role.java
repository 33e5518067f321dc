package io.github.weighbridge.model;

/// What a tensor does in a model. The words are those of reports and policies; plugins may add their own.
///
/// @param word lower case, words joined by underscores
public record Role(String word) {
    /// The table of token embeddings.
    public static final Role TOKEN_EMBEDDING = new Role("token_embedding");
    /// The table of per-layer embeddings.
    public static final Role PER_LAYER_EMBEDDING = new Role("per_layer_embedding");
    /// Projects the token embedding onto all layers' inputs.
    public static final Role PER_LAYER_MODEL_PROJECTION = new Role("per_layer_model_projection");
    /// Norm of that projection.
    public static final Role PER_LAYER_PROJECTION_NORM = new Role("per_layer_projection_norm");
    /// The matrix that gives logits.
    public static final Role OUTPUT_HEAD = new Role("output_head");
    /// Norm before the head.
    public static final Role OUTPUT_NORM = new Role("output_norm");
    /// Factors of the rotary frequencies.
    public static final Role ROPE_FREQUENCIES = new Role("rope_frequencies");
    /// Norm before attention.
    public static final Role ATTENTION_NORM = new Role("attention_norm");
    /// Query projection.
    public static final Role ATTENTION_Q = new Role("attention_q");
    /// Key projection.
    public static final Role ATTENTION_K = new Role("attention_k");
    /// Value projection.
    public static final Role ATTENTION_V = new Role("attention_v");
    /// Query, key and value in one matrix.
    public static final Role ATTENTION_QKV = new Role("attention_qkv");
    /// Projection after attention.
    public static final Role ATTENTION_OUTPUT = new Role("attention_output");
    /// Norm of queries.
    public static final Role ATTENTION_Q_NORM = new Role("attention_q_norm");
    /// Norm of keys.
    public static final Role ATTENTION_K_NORM = new Role("attention_k_norm");
    /// Norm after attention.
    public static final Role ATTENTION_POST_NORM = new Role("attention_post_norm");
    /// Norm before the feed-forward network.
    public static final Role FFN_NORM = new Role("ffn_norm");
    /// Gate of the feed-forward network.
    public static final Role FFN_GATE = new Role("ffn_gate");
    /// Up projection.
    public static final Role FFN_UP = new Role("ffn_up");
    /// Gate and up in one matrix.
    public static final Role FFN_GATE_UP = new Role("ffn_gate_up");
    /// Down projection.
    public static final Role FFN_DOWN = new Role("ffn_down");
    /// Norm after the feed-forward network.
    public static final Role FFN_POST_NORM = new Role("ffn_post_norm");
    /// Chooses experts.
    public static final Role ROUTER = new Role("router");
    /// Scales the router's input.
    public static final Role ROUTER_SCALE = new Role("router_scale");
    /// Gate and up of experts in one matrix.
    public static final Role EXPERT_GATE_UP = new Role("expert_gate_up");
    /// Gate of experts.
    public static final Role EXPERT_GATE = new Role("expert_gate");
    /// Up projection of experts.
    public static final Role EXPERT_UP = new Role("expert_up");
    /// Down projection of experts.
    public static final Role EXPERT_DOWN = new Role("expert_down");
    /// Factor for each expert.
    public static final Role EXPERT_SCALE = new Role("expert_scale");
    /// Gate of the per-layer input.
    public static final Role PER_LAYER_GATE = new Role("per_layer_gate");
    /// Projection of the per-layer input.
    public static final Role PER_LAYER_PROJECTION = new Role("per_layer_projection");
    /// Norm after the per-layer input.
    public static final Role PER_LAYER_POST_NORM = new Role("per_layer_post_norm");
    /// Factor of a layer's output.
    public static final Role LAYER_SCALAR = new Role("layer_scalar");
    /// Scale of a static activation.
    public static final Role ACTIVATION_SCALE = new Role("activation_scale");
    /// Scale of the key or value cache.
    public static final Role KV_SCALE = new Role("kv_scale");
    /// No known role.
    public static final Role OTHER = new Role("other");

    /// The word.
    @Override
    public String toString() {
        return word;
    }
}
