package io.github.weighbridge.policy;

import io.github.weighbridge.scan.Tolerance;
import io.github.weighbridge.spi.PolicyException;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What to do with the tensors a match describes.
///
/// @param match which tensors
/// @param encodings a word: [#KEEP], [#DROP], a neutral encoding such as `int4/group32`, or a target's own such as `gguf:Q4_K`
/// @param label how messages name the rule; with its place, where it comes from a file
/// @param optional whether it may match nothing
/// @param when what must hold of the architecture; a rule of which it does not is passed over
/// @param alternatives words to try in order where the target cannot give a tensor the encoding; they come before the policy's own
/// @param tolerance how far the result may be from the source; empty where the policy's own says that
/// @param formats words of the target formats that the rule is for; empty for all. For others it is as if it were not there
public record Rule(Match match, PerFormat<String> encodings, String label, boolean optional, List<Condition> when,
        PerFormat<List<String>> alternatives, Optional<Tolerance> tolerance, Set<String> formats) {
    /// Keeps the numbers exactly, in the smallest encoding of the target that does.
    public static final String KEEP = "keep";
    /// Leaves the tensor out.
    public static final String DROP = "drop";

    /// Copies the collections.
    public Rule {
        if (encodings.isEmpty()) {
            throw new IllegalArgumentException(label + " has no encoding");
        }
        when = List.copyOf(when);
        alternatives = alternatives.map(List::copyOf);
        formats = Collections.unmodifiableSet(new LinkedHashSet<>(formats));
    }

    /// A rule that is the same for all formats.
    public Rule(Match match, String encoding, String label, boolean optional, List<Condition> when, List<String> fallbacks,
            Optional<Tolerance> tolerance) {
        this(match, PerFormat.of(encoding), label, optional, when, fallbacks.isEmpty() ? PerFormat.none() : PerFormat.of(fallbacks),
                tolerance, Set.of());
    }

    /// A rule that says nothing of how far the result may be from the source.
    public Rule(Match match, String encoding, String label, boolean optional, List<Condition> when, List<String> fallbacks) {
        this(match, encoding, label, optional, when, fallbacks, Optional.empty());
    }

    /// A rule that must match something, whatever the architecture.
    public Rule(Match match, String encoding, String label) {
        this(match, encoding, label, false, List.of(), List.of());
    }

    /// The encoding's word.
    ///
    /// @throws IllegalStateException when it differs from format to format
    public String encoding() {
        return encodings.same().orElseThrow();
    }

    /// The words to try where the target cannot give the encoding.
    ///
    /// @throws IllegalStateException when they differ from format to format
    public List<String> fallbacks() {
        return alternatives.same().orElse(List.of());
    }

    /// Whether the rule is for a format.
    public boolean isFor(String format) {
        return formats.isEmpty() || formats.contains(format);
    }

    /// The rule as it is for one format, which it is for.
    ///
    /// @throws PolicyException when it says no encoding for it
    Rule in(String format) throws PolicyException {
        String word = encodings.in(format).orElseThrow(() -> new PolicyException(label + ": says no encoding for " + format + ", only for "
                + String.join(", ", encodings.values().keySet())));
        return new Rule(match, PerFormat.of(word), label, optional, when,
                alternatives.in(format).map(PerFormat::of).orElseGet(PerFormat::none), tolerance, Set.of());
    }
}
