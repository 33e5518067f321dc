package io.github.weighbridge.gguf;

import io.github.weighbridge.spi.PolicyException;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Sizes as `gguf-split --split-max-size` takes them: `N` bytes, `NM` for millions and `NG` for thousand millions of bytes.
final class SplitSize {
    private static final Pattern SIZE = Pattern.compile("(\\d{1,18})([MG]?)");

    private SplitSize() {}

    /// Reads a size.
    ///
    /// @param option how messages name the option
    /// @throws PolicyException when it is no size, or none at all
    static OptionalLong parse(String option, String text) throws PolicyException {
        Matcher size = SIZE.matcher(text);
        if (size.matches()) {
            long unit = switch (size.group(2)) {
                case "M" -> 1_000_000;
                case "G" -> 1_000_000_000;
                default -> 1;
            };
            long number = Long.parseLong(size.group(1));
            if (number > 0 && number <= Long.MAX_VALUE / unit) {
                return OptionalLong.of(number * unit);
            }
        }
        throw new PolicyException(
                option + " \"" + text + "\": a number of bytes is needed, with M (10^6) or G (10^9) behind it or without");
    }
}
