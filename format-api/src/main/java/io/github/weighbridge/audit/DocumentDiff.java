package io.github.weighbridge.audit;

import io.github.weighbridge.audit.Diff.Change;
import io.github.weighbridge.audit.Diff.Kind;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.model.Layer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// What is different between two checkpoints apart from weights: hyper-parameters, tokens, documents.
final class DocumentDiff {
    private static final String CONFIG = "config.json";
    private static final String TOKENIZER = "tokenizer.json";
    private static final String TOKENIZER_CONFIG = "tokenizer_config.json";
    private static final String TEMPLATE = "chat_template.jinja";
    private static final int LONGEST = 120;
    private static final int PIECE = 1 << 16;

    private final Checkpoint first;
    private final Checkpoint second;
    private final boolean oneFormat;
    private final List<Change> changes;
    private final List<String> unstated;

    private DocumentDiff(Checkpoint first, Checkpoint second, List<Change> changes, List<String> unstated) {
        this.first = first;
        this.second = second;
        this.oneFormat = first.format().equals(second.format());
        this.changes = changes;
        this.unstated = unstated;
    }

    static void of(Checkpoint first, Checkpoint second, List<Change> changes, List<String> unstated) throws IOException {
        DocumentDiff diff = new DocumentDiff(first, second, changes, unstated);
        diff.architectures();
        diff.tokenizers();
        diff.templates();
        if (diff.oneFormat) {
            diff.parameters(first.metadata(), second.metadata());
            diff.others();
        }
    }

    private void architectures() throws IOException {
        Architecture a = first.architecture();
        Architecture b = second.architecture();
        metadata("family", a.family(), b.family());
        if (a.known() && b.known()) {
            metadata("hidden size", Long.toString(a.hiddenSize()), Long.toString(b.hiddenSize()));
            metadata("vocabulary size", Long.toString(a.vocabularySize()), Long.toString(b.vocabularySize()));
            metadata("context length", Long.toString(a.contextLength()), Long.toString(b.contextLength()));
            metadata("layers", Integer.toString(a.layers().size()), Integer.toString(b.layers().size()));
            for (int i = 0; i < Math.min(a.layers().size(), b.layers().size()); i++) {
                Layer one = a.layers().get(i);
                Layer other = b.layers().get(i);
                if (!one.equals(other)) {
                    changes.add(Change.of(Kind.METADATA, "layer " + i, one.toString(), other.toString()));
                }
            }
        }
        if (oneFormat || a.known() && a.family().equals(b.family())) {
            Optional<ByteSource> config = first.documents().get(CONFIG);
            Optional<ByteSource> otherConfig = second.documents().get(CONFIG);
            boolean whole = oneFormat && config.isPresent() && otherConfig.isPresent();
            parameters(whole ? Json.parseObject(config.get(), Limits.DEFAULT) : a.parameters(),
                    whole ? Json.parseObject(otherConfig.get(), Limits.DEFAULT) : b.parameters());
        }
    }

    private void metadata(String name, String one, String other) {
        if (!one.equals(other)) {
            changes.add(Change.of(Kind.METADATA, name, one, other));
        }
    }

    private void parameters(Value one, Value other) {
        Map<String, Value> a = new LinkedHashMap<>();
        Map<String, Value> b = new LinkedHashMap<>();
        flatten("", one, a);
        flatten("", other, b);
        Set<String> names = new TreeSet<>(a.keySet());
        names.addAll(b.keySet());
        for (String name : names) {
            Value left = a.get(name);
            Value right = b.get(name);
            if (left != null && right != null) {
                if (!equal(left, right)) {
                    changes.add(Change.of(Kind.METADATA, name, text(left), text(right)));
                }
            } else if (oneFormat) {
                changes.add(Change.of(Kind.METADATA, name, left == null ? "" : text(left), right == null ? "" : text(right)));
            } else {
                unstated.add(name);
            }
        }
    }

    private static void flatten(String path, Value value, Map<String, Value> flat) {
        if (value instanceof Value.Fields(Map<String, Value> fields) && !fields.isEmpty()) {
            fields.forEach((name, field) -> flatten(path.isEmpty() ? name : path + "." + name, field, flat));
        } else {
            flat.put(path, value);
        }
    }

    /// Numbers are equal however they are written.
    private static boolean equal(Value one, Value other) {
        if (one instanceof Value.Items(List<Value> a) && other instanceof Value.Items(List<Value> b)) {
            if (a.size() != b.size()) {
                return false;
            }
            for (int i = 0; i < a.size(); i++) {
                if (!equal(a.get(i), b.get(i))) {
                    return false;
                }
            }
            return true;
        }
        if (one instanceof Value.Fields(Map<String, Value> a) && other instanceof Value.Fields(Map<String, Value> b)) {
            for (Map.Entry<String, Value> field : a.entrySet()) {
                Value match = b.get(field.getKey());
                if (match == null || !equal(field.getValue(), match)) {
                    return false;
                }
            }
            return a.size() == b.size();
        }
        Optional<Double> a = number(one);
        Optional<Double> b = number(other);
        return a.isPresent() && b.isPresent() ? a.get().equals(b.get()) : one.equals(other);
    }

    private static Optional<Double> number(Value value) {
        return switch (value) {
            case Value.Whole(long number) -> Optional.of((double) number);
            case Value.Real(double number) -> Optional.of(number);
            case Value.Text _, Value.Flag _, Value.Nothing _, Value.Items _, Value.Fields _ -> Optional.empty();
        };
    }

    private static String text(Value value) {
        String text = new String(Json.bytes(value), StandardCharsets.UTF_8);
        return text.length() <= LONGEST ? text : text.substring(0, text.offsetByCodePoints(0, Math.min(LONGEST, text.codePointCount(0,
                text.length()))) - 1) + "…";
    }

    private void tokenizers() throws IOException {
        Optional<ByteSource> one = first.documents().get(TOKENIZER);
        Optional<ByteSource> other = second.documents().get(TOKENIZER);
        if (one.isEmpty() || other.isEmpty()) {
            alone(TOKENIZER, one, other);
            return;
        }
        if (sameBytes(one.get(), other.get())) {
            return;
        }
        int before = changes.size();
        Tokens a = Tokens.of(one.get());
        Tokens b = Tokens.of(other.get());
        if (a.count() != b.count()) {
            changes.add(Change.of(Kind.TOKENIZER, "tokens", Integer.toString(a.count()), Integer.toString(b.count())));
        }
        List<Integer> ids = a.differentIds(b);
        if (!ids.isEmpty()) {
            List<Integer> some = ids.subList(0, Math.min(5, ids.size()));
            changes.add(Change.of(Kind.TOKENIZER, ids.size() + " tokens", Tokens.texts(one.get(), some), Tokens.texts(other.get(), some)));
        }
        if (a.mergeCount() != b.mergeCount()) {
            changes.add(Change.of(Kind.TOKENIZER, "merges", Integer.toString(a.mergeCount()), Integer.toString(b.mergeCount())));
        } else if (!a.sameMerges(b)) {
            changes.add(Change.of(Kind.TOKENIZER, "merges", "", "others, or in another order"));
        }
        if (oneFormat && changes.size() == before) {
            changes.add(
                    Change.of(Kind.DOCUMENT, TOKENIZER, one.get().length() + " bytes", other.get().length() + " bytes, the same tokens"));
        }
    }

    private void templates() throws IOException {
        Optional<String> one = template(first.documents());
        Optional<String> other = template(second.documents());
        if (!one.equals(other)) {
            if (!oneFormat
                    && (one.isEmpty() && first.documents().names().isEmpty() || other.isEmpty() && second.documents().names().isEmpty())) {
                unstated.add("chat template");
            } else {
                changes.add(Change.of(Kind.TOKENIZER, "chat template", one.map(t -> t.length() + " characters").orElse(""),
                        other.map(t -> t.length() + " characters").orElse("")));
            }
        }
    }

    private static Optional<String> template(Documents documents) throws IOException {
        Optional<ByteSource> own = documents.get(TEMPLATE);
        if (own.isPresent() && own.get().length() <= Limits.DEFAULT.textBytes()) {
            return Optional.of(new String(own.get().readBytes(0, Math.toIntExact(own.get().length())), StandardCharsets.UTF_8));
        }
        Optional<ByteSource> config = documents.get(TOKENIZER_CONFIG);
        return config.isEmpty() ? Optional.empty() : Json.parseObject(config.get(), Limits.DEFAULT).text("chat_template");
    }

    private void alone(String name, Optional<ByteSource> one, Optional<ByteSource> other) {
        if (one.isEmpty() == other.isEmpty()) {
            return;
        }
        if (oneFormat) {
            changes.add(Change.of(name.equals(TOKENIZER) ? Kind.TOKENIZER : Kind.DOCUMENT, name,
                    one.map(source -> source.length() + " bytes").orElse(""), other.map(source -> source.length() + " bytes").orElse("")));
        } else {
            unstated.add(name);
        }
    }

    private void others() throws IOException {
        Set<String> names = new TreeSet<>(first.documents().names());
        names.addAll(second.documents().names());
        names.removeAll(Set.of(CONFIG, TOKENIZER, TEMPLATE));
        for (String name : names) {
            Optional<ByteSource> one = first.documents().get(name);
            Optional<ByteSource> other = second.documents().get(name);
            if (one.isEmpty() || other.isEmpty()) {
                alone(name, one, other);
            } else if (!sameBytes(one.get(), other.get()) && !sameJson(name, one.get(), other.get())) {
                changes.add(Change.of(Kind.DOCUMENT, name, one.get().length() + " bytes", other.get().length() + " bytes"));
            }
        }
    }

    private static boolean sameJson(String name, ByteSource one, ByteSource other) throws IOException {
        long most = Limits.DEFAULT.keptBytes();
        return name.endsWith(".json") && one.length() <= most && other.length() <= most
                && equal(Json.parse(one, Limits.DEFAULT), Json.parse(other, Limits.DEFAULT));
    }

    private static boolean sameBytes(ByteSource one, ByteSource other) throws IOException {
        if (one.length() != other.length()) {
            return false;
        }
        byte[] left = new byte[PIECE];
        byte[] right = new byte[PIECE];
        for (long at = 0; at < one.length(); at += PIECE) {
            int count = (int) Math.min(PIECE, one.length() - at);
            one.read(at, MemorySegment.ofArray(left).asSlice(0, count));
            other.read(at, MemorySegment.ofArray(right).asSlice(0, count));
            if (!java.util.Arrays.equals(left, 0, count, right, 0, count)) {
                return false;
            }
        }
        return true;
    }
}
