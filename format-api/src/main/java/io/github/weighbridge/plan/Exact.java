package io.github.weighbridge.plan;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.Optional;

/// Which number type holds a view's numbers exactly.
public final class Exact {
    private Exact() {}

    /// The smallest dense type that holds all numbers of a view: the type of the stored tensors it rearranges, or single precision where numbers
    /// are computed or decoded from a grid. Empty when bytes are not understood, or tensors differ in types none of which holds the others.
    public static Optional<DenseType> denseType(View view) {
        return switch (view) {
            case View.Stored(StoredTensor tensor) -> tensor.encoding().dense().isPresent() ? tensor.encoding().dense()
                    : tensor.encoding().decoder().map(_ -> DenseType.F32);
            case View.Slice(View of, int _, long _, long _) -> denseType(of);
            case View.Swap(View of, int _, long _, long _, long _) -> denseType(of);
            case View.Reshape(View of, var _) -> denseType(of);
            case View.Transpose(View of, var _) -> denseType(of);
            case View.Mapped(View of, var _) -> denseType(of).map(_ -> DenseType.F32);
            case View.Constant _ -> Optional.of(DenseType.F32);
            case View.Concat(int _, var parts) -> {
                Optional<DenseType> widest = denseType(parts.getFirst());
                for (View part : parts.subList(1, parts.size())) {
                    Optional<DenseType> type = denseType(part);
                    if (widest.isEmpty() || type.isEmpty()) {
                        yield Optional.empty();
                    }
                    if (!type.get().exactIn(widest.get())) {
                        widest = widest.get().exactIn(type.get()) ? type : bothIn(widest.get(), type.get());
                    }
                }
                yield widest;
            }
        };
    }

    private static Optional<DenseType> bothIn(DenseType one, DenseType other) {
        return one.exactIn(DenseType.F32) && other.exactIn(DenseType.F32) ? Optional.of(DenseType.F32) : Optional.empty();
    }
}
