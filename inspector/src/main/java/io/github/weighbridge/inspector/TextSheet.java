package io.github.weighbridge.inspector;

import io.github.weighbridge.model.Finding;
import java.io.PrintStream;

/// Lines no longer than a screen is wide.
final class TextSheet implements Sheet {
    private static final int INDENT = 2;

    private final PrintStream out;
    private final Screen screen;
    private final Style style;

    TextSheet(PrintStream out, Screen screen) {
        this.out = out;
        this.screen = screen;
        this.style = new Style(screen.colour());
    }

    @Override
    public void title(String title) {
        out.println(style.strong(Harmless.fit(title, screen.width())));
    }

    @Override
    public void section(String title) {
        out.println();
        out.println(style.strong(title));
    }

    @Override
    public void paragraph(int indent, int hanging, String text, Finding.Severity severity) {
        StringBuilder line = new StringBuilder(" ".repeat(indent));
        boolean empty = true;
        for (String word : Harmless.line(text).split(" ", -1)) {
            if (!empty && line.length() + 1 + word.length() > screen.width()) {
                out.println(style.severity(severity, line.toString()));
                line.setLength(0);
                line.append(" ".repeat(hanging));
                empty = true;
            }
            line.append(empty ? "" : " ").append(word);
            empty = false;
        }
        out.println(style.severity(severity, line.toString()));
    }

    @Override
    public void table(Table table, boolean titles) {
        table.print(out, screen, style, INDENT, titles);
    }

    @Override
    public void gap() {
        out.println();
    }
}
