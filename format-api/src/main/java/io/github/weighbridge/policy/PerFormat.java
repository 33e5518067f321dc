package io.github.weighbridge.policy;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// Something that a policy says, for each target format apart or for all alike. Immutable.
///
/// @param values by the word of a format; under [#ELSE] what all others get. Empty where nothing is said
public record PerFormat<T>(Map<String, T> values) {
    /// The word for all formats that are not named.
    public static final String ELSE = "else";

    /// Copies the map, in its order.
    public PerFormat {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /// The same for every format.
    public static <T> PerFormat<T> of(T value) {
        return new PerFormat<>(Map.of(ELSE, value));
    }

    /// Nothing for any format.
    public static <T> PerFormat<T> none() {
        return new PerFormat<>(Map.of());
    }

    /// What is said for a format, be it by its word or for all others.
    public Optional<T> in(String format) {
        return named(format).or(() -> named(ELSE));
    }

    /// What is said under a word.
    public Optional<T> named(String word) {
        return Optional.ofNullable(values.get(word));
    }

    /// Whether nothing is said.
    public boolean isEmpty() {
        return values.isEmpty();
    }

    /// Whether all formats get the same, be it nothing.
    public boolean uniform() {
        return values.isEmpty() || values.size() == 1 && values.containsKey(ELSE);
    }

    /// What all formats get; empty where nothing is said.
    ///
    /// @throws IllegalStateException when it differs from format to format: [Policy#in] makes a policy of which it does not
    public Optional<T> same() {
        if (!uniform()) {
            throw new IllegalStateException("differs from format to format: " + values.keySet());
        }
        return named(ELSE);
    }

    /// The same with every value made into another.
    public <R> PerFormat<R> map(Function<T, R> change) {
        Map<String, R> changed = new LinkedHashMap<>();
        values.forEach((format, value) -> changed.put(format, change.apply(value)));
        return new PerFormat<>(changed);
    }

    /// This, and what another says under words that are not taken here.
    public PerFormat<T> or(PerFormat<T> other) {
        Map<String, T> all = new LinkedHashMap<>(values);
        other.values.forEach(all::putIfAbsent);
        return new PerFormat<>(all);
    }

    /// This without some words.
    public PerFormat<T> without(Set<String> words) {
        Map<String, T> rest = new LinkedHashMap<>(values);
        rest.keySet().removeAll(words);
        return new PerFormat<>(rest);
    }
}
