package io.github.weighbridge.policy.file;

import io.github.weighbridge.io.Text;
import io.github.weighbridge.policy.PerFormat;
import io.github.weighbridge.policy.Vocabulary;
import io.github.weighbridge.spi.PolicyException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Reads what a policy says for formats apart.
final class FormatReader {
    private final String file;

    FormatReader(String file) {
        this.file = file;
    }

    /// Makes a value of a node.
    interface Reading<T> {
        T read(Node node) throws PolicyException;
    }

    /// A value for all formats, or a mapping from their words, and `else`, to values.
    <T> PerFormat<T> read(Node node, String what, Reading<T> reading) throws PolicyException {
        if (!(node instanceof Node.Fields(Node.Place _, List<Node.Field> fields))) {
            return PerFormat.of(reading.read(node));
        }
        if (fields.isEmpty()) {
            throw NodeReader.error(file, node.place(), what + " is said for no format");
        }
        Map<String, T> values = new LinkedHashMap<>();
        for (Node.Field field : fields) {
            if (!field.name().equals(PerFormat.ELSE)) {
                check(field.name(), field.place(), true);
            }
            values.put(field.name(), reading.read(field.value()));
        }
        return new PerFormat<>(values);
    }

    /// The formats that a rule is for.
    Set<String> formats(Node node) throws PolicyException {
        List<Node> items = node instanceof Node.Items(Node.Place _, List<Node> found) ? found : List.of(node);
        if (items.isEmpty()) {
            throw NodeReader.error(file, node.place(), "\"formats\" is empty, so that the rule is for no format");
        }
        Set<String> formats = new LinkedHashSet<>();
        for (Node item : items) {
            if (!(item instanceof Node.Scalar(Node.Place _, String word))) {
                throw NodeReader.error(file, item.place(), "the word of a format is needed, not " + item.what());
            }
            check(word, item.place(), false);
            formats.add(word);
        }
        return formats;
    }

    private void check(String word, Node.Place place, boolean orElse) throws PolicyException {
        // Formats of plugins are looked for only where a word is none of ours.
        if (Vocabulary.FORMATS.contains(word) || Vocabulary.formats().contains(word)) {
            return;
        }
        List<String> known = new ArrayList<>(Vocabulary.formats());
        if (orElse) {
            known.add(PerFormat.ELSE);
        }
        throw NodeReader.error(file, place, "there is no format \"" + Text.printable(word) + "\"" + Vocabulary.suggestion(word, known));
    }
}
