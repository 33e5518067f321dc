package io.github.weighbridge.inspector;

import io.github.weighbridge.io.Text;

/// Text made safe for a terminal, whole: [Text#printable] alone cuts what is long.
final class Harmless {
    private static final int PIECE = 200;

    private Harmless() {}

    /// The text on one line, with everything that could steer a terminal written as `\\uXXXX`.
    static String line(String text) {
        if (text.length() <= PIECE) {
            return Text.printable(text);
        }
        StringBuilder result = new StringBuilder(text.length() + 16);
        int begin = 0;
        while (begin < text.length()) {
            int end = Math.min(text.length(), begin + PIECE);
            if (end < text.length() && Character.isHighSurrogate(text.charAt(end - 1))) {
                end--;
            }
            result.append(Text.printable(text.substring(begin, end)));
            begin = end;
        }
        return result.toString();
    }

    /// The text cut in the middle to a number of characters.
    static String fit(String text, int width) {
        String line = line(text);
        if (line.length() <= width) {
            return line;
        }
        if (width <= 3) {
            return line.substring(0, Math.max(0, width));
        }
        int head = (width - 3) / 2;
        int tail = width - 3 - head;
        return cut(line, 0, head) + "..." + cut(line, line.length() - tail, line.length());
    }

    private static String cut(String text, int begin, int end) {
        // Half a character of the upper planes is none.
        int from = begin < text.length() && Character.isLowSurrogate(text.charAt(begin)) ? begin + 1 : begin;
        int to = end > from && Character.isHighSurrogate(text.charAt(end - 1)) ? end - 1 : end;
        return text.substring(from, to);
    }
}
