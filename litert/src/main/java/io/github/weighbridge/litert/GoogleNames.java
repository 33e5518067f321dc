package io.github.weighbridge.litert;

import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What constants are in bundles of Google's: by the model they are in, and by the pieces of names that tensors of its graphs have.
///
/// Known from public descriptions of gemma-4-E2B-it.litertlm; what is not named there has no role.
final class GoogleNames {
    private static final Pattern LAYER = Pattern.compile("layer_(\\d{1,4})(?=[/.;]|$)");
    /// A layer has many tensors; the first piece that is found decides.
    private static final List<Map.Entry<String, Role>> IN_A_LAYER = List.of(Map.entry("per_layer_embedding_gate", Role.PER_LAYER_GATE),
            Map.entry("per_layer_embedding_projection", Role.PER_LAYER_PROJECTION), Map.entry("q_einsum", Role.ATTENTION_Q),
            Map.entry("k_einsum", Role.ATTENTION_K), Map.entry("attn_vec_einsum", Role.ATTENTION_OUTPUT),
            Map.entry("v_einsum", Role.ATTENTION_V), Map.entry("gating_einsum1", Role.FFN_GATE),
            Map.entry("gating_einsum2", Role.FFN_UP), Map.entry("/mlp/linear", Role.FFN_DOWN));
    private static final int TWO_DIMENSIONS = 2;

    private GoogleNames() {}

    /// What a constant is.
    ///
    /// @param modelType which model it is in
    /// @param names its name, and those of what is computed from it
    /// @param rank number of its dimensions
    /// @param table whether rows of it are looked up
    static Identity identify(String modelType, List<String> names, int rank, boolean table) {
        return switch (modelType) {
            case BundleSection.EMBEDDER -> table ? identity(Role.TOKEN_EMBEDDING, Component.TOKEN_EMBEDDING) : Identity.NONE;
            case BundleSection.PER_LAYER_EMBEDDER ->
                    table ? identity(Role.PER_LAYER_EMBEDDING, Component.PER_LAYER_EMBEDDING) : Identity.NONE;
            case BundleSection.PREFILL_DECODE ->
                    names.stream().map(name -> decoder(name, rank)).filter(found -> !found.equals(Identity.NONE))
                            .findFirst().orElse(Identity.NONE);
            default -> new Identity(Role.OTHER, component(modelType), Identity.NO_LAYER);
        };
    }

    private static Identity identity(Role role, Component component) {
        return new Identity(role, component, Identity.NO_LAYER);
    }

    private static Component component(String modelType) {
        if (modelType.contains("mtp_")) {
            return Component.DRAFTER;
        }
        if (modelType.contains("adapter") || modelType.contains("end_of_")) {
            return Component.PROJECTOR;
        }
        if (modelType.contains("audio")) {
            return Component.AUDIO_ENCODER;
        }
        return modelType.contains("vision") ? Component.VISION_ENCODER : Component.OTHER;
    }

    private static Identity decoder(String name, int rank) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (rank < TWO_DIMENSIONS) {
            return Identity.NONE;
        }
        if (lower.contains("decode_softmax")) {
            return identity(Role.OUTPUT_HEAD, Component.OUTPUT_HEAD);
        }
        Matcher layer = LAYER.matcher(lower);
        if (layer.find()) {
            for (Map.Entry<String, Role> piece : IN_A_LAYER) {
                if (lower.contains(piece.getKey())) {
                    return new Identity(piece.getValue(), Component.TEXT_DECODER, Integer.parseInt(layer.group(1)));
                }
            }
            return Identity.NONE;
        }
        return lower.contains("projected_per_layer_inputs") ? identity(Role.PER_LAYER_MODEL_PROJECTION, Component.TEXT_DECODER)
                : Identity.NONE;
    }
}
