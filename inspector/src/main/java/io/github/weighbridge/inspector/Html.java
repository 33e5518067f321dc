package io.github.weighbridge.inspector;

import java.io.PrintStream;
import java.util.Locale;

/// Writes HTML. Every text goes through [#escaped], every attribute value through it too.
final class Html {
    private final PrintStream out;

    Html(PrintStream out) {
        this.out = out;
    }

    /// Markup of ours, as it is.
    Html raw(String markup) {
        out.print(markup);
        return this;
    }

    /// Text of anybody's.
    Html text(String text) {
        out.print(escaped(text));
        return this;
    }

    /// An element with a text in it.
    Html element(String tag, String text) {
        int blank = tag.indexOf(' ');
        return raw("<" + tag + ">").text(text).raw("</" + (blank < 0 ? tag : tag.substring(0, blank)) + ">");
    }

    /// A whole number that is also there for machines, under the name that it has in the JSON report.
    Html number(String field, long number) {
        return raw("<data data-field=\"" + escaped(field) + "\" value=\"" + number + "\">").text(Numbers.grouped(number)).raw("</data>");
    }

    /// Text on one line that means nothing to a browser, wherever it stands.
    static String escaped(String text) {
        String line = Harmless.line(text);
        StringBuilder result = new StringBuilder(line.length() + 16);
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            switch (c) {
                case '&' -> result.append("&amp;");
                case '<' -> result.append("&lt;");
                case '>' -> result.append("&gt;");
                case '"' -> result.append("&quot;");
                case '\'' -> result.append("&#39;");
                default -> result.append(c);
            }
        }
        return result.toString();
    }

    /// A length of a drawing, with two decimals.
    static String length(double length) {
        String text = String.format(Locale.ROOT, "%.2f", length);
        return text.replaceFirst("\\.?0+$", "");
    }

    /// The class that gives a number of bits per weight its colour.
    static String tint(double bits) {
        return bits < 1.5 ? "b1" : bits < 2.95 ? "b2" : bits < 3.95 ? "b3" : bits < 5.6 ? "b4" : bits < 7.5 ? "b6" : bits < 12 ? "b8"
                : bits < 24 ? "b16" : "b32";
    }
}
