package io.github.weighbridge.io;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A value of a document or a metadata table: what JSON, YAML and GGUF keys have in common. Immutable; objects keep their order.
public sealed interface Value {
    /// A string.
    record Text(String text) implements Value {}

    /// A whole number that fits 64 signed bits.
    record Whole(long number) implements Value {}

    /// A number with a fraction or an exponent.
    record Real(double number) implements Value {}

    /// True or false.
    record Flag(boolean set) implements Value {}

    /// JSON's null.
    record Nothing() implements Value {}

    /// A list.
    record Items(List<Value> items) implements Value {
        /// Copies the list.
        public Items {
            items = List.copyOf(items);
        }
    }

    /// An object: values by name, in the order of the document.
    record Fields(Map<String, Value> fields) implements Value {
        /// Nothing in it.
        public static final Fields EMPTY = new Fields(Map.of());

        /// Copies the map, keeping its order.
        public Fields {
            fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
        }

        /// The value under a name; JSON's null counts as absent.
        public Optional<Value> get(String name) {
            Value value = fields.get(name);
            return value == null || value instanceof Nothing ? Optional.empty() : Optional.of(value);
        }

        /// The text under a name; empty when there is none, or it is no text.
        public Optional<String> text(String name) {
            return get(name).flatMap(v -> v instanceof Text(String text) ? Optional.of(text) : Optional.empty());
        }

        /// The object under a name; empty when there is none, or it is no object.
        public Optional<Fields> object(String name) {
            return get(name).flatMap(v -> v instanceof Fields f ? Optional.of(f) : Optional.empty());
        }

        /// The list under a name; empty when there is none, or it is no list.
        public Optional<List<Value>> list(String name) {
            return get(name).flatMap(v -> v instanceof Items(List<Value> items) ? Optional.of(items) : Optional.empty());
        }

        /// The whole number under a name; empty when there is none, or it is no whole number.
        public Optional<Long> whole(String name) {
            return get(name).flatMap(v -> v instanceof Whole(long number) ? Optional.of(number) : Optional.empty());
        }

        /// The number under a name, whole or not; empty when there is none, or it is no number.
        public Optional<Double> number(String name) {
            return get(name).flatMap(v -> switch (v) {
                case Whole(long number) -> Optional.of((double) number);
                case Real(double number) -> Optional.of(number);
                case Text _, Flag _, Nothing _, Items _, Fields _ -> Optional.<Double>empty();
            });
        }

        /// The flag under a name; empty when there is none, or it is no flag.
        public Optional<Boolean> flag(String name) {
            return get(name).flatMap(v -> v instanceof Flag(boolean set) ? Optional.of(set) : Optional.empty());
        }

        /// A copy with one value set: replaced in place, or appended.
        public Fields with(String name, Value value) {
            Map<String, Value> copy = new LinkedHashMap<>(fields);
            copy.put(name, value);
            return new Fields(copy);
        }

        /// A copy without a value.
        public Fields without(String name) {
            Map<String, Value> copy = new LinkedHashMap<>(fields);
            copy.remove(name);
            return new Fields(copy);
        }
    }

    /// A text value.
    static Value of(String text) {
        return new Text(text);
    }

    /// A whole number.
    static Value of(long number) {
        return new Whole(number);
    }

    /// A number.
    static Value of(double number) {
        return new Real(number);
    }

    /// A flag.
    static Value of(boolean set) {
        return new Flag(set);
    }

    /// A list of texts.
    static Value ofTexts(List<String> texts) {
        List<Value> items = new ArrayList<>(texts.size());
        texts.forEach(t -> items.add(new Text(t)));
        return new Items(items);
    }
}
