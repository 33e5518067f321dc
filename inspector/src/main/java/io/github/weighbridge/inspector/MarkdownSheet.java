package io.github.weighbridge.inspector;

import io.github.weighbridge.model.Finding;
import java.io.PrintStream;

/// GitHub's Markdown, fit for the description of a change. Text that comes from files says what it says and nothing else: no emphasis, links,
/// images, mentions, or HTML.
final class MarkdownSheet implements Sheet {
    private final PrintStream out;
    private boolean folded;

    MarkdownSheet(PrintStream out) {
        this.out = out;
    }

    @Override
    public void title(String title) {
        unfold();
        out.println("### " + escaped(title));
        out.println();
    }

    @Override
    public void section(String title) {
        unfold();
        out.println("#### " + escaped(title));
        out.println();
    }

    @Override
    public void folded(String title) {
        unfold();
        out.println("<details><summary>" + escaped(title) + "</summary>");
        out.println();
        folded = true;
    }

    private void unfold() {
        if (folded) {
            out.println("</details>");
            out.println();
            folded = false;
        }
    }

    @Override
    public void paragraph(int indent, int hanging, String text, Finding.Severity severity) {
        String mark = switch (severity) {
            case INFO -> "";
            case WARNING -> "⚠️ ";
            case ERROR -> "❌ ";
        };
        out.println((hanging > indent ? "- " : "") + mark + escaped(text));
        if (hanging <= indent) {
            out.println();
        }
    }

    @Override
    public void table(Table table, boolean titles) {
        table.markdown(out, titles);
        out.println();
    }

    @Override
    public void gap() {
        // everything is followed by a free line
    }

    @Override
    public void end() {
        unfold();
    }

    /// The text on one line, with every character that could mean something to Markdown or HTML made plain.
    static String escaped(String text) {
        String line = Harmless.line(text);
        StringBuilder result = new StringBuilder(line.length() + 16);
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            switch (c) {
                case '&' -> result.append("&amp;");
                case '<' -> result.append("&lt;");
                case '>' -> result.append("&gt;");
                // a mention of somebody, or of an issue
                case '@' -> result.append("&#64;");
                case '#' -> result.append("&#35;");
                // between letters and digits an underscore is one already
                case '_' ->
                        result.append(i > 0 && i + 1 < line.length() && word(line.charAt(i - 1)) && word(line.charAt(i + 1)) ? "_" : "\\_");
                case '\\', '`', '*', '[', ']', '|', '~', '$' -> result.append('\\').append(c);
                case ':' -> result.append(line.startsWith("://", i) ? "&#58;" : ":");
                default -> result.append(c);
            }
        }
        return result.toString();
    }

    private static boolean word(char c) {
        return Character.isLetterOrDigit(c) || c == '_';
    }
}
