package io.github.weighbridge.policy;

import io.github.weighbridge.spi.PolicyException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// What a user asks for. The first rule that matches a tensor decides; where none does, the named type or the default does, and without
/// both the tensor keeps its numbers. A policy may say different things for different target formats; [#in] is what it says for one.
///
/// @param name how reports name it
/// @param description one line
/// @param strip parts to leave out, in alphabetical order
/// @param rules in order
/// @param types a named type of the target, such as `Q8_0` for GGUF. What a format is named for comes before what all others get, and a type
///        before a default
/// @param pure whether the type is applied without its mix
/// @param otherwise what tensors get that no rule is about, where there is no type
/// @param settings everything else
public record Policy(String name, String description, Set<String> strip, List<Rule> rules, PerFormat<String> types, boolean pure,
        Optional<Rule> otherwise, PolicySettings settings) {
    /// Every tensor keeps its numbers, in the smallest encoding of the target that holds them exactly.
    public static final Policy KEEP =
            new Policy("keep", "every tensor keeps its numbers, in the target's smallest encoding that holds them exactly",
                    Set.of(), List.of(), Optional.empty(), false);

    /// Copies the collections.
    public Policy {
        for (String format : types.values().keySet()) {
            if (otherwise.isPresent() && otherwise.get().encodings().named(format).isPresent()) {
                throw new IllegalArgumentException("a policy has a named type or a default, not both");
            }
        }
        strip = Collections.unmodifiableSet(new TreeSet<>(strip));
        rules = List.copyOf(rules);
    }

    /// A policy of rules and a type alone.
    public Policy(String name, String description, Set<String> strip, List<Rule> rules, Optional<String> type, boolean pure) {
        this(name, description, strip, rules, type.map(PerFormat::of).orElseGet(PerFormat::none), pure, Optional.empty(),
                PolicySettings.NONE);
    }

    /// The named type.
    ///
    /// @throws IllegalStateException when it differs from format to format
    public Optional<String> type() {
        return types.same();
    }

    /// The named type of a format.
    public Optional<String> type(String format) {
        boolean byDefault = otherwise.flatMap(rule -> rule.encodings().named(format)).isPresent();
        return byDefault ? types.named(format) : types.in(format);
    }

    /// A copy with a named type in the place of the default.
    public Policy withType(String type, boolean pure) {
        return new Policy(name, description, strip, rules, PerFormat.of(type), pure, Optional.empty(), settings.withoutTypeLabel());
    }

    /// A copy with rules put before its own.
    public Policy withFirst(List<Rule> first) {
        List<Rule> all = new ArrayList<>(first);
        all.addAll(rules);
        return withRules(all);
    }

    /// A copy with other rules.
    public Policy withRules(List<Rule> other) {
        return new Policy(name, description, strip, other, types, pure, otherwise, settings);
    }

    /// A copy that also leaves parts out.
    public Policy withStrip(Set<String> parts) {
        Set<String> all = new TreeSet<>(strip);
        all.addAll(parts);
        return new Policy(name, description, all, rules, types, pure, otherwise, settings);
    }

    /// A copy with other settings.
    public Policy withSettings(PolicySettings other) {
        return new Policy(name, description, strip, rules, types, pure, otherwise, other);
    }

    /// A copy with those rules alone that are for a format.
    public Policy withRulesFor(String format) {
        return withRules(rules.stream().filter(rule -> rule.isFor(format)).toList());
    }

    /// What the policy says for one format: a policy of which nothing differs from format to format.
    ///
    /// @throws PolicyException when it says nothing for the format, or a rule for it has no encoding for it
    public Policy in(String format) throws PolicyException {
        List<Rule> own = new ArrayList<>();
        for (Rule rule : rules) {
            if (rule.isFor(format)) {
                own.add(rule.in(format));
            }
        }
        PerFormat<String> defaults = otherwise.map(Rule::encodings).orElseGet(PerFormat::none);
        Optional<String> type = type(format);
        Optional<Rule> rest = type.isPresent() || defaults.in(format).isEmpty() ? Optional.empty()
                : Optional.of(otherwise.orElseThrow().in(format));
        if (type.isEmpty() && rest.isEmpty() && !(types.isEmpty() && defaults.isEmpty())) {
            Set<String> named = new LinkedHashSet<>(types.values().keySet());
            named.addAll(defaults.values().keySet());
            throw new PolicyException(settings.typeLabel().or(() -> otherwise.map(Rule::label)).orElse("policy " + name)
                    + " says nothing for " + format + ", only for " + String.join(", ", named));
        }
        return new Policy(name, description, strip, own, type.map(PerFormat::of).orElseGet(PerFormat::none), pure && type.isPresent(), rest,
                settings.in(format));
    }
}
