package io.github.weighbridge.plan;

import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.Optional;

/// The making of one output tensor.
///
/// @param view its numbers
/// @param target the tensor as it will be stored; spans refer to the plan's files
/// @param method the recipe of the encoder, where it encodes
/// @param mode how the bytes come about
/// @param reason why it got its encoding
/// @param importance what its columns matter, where that is known and the encoder is to mind it
public record Job(View view, StoredTensor target, String method, Mode mode, String reason, Optional<Importance> importance) {
    /// A job without importance.
    public Job(View view, StoredTensor target, String method, Mode mode, String reason) {
        this(view, target, method, mode, reason, Optional.empty());
    }

    /// How bytes come about.
    public enum Mode {
        /// The source's bytes, copied, possibly in another order of rows.
        COPY,
        /// The source's codes and scales, moved into another packing.
        CARRY,
        /// The source's numbers, encoded.
        ENCODE
    }
}
