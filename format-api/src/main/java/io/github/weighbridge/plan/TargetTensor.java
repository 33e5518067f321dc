package io.github.weighbridge.plan;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.view.View;
import java.util.List;

/// A tensor that a target format wants in its files.
///
/// @param name its name there
/// @param identity what it is
/// @param view its numbers, as a view of the source's stored tensors
/// @param weights keys of the weights in it, which therefore share an encoding; empty for numbers made from hyper-parameters
public record TargetTensor(String name, Identity identity, View view, List<String> weights) {
    /// Copies the list.
    public TargetTensor {
        weights = List.copyOf(weights);
    }

    /// Dimensions, rows first.
    public Shape shape() {
        return view.shape();
    }
}
