package io.github.weighbridge.audit;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.scan.ErrorSums;
import io.github.weighbridge.scan.SweepOptions;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What is different between two checkpoints of any formats. Weights are mapped by key, so that names, order, fusing and orientation, which
/// belong to formats, are no differences. Neither is what only one of two formats has a place for: see [#unstated].
///
/// ```java
/// try (Checkpoint first = Formats.installed().open(Source.of(source), ReadOptions.defaults());
///         Checkpoint second = Formats.installed().open(Source.of(output), ReadOptions.defaults())) {
///     Diff diff = Diff.of(first, second, true, SweepOptions.defaults());
///     for (Diff.Change change : diff.changes()) {
///         System.out.println(change.kind().word() + " " + change.subject() + ": " + change.first() + " -> " + change.second());
///     }
/// }
/// ```
///
/// @param weights number of weights that both have
/// @param same number of those that have the same shape, encoding and values, as far as was looked
/// @param changes all differences, in a fixed order
/// @param unstated parameters and documents that one side alone states, where the formats differ
public record Diff(int weights, int same, List<Change> changes, List<String> unstated) {
    /// What kind of difference it is.
    public enum Kind {
        /// A weight of the second alone.
        ADDED,
        /// A weight of the first alone.
        REMOVED,
        /// Another shape.
        RESHAPED,
        /// Another encoding.
        REENCODED,
        /// Other values.
        VALUES,
        /// A scale of an activation or a cache is new, gone, or another.
        SCALE,
        /// Another hyper-parameter.
        METADATA,
        /// Other tokens, merges or chat template.
        TOKENIZER,
        /// Another document beside the weights, between checkpoints of one format.
        DOCUMENT;

        /// The word in reports.
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        /// The kind of a word.
        public static Optional<Kind> of(String word) {
            return java.util.Arrays.stream(values()).filter(kind -> kind.word().equalsIgnoreCase(word)).findFirst();
        }
    }

    /// A difference.
    ///
    /// @param subject a weight's key, a parameter, a document
    /// @param identity what the weight is; [Identity#NONE] for all else
    /// @param first what the first has; empty when it has nothing
    /// @param second what the second has; empty when it has nothing
    /// @param sums errors of the second against the first, where values were compared
    public record Change(Kind kind, String subject, Identity identity, String first, String second, Optional<ErrorSums> sums) {
        static Change of(Kind kind, String subject, String first, String second) {
            return new Change(kind, subject, Identity.NONE, first, second, Optional.empty());
        }
    }

    /// Copies the lists.
    public Diff {
        changes = List.copyOf(changes);
        unstated = List.copyOf(unstated);
    }

    /// A copy without some kinds of changes.
    public Diff without(Set<Kind> kinds) {
        return new Diff(weights, same, changes.stream().filter(change -> !kinds.contains(change.kind())).toList(), unstated);
    }

    /// Number of changes of a kind.
    public long count(Kind kind) {
        return changes.stream().filter(change -> change.kind() == kind).count();
    }

    /// Compares two checkpoints.
    ///
    /// @param values whether weights are read; without, only what headers say is compared
    /// @throws IOException when a file cannot be read, or a document is bad
    public static Diff of(Checkpoint first, Checkpoint second, boolean values, SweepOptions options) throws IOException {
        Correspondence both = Correspondence.of(first.graph(), second.graph(), false);
        List<Change> changes = new ArrayList<>();
        both.onlyFirst().forEach(weight -> changes.add(alone(Kind.REMOVED, weight)));
        both.onlySecond().forEach(weight -> changes.add(alone(Kind.ADDED, weight)));
        Map<String, View[]> questions = new LinkedHashMap<>();
        Map<String, Change> changed = new LinkedHashMap<>();
        for (Correspondence.Pair pair : both.pairs()) {
            Shape shape = pair.first().view().shape();
            Shape other = pair.second().view().shape();
            Identity identity = pair.first().identity();
            if (!Verification.sameNumbers(shape, other)) {
                changed.put(pair.key(), new Change(Kind.RESHAPED, pair.key(), identity, shape.toString(), other.toString(),
                        Optional.empty()));
                continue;
            }
            String encoding = Verification.encodings(pair.first());
            String otherEncoding = Verification.encodings(pair.second());
            if (!encoding.equals(otherEncoding)) {
                changed.put(pair.key(), new Change(Kind.REENCODED, pair.key(), identity, encoding, otherEncoding, Optional.empty()));
            }
            questions.put(pair.key(), new View[] {pair.first().view(), View.reshape(pair.second().view(), shape)});
        }
        Map<String, Change> scales = scales(first, second, both, questions);
        Map<String, Optional<ErrorSums>> answers = values ? answers(first, second, questions, options) : Map.of();
        int same = 0;
        for (Correspondence.Pair pair : both.pairs()) {
            Optional<ErrorSums> sums = answers.getOrDefault(pair.key(), Optional.empty());
            Change change = changed.get(pair.key());
            if (change != null) {
                changes.add(new Change(change.kind(), change.subject(), change.identity(), change.first(), change.second(), sums));
            }
            boolean equal = !answers.containsKey(pair.key()) || sums.isPresent() && sums.get().equal() == sums.get().count();
            if (!equal) {
                changes.add(new Change(Kind.VALUES, pair.key(), pair.first().identity(), Verification.encodings(pair.first()),
                        Verification.encodings(pair.second()), sums));
            }
            same += change == null && equal ? 1 : 0;
        }
        scales.forEach((key, change) -> {
            Optional<ErrorSums> sums = answers.getOrDefault(key, Optional.empty());
            if (!questions.containsKey(key) || sums.isPresent() && sums.get().equal() < sums.get().count()) {
                changes.add(new Change(change.kind(), key, change.identity(), change.first(), change.second(), sums));
            }
        });
        List<String> unstated = new ArrayList<>();
        DocumentDiff.of(first, second, changes, unstated);
        return new Diff(both.pairs().size(), same, changes, unstated);
    }

    private static Change alone(Kind kind, Weight weight) {
        String what = Verification.encodings(weight) + " " + weight.view().shape();
        return new Change(kind, weight.key(), weight.identity(), kind == Kind.REMOVED ? what : "", kind == Kind.ADDED ? what : "",
                Optional.empty());
    }

    /// Scales of activations and caches: a change for each that is on one side, and for each on both sides with a question for its number.
    private static Map<String, Change> scales(Checkpoint first, Checkpoint second, Correspondence both, Map<String, View[]> questions) {
        Map<String, StoredTensor> one = cacheScales(first);
        Map<String, StoredTensor> other = cacheScales(second);
        for (Correspondence.Pair pair : both.pairs()) {
            pair.first().inputScale().ifPresent(scale -> one.put(pair.key() + ".input_scale", scale));
            pair.first().outputScale().ifPresent(scale -> one.put(pair.key() + ".output_scale", scale));
            pair.second().inputScale().ifPresent(scale -> other.put(pair.key() + ".input_scale", scale));
            pair.second().outputScale().ifPresent(scale -> other.put(pair.key() + ".output_scale", scale));
        }
        Map<String, Change> changes = new LinkedHashMap<>();
        one.forEach((key, scale) -> {
            StoredTensor match = other.remove(key);
            Identity identity = first.graph().identity(scale);
            if (match != null && match.shape().elements() == scale.shape().elements()) {
                questions.put(key, new View[] {View.of(scale), View.reshape(View.of(match), scale.shape())});
            }
            changes.put(key, new Change(Kind.SCALE, key, identity, describe(scale), match == null ? "" : describe(match),
                    Optional.empty()));
        });
        other.forEach((key, scale) -> changes.put(key, new Change(Kind.SCALE, key, second.graph().identity(scale), "", describe(scale),
                Optional.empty())));
        return changes;
    }

    private static String describe(StoredTensor tensor) {
        return tensor.encoding().name() + " " + tensor.shape();
    }

    /// Names of cache scales differ between formats; those of the keys come before those of the values in all of them.
    private static Map<String, StoredTensor> cacheScales(Checkpoint checkpoint) {
        Map<String, StoredTensor> scales = new LinkedHashMap<>();
        Map<String, Integer> counts = new LinkedHashMap<>();
        checkpoint.graph().stored().stream().filter(tensor -> checkpoint.graph().identity(tensor).role().equals(Role.KV_SCALE))
                .sorted(java.util.Comparator.comparing((StoredTensor tensor) -> checkpoint.graph().identity(tensor).layer())
                        .thenComparing(StoredTensor::name))
                .forEach(tensor -> {
                    Identity identity = checkpoint.graph().identity(tensor);
                    String layer = identity.component() + "." + identity.layer();
                    int index = counts.merge(layer, 1, Integer::sum);
                    scales.put(layer + (index == 1 ? ".k" : index == 2 ? ".v" : "." + index) + "_cache_scale", tensor);
                });
        return scales;
    }

    private static Map<String, Optional<ErrorSums>> answers(Checkpoint first, Checkpoint second, Map<String, View[]> questions,
            SweepOptions options) throws IOException {
        List<Comparison.Question> all = questions.values().stream()
                .map(views -> new Comparison.Question(views[0], views[1], ErrorSums.Bound.NONE)).toList();
        List<Optional<ErrorSums>> sums = new Comparison(first, second, options).answer(all);
        Map<String, Optional<ErrorSums>> answers = new LinkedHashMap<>();
        int index = 0;
        for (String key : questions.keySet()) {
            answers.put(key, sums.get(index++));
        }
        return answers;
    }
}
