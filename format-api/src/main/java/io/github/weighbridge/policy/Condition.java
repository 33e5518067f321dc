package io.github.weighbridge.policy;

import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import java.util.Locale;
import java.util.Optional;

/// Something that must hold of an architecture: a hyper-parameter, or the family, has a value.
///
/// @param parameter name of a hyper-parameter as Hugging Face's config.json has it, or `family`
/// @param comparison how it is compared
/// @param value a number, `true`, `false` or a text. A parameter that is not there is `false`, 0 and the empty text
public record Condition(String parameter, Comparison comparison, String value) {
    /// The parameter that is no hyper-parameter: the family's word.
    public static final String FAMILY = "family";

    /// How two values are compared.
    public enum Comparison {
        /// Equal.
        IS("="),
        /// Not equal.
        IS_NOT("!="),
        /// Larger.
        ABOVE(">"),
        /// Smaller.
        BELOW("<");

        private final String sign;

        Comparison(String sign) {
            this.sign = sign;
        }

        /// The sign in policy files.
        public String sign() {
            return sign;
        }
    }

    /// Whether it holds.
    public boolean holds(Architecture architecture) {
        String found = found(architecture);
        Optional<Double> here = number(found);
        Optional<Double> wanted = number(value);
        boolean numbers = here.isPresent() && wanted.isPresent();
        return switch (comparison) {
            case IS -> numbers ? here.equals(wanted) : found.equalsIgnoreCase(value);
            case IS_NOT -> !(numbers ? here.equals(wanted) : found.equalsIgnoreCase(value));
            case ABOVE -> numbers && here.get() > wanted.get();
            case BELOW -> numbers && here.get() < wanted.get();
        };
    }

    /// The value that an architecture has, as text.
    String found(Architecture architecture) {
        if (parameter.equals(FAMILY)) {
            return architecture.family();
        }
        Optional<Value> there = architecture.parameters().get(parameter);
        if (there.isEmpty()) {
            return number(value).isPresent() ? "0" : value.equals("true") || value.equals("false") ? "false" : "";
        }
        return switch (there.get()) {
            case Value.Text(String text) -> text;
            case Value.Whole(long number) -> Long.toString(number);
            case Value.Real(double number) -> Double.toString(number);
            case Value.Flag(boolean set) -> Boolean.toString(set);
            case Value.Nothing _, Value.Items _, Value.Fields _ -> "";
        };
    }

    private static Optional<Double> number(String text) {
        try {
            return Optional.of(Double.parseDouble(text.trim().toLowerCase(Locale.ROOT)));
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    /// As policy files have it.
    @Override
    public String toString() {
        return parameter + " " + comparison.sign() + " " + value;
    }
}
