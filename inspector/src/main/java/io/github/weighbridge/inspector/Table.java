package io.github.weighbridge.inspector;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// A table of text that keeps to the width of its screen: columns that can be done without are left out, then names become shorter. Numbers
/// are never cut.
final class Table {
    /// A column.
    ///
    /// @param title its title
    /// @param right whether it is set to the right, as numbers are
    /// @param narrowest characters to which its texts may be cut; 0 when they must stay whole
    /// @param spare columns with the highest number are left out first, together; those with 0 never are
    private record Column(String title, boolean right, int narrowest, int spare) {}

    /// A row: a text for each column, or one that runs over all of them.
    private record Row(boolean strong, List<String> cells) {}

    private static final int GAP = 2;

    private final List<Column> columns = new ArrayList<>();
    private final List<Row> rows = new ArrayList<>();

    /// A column of texts that may be cut.
    Table name(String title, int narrowest) {
        return name(title, narrowest, 0);
    }

    /// A column of texts that may be cut, and left out.
    Table name(String title, int narrowest, int spare) {
        columns.add(new Column(title, false, narrowest, spare));
        return this;
    }

    /// A column of words, which stay whole.
    Table word(String title) {
        return name(title, 0, 0);
    }

    /// A column of numbers.
    Table number(String title) {
        return number(title, 0);
    }

    /// A column of numbers that may be left out.
    Table number(String title, int spare) {
        columns.add(new Column(title, true, 0, spare));
        return this;
    }

    /// A row, with a text for each column.
    void row(String... cells) {
        row(false, cells);
    }

    /// A row that stands out, or does not.
    void row(boolean strong, String... cells) {
        if (cells.length != columns.size()) {
            throw new IllegalArgumentException(cells.length + " cells for " + columns.size() + " columns");
        }
        rows.add(new Row(strong, Arrays.stream(cells).map(Harmless::line).toList()));
    }

    /// A title for the rows that follow.
    void heading(String text) {
        rows.add(new Row(true, List.of(Harmless.line(text))));
    }

    /// Prints the table, indented.
    ///
    /// @param titles whether the columns' titles are printed
    void print(PrintStream out, Screen screen, Style style, int indent, boolean titles) {
        int room = screen.width() - indent;
        boolean[] shown = new boolean[columns.size()];
        int[] widths = new int[columns.size()];
        for (int i = 0; i < widths.length; i++) {
            int longest = 0;
            for (Row row : rows) {
                longest = row.cells().size() == 1 ? longest : Math.max(longest, row.cells().get(i).length());
            }
            // A column in which nothing stands says nothing.
            shown[i] = columns.get(i).spare() == 0 || longest > 0;
            widths[i] = titles ? Math.max(columns.get(i).title().length(), longest) : longest;
        }
        int[] least = IntStream.range(0, widths.length)
                .map(i -> columns.get(i).narrowest() > 0 ? Math.min(widths[i], columns.get(i).narrowest()) : widths[i]).toArray();
        while (total(least, shown) > room) {
            int drop = IntStream.range(0, widths.length).filter(i -> shown[i]).map(i -> columns.get(i).spare()).max().orElse(0);
            if (drop == 0) {
                break;
            }
            for (int i = 0; i < widths.length; i++) {
                shown[i] &= columns.get(i).spare() != drop;
            }
        }
        shorten(widths, least, shown, room);
        if (titles) {
            out.println(style.faint(line(columns.stream().map(Column::title).toList(), widths, shown, indent)));
        }
        for (Row row : rows) {
            String line = row.cells().size() == 1 ? " ".repeat(indent) + Harmless.fit(row.cells().getFirst(), room)
                    : line(row.cells(), widths, shown, indent);
            out.println(row.strong() ? style.strong(line) : line);
        }
    }

    /// Takes from the widest text first.
    private static void shorten(int[] widths, int[] least, boolean[] shown, int room) {
        for (int over = total(widths, shown) - room; over > 0; over--) {
            int widest = -1;
            for (int i = 0; i < widths.length; i++) {
                if (shown[i] && widths[i] > least[i] && (widest < 0 || widths[i] > widths[widest])) {
                    widest = i;
                }
            }
            if (widest < 0) {
                return;
            }
            widths[widest]--;
        }
    }

    private static int total(int[] widths, boolean[] shown) {
        int sum = -GAP;
        for (int i = 0; i < widths.length; i++) {
            sum += shown[i] ? widths[i] + GAP : 0;
        }
        return sum;
    }

    private String line(List<String> cells, int[] widths, boolean[] shown, int indent) {
        StringBuilder line = new StringBuilder(" ".repeat(indent));
        boolean first = true;
        for (int i = 0; i < widths.length; i++) {
            if (!shown[i]) {
                continue;
            }
            line.append(" ".repeat(first ? 0 : GAP));
            first = false;
            String cell = Harmless.fit(cells.get(i), widths[i]);
            String space = " ".repeat(widths[i] - cell.length());
            line.append(columns.get(i).right() ? space + cell : cell + space);
        }
        return line.toString().stripTrailing();
    }
}
