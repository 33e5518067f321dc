package io.github.weighbridge.inspector;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// A table of text that keeps to the width of its screen: first names become shorter, then columns that can be done without are left out.
/// Numbers are never cut.
final class Table {
    /// A column.
    ///
    /// @param title its title
    /// @param right whether it is set to the right, as numbers are
    /// @param narrowest characters to which its texts may be cut; 0 when they must stay whole
    /// @param spare columns with the highest number are left out first; those with 0 never are
    private record Column(String title, boolean right, int narrowest, int spare) {}

    private static final int GAP = 2;

    private final List<Column> columns = new ArrayList<>();
    private final List<List<String>> rows = new ArrayList<>();
    private final List<Boolean> strong = new ArrayList<>();

    /// A column of names that may be cut.
    Table name(String title, int narrowest) {
        return name(title, narrowest, 0);
    }

    /// A column of names that may be cut, and left out.
    Table name(String title, int narrowest, int spare) {
        columns.add(new Column(title, false, narrowest, spare));
        return this;
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
    void row(boolean stands, String... cells) {
        if (cells.length != columns.size()) {
            throw new IllegalArgumentException(cells.length + " cells for " + columns.size() + " columns");
        }
        rows.add(Arrays.stream(cells).map(Harmless::line).toList());
        strong.add(stands);
    }

    /// Whether there are no rows.
    boolean isEmpty() {
        return rows.isEmpty();
    }

    /// Prints the table, indented.
    void print(PrintStream out, Screen screen, Style style, int indent) {
        print(out, screen, style, indent, true);
    }

    /// Prints the table without the line of titles.
    void printBody(PrintStream out, Screen screen, Style style, int indent) {
        print(out, screen, style, indent, false);
    }

    private void print(PrintStream out, Screen screen, Style style, int indent, boolean titles) {
        int room = screen.width() - indent;
        int[] widths = new int[columns.size()];
        for (int i = 0; i < widths.length; i++) {
            int column = i;
            widths[i] = Math.max(columns.get(i).title().length(), rows.stream().mapToInt(row -> row.get(column).length()).max().orElse(0));
        }
        boolean[] shown = new boolean[widths.length];
        Arrays.fill(shown, true);
        // A column in which nothing stands says nothing.
        for (int i = 0; i < widths.length; i++) {
            int column = i;
            shown[i] = columns.get(i).spare() == 0 || rows.stream().anyMatch(row -> !row.get(column).isEmpty());
        }
        while (least(widths, shown) > room) {
            int drop = IntStream.range(0, widths.length).filter(i -> shown[i] && columns.get(i).spare() > 0).boxed()
                    .max((a, b) -> Integer.compare(columns.get(a).spare(), columns.get(b).spare())).orElse(-1);
            if (drop < 0) {
                break;
            }
            shown[drop] = false;
        }
        for (int i = 0; i < widths.length && total(widths, shown) > room; i++) {
            if (shown[i] && columns.get(i).narrowest() > 0) {
                int over = total(widths, shown) - room;
                widths[i] = Math.max(Math.min(widths[i], columns.get(i).narrowest()), widths[i] - over);
            }
        }
        if (titles) {
            out.println(style.faint(line(columns.stream().map(Column::title).toList(), widths, shown, indent)));
        }
        for (int i = 0; i < rows.size(); i++) {
            String line = line(rows.get(i), widths, shown, indent);
            out.println(strong.get(i) ? style.strong(line) : line);
        }
    }

    private int least(int[] widths, boolean[] shown) {
        int[] narrow = widths.clone();
        for (int i = 0; i < narrow.length; i++) {
            if (columns.get(i).narrowest() > 0) {
                narrow[i] = Math.min(narrow[i], columns.get(i).narrowest());
            }
        }
        return total(narrow, shown);
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
