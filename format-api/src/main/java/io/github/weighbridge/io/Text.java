package io.github.weighbridge.io;

/// Makes text from files safe to print.
public final class Text {
    /// Longest quotation of a file's text in a message, in characters.
    public static final int MAX_QUOTED = 300;

    private Text() {}

    /// The text with control characters, line separators and unpaired surrogates written as `\\uXXXX`, and cut in the middle when it is
    /// longer than [#MAX_QUOTED] characters.
    public static String printable(String text) {
        StringBuilder result = new StringBuilder(Math.min(text.length(), MAX_QUOTED) + 16);
        int head = text.length() > MAX_QUOTED ? MAX_QUOTED * 2 / 3 : text.length();
        append(text, 0, head, result);
        if (head < text.length()) {
            result.append("...");
            append(text, text.length() - (MAX_QUOTED - head), text.length(), result);
        }
        return result.toString();
    }

    private static void append(String text, int begin, int end, StringBuilder result) {
        for (int i = begin; i < end; i++) {
            char c = text.charAt(i);
            if (Character.isHighSurrogate(c) && i + 1 < end && Character.isLowSurrogate(text.charAt(i + 1))) {
                int point = text.codePointAt(i);
                if (isHarmless(point)) {
                    result.appendCodePoint(point);
                } else {
                    result.append(String.format("\\u%04x\\u%04x", (int) c, (int) text.charAt(i + 1)));
                }
                i++;
            } else if (isHarmless(c)) {
                result.append(c);
            } else {
                result.append(String.format("\\u%04x", (int) c));
            }
        }
    }

    private static boolean isHarmless(int point) {
        return switch (Character.getType(point)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR,
                    Character.UNASSIGNED, Character.PRIVATE_USE -> false;
            default -> true;
        };
    }
}
