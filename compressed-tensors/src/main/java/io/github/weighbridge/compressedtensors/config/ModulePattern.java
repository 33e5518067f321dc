package io.github.weighbridge.compressedtensors.config;

import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// An entry of `targets` or `ignore`: a module's exact name, `re:` and a pattern that must match from a name's beginning on (Python's
/// `re.match`), or the name of a class of modules. (compressed-tensors 0.18.0, `utils/match.py`.)
///
/// A pattern from a file may be made to take forever, so matching is given a bound of steps.
///
/// @param text the entry as it stands
/// @param pattern its pattern, where it is one
public record ModulePattern(String text, Optional<Pattern> pattern) {
    /// What marks a pattern.
    public static final String REGEX = "re:";
    private static final int LONGEST = 10_000;
    private static final long STEPS = 1_000_000;
    private static final long ALL_STEPS = 1_000_000_000;

    /// How often all matching together may still look at characters. For use by one thread.
    public static final class Steps {
        private long left = ALL_STEPS;
        private long leftOfMatch;

        private void begin() {
            leftOfMatch = Math.min(left, STEPS);
        }

        private void take() {
            left--;
            if (--leftOfMatch < 0) {
                throw new TooManyStepsException();
            }
        }
    }

    /// Matching took too long, or too deep.
    public static final class EndlessException extends Exception {
        private static final long serialVersionUID = 1L;

        EndlessException(String message) {
            super(message);
        }
    }

    /// An entry.
    ///
    /// @throws PatternSyntaxException when it is a pattern that is none
    public static ModulePattern of(String text) {
        if (!text.startsWith(REGEX)) {
            return new ModulePattern(text, Optional.empty());
        }
        if (text.length() > LONGEST) {
            throw new PatternSyntaxException("longer than " + LONGEST + " characters", text.substring(0, 40), -1);
        }
        try {
            // Python names groups with a P, and so does nothing else.
            return new ModulePattern(text, Optional.of(Pattern.compile(text.substring(REGEX.length()).replace("(?P<", "(?<"))));
        } catch (StackOverflowError _) {
            throw new PatternSyntaxException("nested too deeply", text.substring(0, 40), -1);
        }
    }

    /// Whether it is the exact name of a module.
    public boolean names(String module) {
        return pattern.isEmpty() && text.equals(module);
    }

    /// Whether it is a pattern that a module's name begins with.
    ///
    /// @param steps the bound that all matching shares
    /// @throws EndlessException when that cannot be found out within a million steps
    public boolean matches(String module, Steps steps) throws EndlessException {
        if (pattern.isEmpty()) {
            return false;
        }
        steps.begin();
        try {
            return pattern.get().matcher(new Counted(module, steps)).lookingAt();
        } catch (TooManyStepsException | StackOverflowError _) {
            throw new EndlessException("a pattern that takes too many steps to match \"" + module + '"');
        }
    }

    /// Whether it is the name of a module's class.
    public boolean isClass(String className) {
        return pattern.isEmpty() && text.equals(className);
    }

    private static final class TooManyStepsException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TooManyStepsException() {
            super("too many steps", null, false, false);
        }
    }

    /// A name that counts how often it is looked at.
    private record Counted(CharSequence text, Steps steps) implements CharSequence {
        @Override
        public int length() {
            return text.length();
        }

        @Override
        public char charAt(int index) {
            steps.take();
            return text.charAt(index);
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return new Counted(text.subSequence(start, end), steps);
        }

        @Override
        public String toString() {
            return text.toString();
        }
    }
}
