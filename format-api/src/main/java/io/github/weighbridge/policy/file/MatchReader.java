package io.github.weighbridge.policy.file;

import io.github.weighbridge.io.Text;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.policy.LayerSet;
import io.github.weighbridge.policy.Match;
import io.github.weighbridge.policy.Vocabulary;
import io.github.weighbridge.spi.PolicyException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// Makes a match of its nodes.
public final class MatchReader {
    private static final List<String> NAMES = List.of("component", "role", "layers", "name", "parameters");
    private static final List<String> COUNTS = List.of("min", "max");
    private static final Pattern RANGE = Pattern.compile("(\\d{1,6})(?:\\s*-\\s*(\\d{1,6}))?");
    private static final Pattern END = Pattern.compile("(first|last)\\s+(\\d{1,6})");
    private static final Pattern COUNT = Pattern.compile("(\\d{1,15})(?:\\.(\\d{1,3}))?\\s*([kMGBT]?)");
    private static final Pattern REPEATED = Pattern.compile("\\{(\\d*)(?:,(\\d*))?}");
    private static final int LONGEST_PATTERN = 1_000;
    private static final double MOST_REPEATS = 1e6;

    private final String file;

    MatchReader(String file) {
        this.file = file;
    }

    /// A pattern for names.
    ///
    /// @throws IllegalArgumentException when it is none, or one that no name needs; the message says why
    public static Pattern pattern(String text) {
        if (text.length() > LONGEST_PATTERN) {
            throw new IllegalArgumentException("a pattern of " + text.length() + " characters, more than " + LONGEST_PATTERN);
        }
        double repeats = 1;
        Matcher repeated = REPEATED.matcher(text);
        while (repeated.find()) {
            for (int group = 1; group <= 2; group++) {
                String count = repeated.group(group);
                if (count != null && !count.isEmpty()) {
                    repeats *= Math.max(1, Double.parseDouble(count));
                }
            }
        }
        if (repeats > MOST_REPEATS) {
            throw new IllegalArgumentException("its counts multiply to more than " + (long) MOST_REPEATS);
        }
        try {
            return Pattern.compile(text);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(e.getDescription() + (e.getIndex() < 0 ? "" : " at character " + (e.getIndex() + 1)), e);
        } catch (StackOverflowError e) {
            throw new IllegalArgumentException("nested too deep", e);
        }
    }

    Match read(Node node) throws PolicyException {
        if (node instanceof Node.Scalar(Node.Place _, String text) && text.equals("all")) {
            return Match.EVERYTHING;
        }
        if (!(node instanceof Node.Fields(Node.Place _, List<Node.Field> fields))) {
            throw error(node, "a match is a mapping of conditions, or all, not " + node.what());
        }
        if (fields.isEmpty()) {
            throw error(node, "a match without conditions; \"all\" means every tensor");
        }
        Set<String> components = new LinkedHashSet<>();
        Set<String> roles = new LinkedHashSet<>();
        List<LayerSet> layers = new ArrayList<>();
        Optional<Pattern> name = Optional.empty();
        long[] counts = {0, Long.MAX_VALUE};
        for (Node.Field field : fields) {
            switch (field.name()) {
                case "component" -> components.addAll(words(field.value()));
                case "role" -> roles.addAll(words(field.value()));
                case "layers" -> layers.addAll(layers(field.value()));
                case "name" -> name = Optional.of(name(field.value()));
                case "parameters" -> counts(field.value(), counts);
                default -> throw NodeReader.error(file, field.place(),
                        "a match has no \"" + Text.printable(field.name()) + "\"" + Vocabulary.suggestion(field.name(), NAMES));
            }
        }
        return new Match(components, roles, layers, name, counts[0], counts[1]);
    }

    private List<String> words(Node node) throws PolicyException {
        List<String> words = new ArrayList<>();
        for (Node item : items(node)) {
            if (!(item instanceof Node.Scalar(Node.Place _, String text)) || !text.matches("[a-z0-9_]{1,64}")) {
                throw error(item, "a word of lower case letters, digits and underscores is needed, not " + item.what());
            }
            words.add(text);
        }
        return words;
    }

    private List<Node> items(Node node) throws PolicyException {
        List<Node> items = node instanceof Node.Items(Node.Place _, List<Node> found) ? found : List.of(node);
        if (items.isEmpty()) {
            throw error(node, "the list is empty");
        }
        return items;
    }

    private List<LayerSet> layers(Node node) throws PolicyException {
        List<LayerSet> layers = new ArrayList<>();
        for (Node item : items(node)) {
            if (!(item instanceof Node.Scalar(Node.Place _, String text))) {
                throw error(item, "layers are numbers, ranges or words, not " + item.what());
            }
            for (String part : text.split(",", -1)) {
                layers.add(layer(part.strip(), item));
            }
        }
        return layers;
    }

    private LayerSet layer(String text, Node node) throws PolicyException {
        Matcher range = RANGE.matcher(text);
        Matcher end = END.matcher(text);
        if (range.matches()) {
            int first = Integer.parseInt(range.group(1));
            int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
            if (last < first) {
                throw error(node, "layers " + text + " go backwards");
            }
            return new LayerSet.Range(first, last);
        }
        if (end.matches()) {
            int count = Integer.parseInt(end.group(2));
            if (count == 0) {
                throw error(node, "\"" + text + "\" means no layer");
            }
            return end.group(1).equals("first") ? new LayerSet.First(count) : new LayerSet.Last(count);
        }
        return switch (text) {
            case "sliding" -> new LayerSet.Attention(Layer.Attention.SLIDING);
            case "full" -> new LayerSet.Attention(Layer.Attention.FULL);
            case "kv-shared" -> new LayerSet.Shared();
            case "more-bits" -> new LayerSet.MoreBits();
            default -> throw error(node, "layers are given as 3, 15-34, first 4, last 2, sliding, full, kv-shared or more-bits, not \""
                    + Text.printable(text) + "\"");
        };
    }

    private Pattern name(Node node) throws PolicyException {
        if (!(node instanceof Node.Scalar(Node.Place _, String text)) || text.isEmpty()) {
            throw error(node, "a pattern is needed, not " + node.what());
        }
        try {
            return pattern(text);
        } catch (IllegalArgumentException e) {
            throw error(node, "the pattern " + node.what() + ": " + e.getMessage());
        }
    }

    private void counts(Node node, long[] counts) throws PolicyException {
        if (!(node instanceof Node.Fields(Node.Place _, List<Node.Field> fields)) || fields.isEmpty()) {
            throw error(node, "\"parameters\" has \"min\", \"max\" or both, such as { min: 1M }");
        }
        for (Node.Field field : fields) {
            int index = COUNTS.indexOf(field.name());
            if (index < 0) {
                throw NodeReader.error(file, field.place(), "\"parameters\" has no \"" + Text.printable(field.name())
                        + "\", only min and max");
            }
            Matcher count = COUNT.matcher(field.value() instanceof Node.Scalar(Node.Place _, String text) ? text.strip() : "");
            if (!count.matches()) {
                throw error(field.value(), "a number of parameters is needed, such as 4096, 1.5M or 2G, not " + field.value().what());
            }
            double factor = switch (count.group(3)) {
                case "k" -> 1e3;
                case "M" -> 1e6;
                case "G", "B" -> 1e9;
                case "T" -> 1e12;
                default -> 1;
            };
            String fraction = count.group(2) == null ? "0" : count.group(2);
            counts[index] = (long) (Double.parseDouble(count.group(1) + "." + fraction) * factor);
        }
        if (counts[0] > counts[1]) {
            throw error(node, "no number is at least " + counts[0] + " and at most " + counts[1]);
        }
    }

    private PolicyException error(Node node, String message) {
        return NodeReader.error(file, node.place(), message);
    }
}
