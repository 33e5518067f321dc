package io.github.weighbridge.policy;

/// What to do with the tensors a match describes.
///
/// @param match which tensors
/// @param encoding a word: `keep`, a neutral encoding such as `bf16`, or a target's own
/// @param label how messages name the rule
public record Rule(Match match, String encoding, String label) {
    /// Keeps the numbers exactly.
    public static final String KEEP = "keep";
}
