package io.github.weighbridge.family;

import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import java.util.List;
import java.util.Set;

/// Gemma 4: E2B, E4B, 12B unified, 26B-A4B (mixture of experts), 31B, and the drafters ("assistants") for multi-token prediction.
///
/// Sliding and full attention layers with different head sizes; the last layers read the key/value cache of earlier ones; small models
/// have per-layer embeddings; large ones use keys as values on full layers. Facts: transformers 5.18 `models/gemma4`, llama.cpp v0.5.0
/// `conversion/gemma.py` and `src/models/gemma4.cpp`.
public final class Gemma4 implements Family {
    /// The family's word.
    public static final String NAME = "gemma4";

    private static final Set<Role> PER_LAYER_ROLES =
            Set.of(Role.PER_LAYER_EMBEDDING, Role.PER_LAYER_MODEL_PROJECTION, Role.PER_LAYER_PROJECTION_NORM,
                    Role.PER_LAYER_GATE, Role.PER_LAYER_PROJECTION, Role.PER_LAYER_POST_NORM);

    /// The family.
    public Gemma4() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<Dialect> dialects() {
        return List.of(new Gemma4HuggingFace(this), new Gemma4Gguf(this), new Gemma4Mmproj(this));
    }

    @Override
    public Set<String> parts() {
        return Set.of("vision", "audio", "ple", "mtp");
    }

    @Override
    public boolean belongsTo(String part, String key, Identity identity) {
        return switch (part) {
            case "vision" -> identity.component().equals(Component.VISION_ENCODER) || key.equals(Gemma4Tensors.VISION_PROJECTOR);
            case "audio" -> identity.component().equals(Component.AUDIO_ENCODER) || key.equals(Gemma4Tensors.AUDIO_PROJECTOR);
            case "ple" -> PER_LAYER_ROLES.contains(identity.role());
            case "mtp" -> identity.component().equals(Component.DRAFTER);
            default -> false;
        };
    }

    @Override
    public Architecture without(Architecture architecture, String part) {
        Value.Fields parameters = architecture.parameters();
        return architecture.withParameters(switch (part) {
            case "vision" -> parameters.without("vision_config");
            case "audio" -> parameters.without("audio_config");
            case "ple" -> parameters.with("hidden_size_per_layer_input", Value.of(0)).without("vocab_size_per_layer_input");
            default -> parameters;
        });
    }

    /// Whether an architecture is a drafter's.
    static boolean isAssistant(Architecture architecture) {
        return architecture.parameters().text("model_type").orElse("").endsWith("assistant");
    }
}
