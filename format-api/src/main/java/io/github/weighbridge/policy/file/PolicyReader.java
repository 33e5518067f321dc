package io.github.weighbridge.policy.file;

import io.github.weighbridge.io.Text;
import io.github.weighbridge.policy.Activations;
import io.github.weighbridge.policy.CachePolicy;
import io.github.weighbridge.policy.Condition;
import io.github.weighbridge.policy.Floor;
import io.github.weighbridge.policy.Match;
import io.github.weighbridge.policy.PerFormat;
import io.github.weighbridge.policy.PolicySettings;
import io.github.weighbridge.policy.Rule;
import io.github.weighbridge.policy.Vocabulary;
import io.github.weighbridge.scan.Tolerance;
import io.github.weighbridge.spi.PolicyException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Makes a policy of the nodes of one file, without what it extends.
final class PolicyReader {
    private static final int MOST_RULES = 10_000;
    private static final List<String> TOP =
            List.of("name", "description", "extends", "requires", "strip", "rules", "default", "type", "pure",
                    "fallbacks", "floors", "kv_cache", "activations", "tolerance", "notes");
    private static final List<String> RULE = List.of("match", "formats", "encoding", "optional", "when", "fallback", "tolerance");

    private final String file;
    private final boolean preset;
    private final FormatReader formats;

    /// What a file says, as far as it says it.
    ///
    /// @param parents what it extends, in order, and where it says so
    record Draft(String name, String description, List<Node.Scalar> parents, Set<String> strip, List<Rule> rules, Optional<Rule> otherwise,
            PerFormat<String> types, boolean pure, Map<String, PerFormat<List<String>>> fallbacks, List<Floor> floors,
            List<PolicySettings.Requirement> requirements, Optional<CachePolicy> cache, Optional<Activations> activations,
            Optional<String> typeLabel, Map<String, String> notes, Optional<Tolerance> tolerance) {}

    /// @param file its name, for messages
    /// @param preset whether it is one of ours, whose rules are named by number alone
    PolicyReader(String file, boolean preset) {
        this.file = file;
        this.preset = preset;
        this.formats = new FormatReader(file);
    }

    Draft read(Node node) throws PolicyException {
        Fields top = fields(node, "a policy", TOP);
        String name = top.text("name").orElse(file);
        PerFormat<String> types = top.get("type").isEmpty() ? PerFormat.none()
                : formats.read(top.get("type").get(), "\"type\"", word -> scalar(word, "a type").text());
        boolean pure = top.flag("pure");
        if (pure && types.isEmpty()) {
            throw error(top.get("pure").orElseThrow(), "\"pure\" goes with \"type\"");
        }
        Set<String> strip = new LinkedHashSet<>();
        for (Node.Scalar part : top.words("strip")) {
            strip.add(known(part, "part", Vocabulary.PARTS));
        }
        List<Rule> rules = new ArrayList<>();
        for (Node rule : top.items("rules")) {
            rules.add(rule(rule, rules.size() + 1));
            if (rules.size() > MOST_RULES) {
                throw error(rule, "more than " + MOST_RULES + " rules");
            }
        }
        Optional<Rule> otherwise = Optional.empty();
        if (top.get("default").isPresent()) {
            Node said = top.get("default").get();
            PerFormat<String> words = formats.read(said, "\"default\"", this::encoding);
            for (String format : words.values().keySet()) {
                if (types.named(format).isPresent()) {
                    throw error(said, (format.equals(PerFormat.ELSE) ? "a policy" : "for " + format + " a policy")
                            + " has a \"default\" or a \"type\", not both");
                }
            }
            otherwise = Optional.of(new Rule(Match.EVERYTHING, words, preset ? "policy " + name : label(said, "default"), true,
                    List.of(), PerFormat.none(), Optional.empty(), Set.of()));
        }
        Map<String, String> notes = new LinkedHashMap<>();
        if (top.get("notes").isPresent()) {
            for (Node.Field note : fields(top.get("notes").get(), "notes").fields()) {
                if (!note.name().matches("[a-z0-9_]{1,64}")) {
                    throw NodeReader.error(file, note.place(), "a note's name has lower case letters, digits and underscores");
                }
                notes.put(note.name(), scalar(note.value(), "a text").text());
            }
        }
        return new Draft(name, top.text("description").orElse(""), top.words("extends"), strip, rules, otherwise, types, pure,
                fallbacks(top), floors(top), requirements(top), cache(top), activations(top),
                top.get("type").map(_ -> preset ? "policy " + name : file + ":" + top.get("type").orElseThrow().place() + ": type"), notes,
                tolerance(top));
    }

    private Map<String, PerFormat<List<String>>> fallbacks(Fields top) throws PolicyException {
        Map<String, PerFormat<List<String>>> fallbacks = new LinkedHashMap<>();
        if (top.get("fallbacks").isPresent()) {
            for (Node.Field field : fields(top.get("fallbacks").get(), "fallbacks").fields()) {
                fallbacks.put(field.name(), formats.read(field.value(), "fallbacks", node -> fallback(node, "fallbacks")));
            }
        }
        return fallbacks;
    }

    private List<String> fallback(Node node, String what) throws PolicyException {
        List<String> fallbacks = new ArrayList<>();
        for (Node.Scalar word : words(node, what)) {
            String text = encoding(word);
            if (text.equals(Rule.DROP)) {
                throw error(word, "\"drop\" is no fallback");
            }
            fallbacks.add(text);
        }
        return fallbacks;
    }

    private List<Floor> floors(Fields top) throws PolicyException {
        List<Floor> floors = new ArrayList<>();
        for (Node node : top.items("floors")) {
            Fields floor = fields(node, "a floor", List.of("match", "bits"));
            Node.Scalar bits = scalar(floor.required("bits"), "a number of bits");
            floors.add(new Floor(new MatchReader(file).read(floor.required("match")), (int) number(bits, 1, 64),
                    label(node, "floor " + (floors.size() + 1))));
        }
        return floors;
    }

    private List<PolicySettings.Requirement> requirements(Fields top) throws PolicyException {
        List<PolicySettings.Requirement> requirements = new ArrayList<>();
        for (Node node : top.items("requires")) {
            Fields requirement = fields(node, "a requirement", List.of("when", "otherwise"));
            String otherwise = scalar(requirement.required("otherwise"), "a text").text();
            for (Condition condition : conditions(requirement.required("when"))) {
                requirements.add(new PolicySettings.Requirement(condition, otherwise, label(node, "requirement")));
            }
        }
        return requirements;
    }

    private Optional<CachePolicy> cache(Fields top) throws PolicyException {
        Optional<Node> node = top.get("kv_cache");
        if (node.isEmpty()) {
            return Optional.empty();
        }
        if (node.get() instanceof Node.Scalar word) {
            return Optional.of(CachePolicy.of(known(word, "type of cache", CachePolicy.TYPES)));
        }
        Fields cache = fields(node.get(), "kv_cache", List.of("type", "sliding", "full", "scales"));
        Optional<String> type = cache.known("type", "type of cache", CachePolicy.TYPES);
        Optional<String> sliding = cache.known("sliding", "type of cache", CachePolicy.TYPES);
        Optional<String> full = cache.known("full", "type of cache", CachePolicy.TYPES);
        if (type.isEmpty() && (sliding.isEmpty() || full.isEmpty())) {
            throw error(node.get(), "kv_cache needs a \"type\", or both \"sliding\" and \"full\"");
        }
        CachePolicy.Scales scales = CachePolicy.Scales.KEEP;
        for (CachePolicy.Scales one : CachePolicy.Scales.values()) {
            if (cache.known("scales", "origin of scales", List.of("keep", "dynamic", "trained")).filter(one.name()::equalsIgnoreCase)
                    .isPresent()) {
                scales = one;
            }
        }
        return Optional.of(new CachePolicy(sliding.or(() -> type).orElseThrow(), full.or(() -> type).orElseThrow(), scales));
    }

    private Optional<Activations> activations(Fields top) throws PolicyException {
        return top.known("activations", "way with activations", Arrays.stream(Activations.values()).map(Activations::word).toList())
                .map(word -> Activations.valueOf(word.toUpperCase(java.util.Locale.ROOT)));
    }

    /// Limits as `snr_db:20,max_abs:0.01` or as a mapping.
    private Optional<Tolerance> tolerance(Fields from) throws PolicyException {
        Optional<Node> node = from.get("tolerance");
        if (node.isEmpty()) {
            return Optional.empty();
        }
        if (!(node.get() instanceof Node.Fields)) {
            Node.Scalar text = scalar(node.get(), "a tolerance");
            try {
                return Optional.of(Tolerance.parse(text.text()));
            } catch (IllegalArgumentException e) {
                throw error(text, String.valueOf(e.getMessage()));
            }
        }
        Tolerance tolerance = Tolerance.NONE;
        for (Node.Field limit : fields(node.get(), "a tolerance", Tolerance.WORDS).fields()) {
            Node.Scalar number = scalar(limit.value(), "a limit");
            if (!number.text().matches("-?\\d{1,20}(\\.\\d{1,20})?([eE][-+]?\\d{1,2})?")) {
                throw error(number, "a limit is a number, not " + number.what());
            }
            tolerance = tolerance.with(limit.name(), Double.parseDouble(number.text()));
        }
        if (tolerance.isEmpty()) {
            throw error(node.get(), "a tolerance without limits");
        }
        return Optional.of(tolerance);
    }

    private Rule rule(Node node, int number) throws PolicyException {
        Fields rule = fields(node, "a rule", RULE);
        PerFormat<String> encodings = formats.read(rule.required("encoding"), "\"encoding\"", this::encoding);
        PerFormat<List<String>> fallbacks = rule.get("fallback").isEmpty() ? PerFormat.none()
                : formats.read(rule.get("fallback").get(), "\"fallback\"", words -> fallback(words, "\"fallback\""));
        Set<String> only = rule.get("formats").isEmpty() ? Set.of() : formats.formats(rule.get("formats").get());
        for (String format : only) {
            if (encodings.in(format).isEmpty()) {
                throw error(rule.required("encoding"), "says no encoding for " + format + ", which the rule is for");
            }
        }
        Match match = new MatchReader(file).read(rule.required("match"));
        return new Rule(match, encodings, preset ? file + " rule " + number : label(node, "rule " + number), rule.flag("optional"),
                rule.get("when").isPresent() ? conditions(rule.get("when").get()) : List.of(), fallbacks, tolerance(rule), only);
    }

    private List<Condition> conditions(Node node) throws PolicyException {
        List<Condition> conditions = new ArrayList<>();
        for (Node.Field field : fields(node, "conditions").fields()) {
            String text = scalar(field.value(), "a value").text().strip();
            Condition.Comparison comparison = Condition.Comparison.IS;
            for (Condition.Comparison candidate : Condition.Comparison.values()) {
                if (text.startsWith(candidate.sign())) {
                    comparison = candidate;
                    text = text.substring(candidate.sign().length()).strip();
                    break;
                }
            }
            if ((comparison == Condition.Comparison.ABOVE || comparison == Condition.Comparison.BELOW)
                    && !text.matches("-?\\d+(\\.\\d+)?")) {
                throw error(field.value(), "\"" + comparison.sign() + "\" compares with a number, not with " + field.value().what());
            }
            conditions.add(new Condition(field.name(), comparison, text));
        }
        if (conditions.isEmpty()) {
            throw error(node, "conditions are empty");
        }
        return conditions;
    }

    private String encoding(Node node) throws PolicyException {
        Node.Scalar word = scalar(node, "an encoding");
        String text = word.text().strip();
        if (text.isEmpty() || text.length() > 128 || !text.chars().allMatch(c -> c > 0x20 && c < 0x7f)) {
            throw error(word, "an encoding is one word, such as int4/group32, bf16, keep or gguf:Q4_K, not " + word.what());
        }
        return text;
    }

    private String label(Node node, String what) {
        return file + (preset ? " " : ":" + node.place() + ": ") + what;
    }

    private PolicyException error(Node node, String message) {
        return NodeReader.error(file, node.place(), message);
    }

    private String known(Node.Scalar word, String what, List<String> words) throws PolicyException {
        if (!words.contains(word.text())) {
            throw error(word, "there is no " + what + " " + word.what() + Vocabulary.suggestion(word.text(), words));
        }
        return word.text();
    }

    private Node.Scalar scalar(Node node, String what) throws PolicyException {
        if (node instanceof Node.Scalar scalar && !scalar.text().isEmpty()) {
            return scalar;
        }
        throw error(node, what + " is needed, not " + (node instanceof Node.Scalar ? "nothing" : node.what()));
    }

    private long number(Node.Scalar scalar, long least, long most) throws PolicyException {
        try {
            long number = Long.parseLong(scalar.text());
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Said below, as for a number out of range.
        }
        throw error(scalar, "a number from " + least + " to " + most + " is needed, not " + scalar.what());
    }

    private List<Node.Scalar> words(Node node, String what) throws PolicyException {
        if (node instanceof Node.Items(Node.Place _, List<Node> items)) {
            List<Node.Scalar> words = new ArrayList<>();
            for (Node item : items) {
                words.add(scalar(item, "a word of " + what));
            }
            return words;
        }
        return List.of(scalar(node, what));
    }

    private Fields fields(Node node, String what) throws PolicyException {
        if (node instanceof Node.Fields found) {
            return new Fields(node, what, found.fields());
        }
        throw error(node, what + " is a mapping of names to values, not " + node.what());
    }

    private Fields fields(Node node, String what, List<String> names) throws PolicyException {
        Fields fields = fields(node, what);
        for (Node.Field field : fields.fields()) {
            if (!names.contains(field.name())) {
                throw NodeReader.error(file, field.place(), what + " has no \"" + Text.printable(field.name()) + "\""
                        + Vocabulary.suggestion(field.name(), names));
            }
        }
        return fields;
    }

    /// The fields of a mapping.
    private final class Fields {
        private final Node node;
        private final String what;
        private final List<Node.Field> fields;

        Fields(Node node, String what, List<Node.Field> fields) {
            this.node = node;
            this.what = what;
            this.fields = fields;
        }

        List<Node.Field> fields() {
            return fields;
        }

        Optional<Node> get(String name) {
            return fields.stream().filter(field -> field.name().equals(name)).map(Node.Field::value).findFirst();
        }

        Node required(String name) throws PolicyException {
            return get(name).orElseThrow(() -> error(node, what + " has no \"" + name + "\""));
        }

        Optional<String> text(String name) throws PolicyException {
            return get(name).isEmpty() ? Optional.empty() : Optional.of(scalar(get(name).get(), "\"" + name + "\"").text());
        }

        Optional<String> known(String name, String meaning, List<String> words) throws PolicyException {
            return get(name).isEmpty() ? Optional.empty()
                    : Optional.of(PolicyReader.this.known(scalar(get(name).get(), "\"" + name + "\""), meaning, words));
        }

        boolean flag(String name) throws PolicyException {
            if (get(name).isEmpty()) {
                return false;
            }
            Node.Scalar scalar = scalar(get(name).get(), "\"" + name + "\"");
            if (!scalar.text().equals("true") && !scalar.text().equals("false")) {
                throw error(scalar, "\"" + name + "\" is true or false, not " + scalar.what());
            }
            return scalar.text().equals("true");
        }

        List<Node.Scalar> words(String name) throws PolicyException {
            return get(name).isEmpty() ? List.of() : PolicyReader.this.words(get(name).get(), "\"" + name + "\"");
        }

        List<Node> items(String name) throws PolicyException {
            if (get(name).isEmpty()) {
                return List.of();
            }
            if (get(name).get() instanceof Node.Items(Node.Place _, List<Node> items)) {
                return items;
            }
            throw error(get(name).get(), "\"" + name + "\" is a list, not " + get(name).get().what());
        }
    }
}
