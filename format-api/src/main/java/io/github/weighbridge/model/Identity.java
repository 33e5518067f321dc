package io.github.weighbridge.model;

/// What a stored tensor is in its model.
///
/// @param role what it does
/// @param component the part it belongs to
/// @param layer index of its layer, or [#NO_LAYER]
public record Identity(Role role, Component component, int layer) {
    /// The layer of tensors that belong to none.
    public static final int NO_LAYER = -1;

    /// A tensor that nothing is known of.
    public static final Identity NONE = new Identity(Role.OTHER, Component.OTHER, NO_LAYER);
}
