package io.github.weighbridge.policy;

import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.plan.TargetTensor;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What matches must know of layers: how many each component has, and which the decoder's are.
final class LayerKinds {
    private static final Set<Component> DECODER = Set.of(Component.TEXT_DECODER, Component.DRAFTER, Component.PER_LAYER_EMBEDDING);

    private final List<Layer> layers;
    private final Map<Component, Integer> counts = new HashMap<>();

    LayerKinds(Architecture architecture, Collection<TargetTensor> tensors) {
        this.layers = architecture.layers();
        for (TargetTensor tensor : tensors) {
            counts.merge(tensor.identity().component(), tensor.identity().layer() + 1, Math::max);
        }
    }

    boolean contains(LayerSet set, Identity identity) {
        int layer = identity.layer();
        if (layer == Identity.NO_LAYER) {
            return false;
        }
        boolean decoder = DECODER.contains(identity.component());
        int count = decoder && !layers.isEmpty() ? layers.size() : counts.getOrDefault(identity.component(), layer + 1);
        boolean known = decoder && layer < layers.size();
        return switch (set) {
            case LayerSet.Range(int first, int last) -> layer >= first && layer <= last;
            case LayerSet.Attention(Layer.Attention kind) -> known && layers.get(layer).attention() == kind;
            case LayerSet.Shared() -> known && !layers.get(layer).ownsCache();
            case LayerSet.First(int n) -> layer < n;
            case LayerSet.MoreBits() -> LayerSet.MoreBits.contains(layer, count);
            case LayerSet.Last(int n) -> layer >= count - n;
        };
    }
}
