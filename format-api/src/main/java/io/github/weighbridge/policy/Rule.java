package io.github.weighbridge.policy;

/// What to do with the tensors a match describes.
///
/// @param match which tensors
/// @param encoding a word: `keep`, a neutral encoding such as `bf16`, or a target's own
/// @param label how messages name the rule
/// @param required whether it is an error when the rule decides about no tensor; rules of presets, which are for several models, may find none
public record Rule(Match match, String encoding, String label, boolean required) {
    /// Keeps the numbers exactly.
    public static final String KEEP = "keep";

    /// A rule that must decide about a tensor.
    public Rule(Match match, String encoding, String label) {
        this(match, encoding, label, true);
    }
}
