package io.github.weighbridge.policy;

import java.util.regex.Pattern;

/// A pattern took more steps on a name than any sensible one does. Patterns come from users and names from files, and some pairs of them would
/// take longer than the universe has time.
final class PatternTooSlow extends RuntimeException {
    /// Characters that a pattern may look at for one name.
    static final int STEPS = 1_000_000;
    private static final long serialVersionUID = 1L;

    private PatternTooSlow() {
        super("takes more than " + STEPS + " steps on one name", null, false, false);
    }

    /// Whether a pattern is found in a name.
    static boolean find(Pattern pattern, String name) {
        try {
            return pattern.matcher(new Counted(name, new int[] {STEPS})).find();
        } catch (StackOverflowError e) {
            // Repeated groups recurse once a character.
            throw new PatternTooSlow();
        }
    }

    /// A text that counts how often it is looked at.
    private record Counted(String text, int[] left) implements CharSequence {
        @Override
        public int length() {
            return text.length();
        }

        @Override
        public char charAt(int index) {
            if (--left[0] < 0) {
                throw new PatternTooSlow();
            }
            return text.charAt(index);
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.substring(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }
}
