package io.github.weighbridge.plan;

import io.github.weighbridge.encoding.Encoding;

/// The encoding of one target tensor.
///
/// @param encoding how its numbers will lie in bytes
/// @param method the recipe, see [io.github.weighbridge.encoding.EncoderInputs#method]
/// @param reason why, in a few words: the rule, the type's mix, the fallback
public record Choice(Encoding encoding, String method, String reason) {
    /// The ordinary recipe.
    public static Choice of(Encoding encoding, String reason) {
        return new Choice(encoding, "plain", reason);
    }
}
