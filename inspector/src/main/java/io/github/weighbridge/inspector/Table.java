package io.github.weighbridge.inspector;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// A table of text that keeps to the width of its screen: columns that can be done without are left out, then names become shorter. Numbers
/// are never cut.
final class Table {
    private enum Kind {
        /// Set to the left.
        TEXT,
        /// Set to the right.
        NUMBER,
        /// Bits of a weight: set to the right, and coloured by how many they are.
        BITS,
        /// A part of a whole, drawn.
        BAR
    }

    /// A column.
    ///
    /// @param title its title
    /// @param kind what stands in it
    /// @param narrowest characters to which its texts may be cut; 0 when they must stay whole
    /// @param spare columns with the highest number are left out first, together; those with 0 never are
    private record Column(String title, Kind kind, int narrowest, int spare) {}

    /// A row: a text for each column, or one that runs over all of them.
    private record Row(boolean strong, List<String> cells) {}

    private static final int GAP = 2;
    private static final int BAR = 24;
    private static final String BLOCKS = " ▏▎▍▌▋▊▉█";

    private final List<Column> columns = new ArrayList<>();
    private final List<Row> rows = new ArrayList<>();

    /// A column of texts that may be cut.
    Table name(String title, int narrowest) {
        return name(title, narrowest, 0);
    }

    /// A column of texts that may be cut, and left out.
    Table name(String title, int narrowest, int spare) {
        columns.add(new Column(title, Kind.TEXT, narrowest, spare));
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
        columns.add(new Column(title, Kind.NUMBER, 0, spare));
        return this;
    }

    /// A column of bits per weight, which have colours where there are any.
    Table bits(String title, int spare) {
        columns.add(new Column(title, Kind.BITS, 0, spare));
        return this;
    }

    /// A column of parts of a whole, from "0" to "1", drawn as bars where there is room for them.
    Table bar(int spare) {
        columns.add(new Column("", Kind.BAR, 0, spare));
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
        boolean blocks = screen.charset().newEncoder().canEncode(BLOCKS);
        boolean[] shown = new boolean[columns.size()];
        int[] widths = new int[columns.size()];
        for (int i = 0; i < widths.length; i++) {
            int longest = longest(i);
            // A column in which nothing stands says nothing.
            shown[i] = columns.get(i).spare() == 0 || longest > 0;
            widths[i] = columns.get(i).kind() == Kind.BAR ? BAR : titles ? Math.max(columns.get(i).title().length(), longest) : longest;
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
        Style plain = new Style(false);
        if (titles) {
            out.println(style.faint(line(columns.stream().map(Column::title).toList(), widths, shown, indent, plain, false, blocks)));
        }
        for (Row row : rows) {
            String line = row.cells().size() == 1 ? " ".repeat(indent) + Harmless.fit(row.cells().getFirst(), room)
                    : line(row.cells(), widths, shown, indent, row.strong() ? plain : style, true, blocks);
            out.println(row.strong() ? style.strong(line) : line);
        }
    }

    /// Prints the table as Markdown, without its bars. Cells begin with blanks where a row belongs to the one above.
    ///
    /// @param titles whether the columns' titles are printed
    void markdown(PrintStream out, boolean titles) {
        int[] shown = IntStream.range(0, columns.size()).filter(i -> columns.get(i).kind() != Kind.BAR && longest(i) > 0).toArray();
        if (shown.length == 0) {
            return;
        }
        out.println(Arrays.stream(shown).mapToObj(i -> titles ? MarkdownSheet.escaped(columns.get(i).title()) : " ")
                .collect(Collectors.joining(" | ", "| ", " |")));
        out.println(Arrays.stream(shown).mapToObj(i -> columns.get(i).kind() == Kind.TEXT ? "---" : "---:")
                .collect(Collectors.joining(" | ", "| ", " |")));
        for (Row row : rows) {
            String mark = row.strong() ? "**" : "";
            if (row.cells().size() == 1) {
                out.println("| " + mark + MarkdownSheet.escaped(row.cells().getFirst()) + mark + " |" + " |".repeat(shown.length - 1));
                continue;
            }
            out.println(Arrays.stream(shown).mapToObj(i -> cell(row.cells().get(i), mark)).collect(Collectors.joining(" | ", "| ", " |")));
        }
    }

    private static String cell(String cell, String mark) {
        String text = cell.stripLeading();
        return text.isEmpty() ? " " : "&emsp;".repeat((cell.length() - text.length()) / 2) + mark + MarkdownSheet.escaped(text) + mark;
    }

    private int longest(int column) {
        int longest = 0;
        for (Row row : rows) {
            longest = row.cells().size() == 1 ? longest : Math.max(longest, row.cells().get(column).length());
        }
        return longest;
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

    private String line(List<String> cells, int[] widths, boolean[] shown, int indent, Style style, boolean drawn, boolean blocks) {
        StringBuilder line = new StringBuilder(" ".repeat(indent));
        boolean first = true;
        int end = 0;
        for (int i = 0; i < widths.length; i++) {
            if (!shown[i]) {
                continue;
            }
            line.append(" ".repeat(first ? 0 : GAP));
            first = false;
            Kind kind = columns.get(i).kind();
            String cell = kind == Kind.BAR && drawn ? bar(cells.get(i), blocks) : Harmless.fit(cells.get(i), widths[i]);
            String space = " ".repeat(widths[i] - cell.length());
            String painted = kind == Kind.BITS ? style.bits(cell) : cell;
            line.append(kind == Kind.NUMBER || kind == Kind.BITS ? space + painted : painted + space);
            end = cell.isBlank() ? end : line.length() - (kind == Kind.TEXT || kind == Kind.BAR ? space.length() : 0);
        }
        line.setLength(end);
        return line.toString().stripTrailing();
    }

    private static String bar(String part, boolean blocks) {
        if (part.isEmpty()) {
            return "";
        }
        double length = Math.clamp(Double.parseDouble(part), 0, 1) * BAR;
        if (!blocks) {
            return "#".repeat((int) Math.round(length));
        }
        int eighths = (int) Math.round(length * 8);
        return ("█".repeat(eighths / 8) + (eighths % 8 == 0 ? "" : BLOCKS.charAt(eighths % 8))).stripTrailing();
    }
}
