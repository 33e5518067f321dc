package io.github.weighbridge.family;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import java.util.List;
import java.util.Optional;

/// Hyper-parameters read from a file, with checks that end in an exception that names the file and the parameter.
///
/// @param file name of the file, for messages
/// @param fields the parameters
public record Parameters(String file, Value.Fields fields) {
    /// Largest number that any width or count of a model may have; twice as much still fits 32 signed bits.
    public static final long MAXIMUM = (1L << 30) - 1;
    /// Longest context, in tokens; fits 32 unsigned bits.
    public static final long MOST_TOKENS = (1L << 32) - 1;

    /// An exception about a parameter.
    public CheckpointFormatException wrong(String name, Object found, String expected) {
        return CheckpointFormatException.malformed(file, -1, name, found, expected);
    }

    /// A whole number from `minimum` to `maximum` that must be there.
    public long whole(String name, long minimum, long maximum) throws CheckpointFormatException {
        Value value = fields.get(name).orElseThrow(() -> wrong(name, "nothing", "a whole number from " + minimum + " to " + maximum));
        return check(name, value, minimum, maximum);
    }

    /// A whole number from `minimum` to `maximum`, or `otherwise` where there is none.
    public long whole(String name, long minimum, long maximum, long otherwise) throws CheckpointFormatException {
        Optional<Value> value = fields.get(name);
        return value.isPresent() ? check(name, value.get(), minimum, maximum) : otherwise;
    }

    private long check(String name, Value value, long minimum, long maximum) throws CheckpointFormatException {
        if (value instanceof Value.Whole(long number) && number >= minimum && number <= maximum) {
            return number;
        }
        throw wrong(name, describe(value), "a whole number from " + minimum + " to " + maximum);
    }

    /// A number that must be there.
    public double number(String name) throws CheckpointFormatException {
        Optional<Double> number = fields.number(name);
        return number.orElseThrow(() -> wrong(name, fields.get(name).map(Parameters::describe).orElse("nothing"), "a number"));
    }

    /// A flag, or `otherwise` where there is none.
    public boolean flag(String name, boolean otherwise) throws CheckpointFormatException {
        Optional<Value> value = fields.get(name);
        if (value.isEmpty()) {
            return otherwise;
        }
        if (value.get() instanceof Value.Flag(boolean set)) {
            return set;
        }
        throw wrong(name, describe(value.get()), "true or false");
    }

    /// An object, or none.
    public Optional<Parameters> object(String name) throws CheckpointFormatException {
        Optional<Value> value = fields.get(name);
        if (value.isEmpty()) {
            return Optional.empty();
        }
        if (value.get() instanceof Value.Fields object) {
            return Optional.of(new Parameters(file, object));
        }
        throw wrong(name, describe(value.get()), "an object");
    }

    /// A list, or none.
    public Optional<List<Value>> list(String name) throws CheckpointFormatException {
        Optional<Value> value = fields.get(name);
        if (value.isEmpty()) {
            return Optional.empty();
        }
        if (value.get() instanceof Value.Items(List<Value> items)) {
            return Optional.of(items);
        }
        throw wrong(name, describe(value.get()), "a list");
    }

    /// What a value is, in a few words.
    public static String describe(Value value) {
        return switch (value) {
            case Value.Text(String text) -> "\"" + text + "\"";
            case Value.Whole(long number) -> Long.toString(number);
            case Value.Real(double number) -> Double.toString(number);
            case Value.Flag(boolean set) -> Boolean.toString(set);
            case Value.Nothing _ -> "null";
            case Value.Items(List<Value> items) -> "a list of " + items.size();
            case Value.Fields _ -> "an object";
        };
    }
}
