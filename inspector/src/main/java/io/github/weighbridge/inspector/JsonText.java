package io.github.weighbridge.inspector;

import io.github.weighbridge.io.Value;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/// JSON for people and programs: a record a line. In texts, everything that could steer a terminal is written as `\\uXXXX`, which means the
/// same to a parser; halves of characters, which UTF-8 has no bytes for, are written so too.
final class JsonText {
    private final PrintStream out;
    private final StringBuilder text = new StringBuilder();

    private JsonText(PrintStream out) {
        this.out = out;
    }

    /// Writes a document in UTF-8, with a newline at its end.
    static void write(Value value, PrintStream out) {
        JsonText json = new JsonText(out);
        json.write(value, 0);
        json.text.append('\n');
        json.flush();
    }

    /// Writes a document in which the items of one list come one by one.
    ///
    /// @param list name of the list in the document, where it is empty
    static void write(Value.Fields document, String list, Iterator<Value> items, PrintStream out) {
        JsonText json = new JsonText(out);
        json.text.append('{');
        for (Iterator<Map.Entry<String, Value>> each = document.fields().entrySet().iterator(); each.hasNext();) {
            Map.Entry<String, Value> field = each.next();
            json.line(1);
            json.quote(field.getKey());
            json.text.append(": ");
            if (field.getKey().equals(list) && items.hasNext()) {
                json.items(items, 1);
            } else {
                json.write(field.getValue(), 1);
            }
            json.text.append(each.hasNext() ? "," : "");
        }
        json.line(0);
        json.text.append("}\n");
        json.flush();
    }

    private void write(Value value, int depth) {
        switch (value) {
            case Value.Fields(Map<String, Value> fields) when depth == 0 || !onOneLine(value) -> {
                text.append('{');
                for (Iterator<Map.Entry<String, Value>> each = fields.entrySet().iterator(); each.hasNext();) {
                    Map.Entry<String, Value> field = each.next();
                    line(depth + 1);
                    quote(field.getKey());
                    text.append(": ");
                    write(field.getValue(), depth + 1);
                    text.append(each.hasNext() ? "," : "");
                }
                line(depth);
                text.append('}');
            }
            case Value.Items(List<Value> items) when !onOneLine(value) -> items(items.iterator(), depth);
            default -> compact(value);
        }
    }

    private void items(Iterator<Value> items, int depth) {
        text.append('[');
        while (items.hasNext()) {
            line(depth + 1);
            write(items.next(), depth + 1);
            text.append(items.hasNext() ? "," : "");
        }
        line(depth);
        text.append(']');
    }

    /// Whether no list of objects is in it.
    private static boolean onOneLine(Value value) {
        return switch (value) {
            case Value.Items(List<Value> items) -> items.stream().noneMatch(item -> item instanceof Value.Fields || !onOneLine(item));
            case Value.Fields(Map<String, Value> fields) -> fields.values().stream().allMatch(JsonText::onOneLine);
            case Value.Text _, Value.Whole _, Value.Real _, Value.Flag _, Value.Nothing _ -> true;
        };
    }

    private void line(int depth) {
        flush();
        text.append('\n').append("  ".repeat(depth));
    }

    private void flush() {
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        out.write(bytes, 0, bytes.length);
        text.setLength(0);
    }

    private void compact(Value value) {
        switch (value) {
            case Value.Text(String string) -> quote(string);
            case Value.Whole(long number) -> text.append(number);
            case Value.Real(double number) -> text.append(number);
            case Value.Flag(boolean set) -> text.append(set);
            case Value.Nothing _ -> text.append("null");
            case Value.Items(List<Value> items) -> {
                text.append('[');
                for (Iterator<Value> each = items.iterator(); each.hasNext();) {
                    compact(each.next());
                    text.append(each.hasNext() ? ", " : "");
                }
                text.append(']');
            }
            case Value.Fields(Map<String, Value> fields) -> {
                text.append('{');
                for (Iterator<Map.Entry<String, Value>> each = fields.entrySet().iterator(); each.hasNext();) {
                    Map.Entry<String, Value> field = each.next();
                    quote(field.getKey());
                    text.append(": ");
                    compact(field.getValue());
                    text.append(each.hasNext() ? ", " : "");
                }
                text.append('}');
            }
        }
    }

    private void quote(String string) {
        text.append('"');
        for (int i = 0; i < string.length(); i += Character.charCount(string.codePointAt(i))) {
            int point = string.codePointAt(i);
            if (point == '"' || point == '\\') {
                text.append('\\').append((char) point);
            } else if (steers(point)) {
                for (char c : Character.toChars(point)) {
                    text.append(String.format("\\u%04x", (int) c));
                }
            } else {
                text.appendCodePoint(point);
            }
        }
        text.append('"');
    }

    private static boolean steers(int point) {
        return switch (Character.getType(point)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> true;
            default -> false;
        };
    }
}
