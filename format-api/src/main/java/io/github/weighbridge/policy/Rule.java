package io.github.weighbridge.policy;

import io.github.weighbridge.scan.Tolerance;
import java.util.List;
import java.util.Optional;

/// What to do with the tensors a match describes.
///
/// @param match which tensors
/// @param encoding a word: [#KEEP], [#DROP], a neutral encoding such as `int4/group32`, or a target's own such as `gguf:Q4_K`
/// @param label how messages name the rule; with its place, where it comes from a file
/// @param optional whether it may match nothing
/// @param when what must hold of the architecture; a rule of which it does not is passed over
/// @param fallbacks words to try in order where the target cannot give a tensor the encoding; they come before the policy's own
/// @param tolerance how far the result may be from the source; empty where the policy's own says that
public record Rule(Match match, String encoding, String label, boolean optional, List<Condition> when, List<String> fallbacks,
        Optional<Tolerance> tolerance) {
    /// Keeps the numbers exactly, in the smallest encoding of the target that does.
    public static final String KEEP = "keep";
    /// Leaves the tensor out.
    public static final String DROP = "drop";

    /// Copies the lists.
    public Rule {
        when = List.copyOf(when);
        fallbacks = List.copyOf(fallbacks);
    }

    /// A rule that says nothing of how far the result may be from the source.
    public Rule(Match match, String encoding, String label, boolean optional, List<Condition> when, List<String> fallbacks) {
        this(match, encoding, label, optional, when, fallbacks, Optional.empty());
    }

    /// A rule that must match something, whatever the architecture.
    public Rule(Match match, String encoding, String label) {
        this(match, encoding, label, false, List.of(), List.of());
    }
}
