package io.github.weighbridge.compressedtensors.config;

import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// An object of config.json while it is read, with the way to it for messages.
///
/// @param where keys from the top, joined by dots
/// @param parameters the object
record Reading(String where, Parameters parameters) {
    CheckpointFormatException wrong(String key, Object found, String expected) {
        return parameters.wrong(where + '.' + key, found, expected);
    }

    CheckpointFormatException unsupported(String key, Object found, String expected) {
        return CheckpointFormatException.unsupported(parameters.file(), -1, where + '.' + key, found, expected);
    }

    boolean has(String key) {
        return parameters.fields().get(key).isPresent();
    }

    String found(String key) {
        return parameters.fields().get(key).map(Parameters::describe).orElse("nothing");
    }

    void onlyKeys(Set<String> known) throws CheckpointFormatException {
        for (String key : parameters.fields().fields().keySet()) {
            if (!known.contains(key)) {
                throw wrong(key, "a key that is not known here", String.join(", ", known.stream().sorted().toList()));
            }
        }
    }

    long whole(String key, long minimum, long maximum, long otherwise) throws CheckpointFormatException {
        Optional<Value> value = parameters.fields().get(key);
        if (value.isEmpty()) {
            return otherwise;
        }
        if (value.get() instanceof Value.Whole(long number) && number >= minimum && number <= maximum) {
            return number;
        }
        throw wrong(key, Parameters.describe(value.get()), "a whole number from " + minimum + " to " + maximum);
    }

    boolean flag(String key, boolean otherwise) throws CheckpointFormatException {
        Optional<Value> value = parameters.fields().get(key);
        if (value.isEmpty() || value.get() instanceof Value.Flag) {
            return value.map(flag -> ((Value.Flag) flag).set()).orElse(otherwise);
        }
        throw wrong(key, Parameters.describe(value.get()), "true or false");
    }

    Optional<String> text(String key) throws CheckpointFormatException {
        Optional<Value> value = parameters.fields().get(key);
        if (value.isEmpty()) {
            return Optional.empty();
        }
        if (value.get() instanceof Value.Text(String text)) {
            return Optional.of(text);
        }
        throw wrong(key, Parameters.describe(value.get()), "a text");
    }

    <T> T word(String key, Map<String, T> words, T otherwise) throws CheckpointFormatException {
        Optional<String> text = text(key);
        T value = text.isEmpty() ? otherwise : words.get(text.get());
        if (value == null) {
            throw wrong(key, found(key), String.join(", ", words.keySet().stream().sorted().toList()));
        }
        return value;
    }

    List<String> texts(String key) throws CheckpointFormatException {
        Optional<Value> value = parameters.fields().get(key);
        if (value.isEmpty()) {
            return List.of();
        }
        if (value.get() instanceof Value.Items(List<Value> items) && items.stream().allMatch(Value.Text.class::isInstance)) {
            return items.stream().map(item -> ((Value.Text) item).text()).toList();
        }
        throw wrong(key, Parameters.describe(value.get()), "a list of texts");
    }

    Optional<Reading> object(String key) throws CheckpointFormatException {
        Optional<Value> value = parameters.fields().get(key);
        if (value.isEmpty()) {
            return Optional.empty();
        }
        if (value.get() instanceof Value.Fields fields) {
            return Optional.of(new Reading(where + '.' + key, new Parameters(parameters.file(), fields)));
        }
        throw wrong(key, Parameters.describe(value.get()), "an object");
    }

    Args.Dynamic dynamic() throws CheckpointFormatException {
        Optional<Value> value = parameters.fields().get("dynamic");
        if (value.isEmpty() || value.get().equals(new Value.Flag(false))) {
            return Args.Dynamic.STATIC;
        }
        if (value.get().equals(new Value.Flag(true))) {
            return Args.Dynamic.DYNAMIC;
        }
        if (value.get().equals(new Value.Text("local"))) {
            return Args.Dynamic.LOCAL;
        }
        throw wrong("dynamic", found("dynamic"), "true, false or \"local\"");
    }

    Args.Order order() throws CheckpointFormatException {
        Optional<Value> value = parameters.fields().get("actorder");
        if (value.isEmpty() || value.get().equals(new Value.Flag(false))) {
            return Args.Order.NONE;
        }
        return switch (value.get()) {
            case Value.Flag(boolean _) -> Args.Order.GROUP;
            case Value.Text(String text) when text.equals("group") || text.equals("dynamic") -> Args.Order.GROUP;
            case Value.Text(String text) when text.equals("weight") || text.equals("static") -> Args.Order.WEIGHT;
            case Value.Text _, Value.Whole _, Value.Real _, Value.Nothing _, Value.Items _, Value.Fields _ -> throw wrong("actorder",
                    found("actorder"), "null, true, false, weight, static, group or dynamic");
        };
    }

    /// Rows and columns, as a list or in the old spelling `128x128`.
    int[] block(String key) throws CheckpointFormatException {
        Value value = parameters.fields().get(key).orElseThrow();
        int[] block = {0, 0};
        if (value instanceof Value.Items(List<Value> items) && items.size() == 2 && items.get(0) instanceof Value.Whole(long rows)
                && items.get(1) instanceof Value.Whole(long columns)) {
            block[0] = small(rows);
            block[1] = small(columns);
        } else if (value instanceof Value.Text(String text) && text.matches("\\d{1,7}x\\d{1,7}")) {
            block[0] = small(Long.parseLong(text.substring(0, text.indexOf('x'))));
            block[1] = small(Long.parseLong(text.substring(text.indexOf('x') + 1)));
        }
        if (block[0] == 0 || block[1] == 0) {
            throw wrong(key, found(key), "two whole numbers from 1 to " + (1 << 16));
        }
        return block;
    }

    private static int small(long number) {
        return number >= 1 && number <= 1 << 16 ? (int) number : 0;
    }
}
