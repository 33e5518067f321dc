package io.github.weighbridge.safetensors;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Finds few patterns that say exactly which modules of a model have a label: configurations name modules so. Every pattern matches some
/// modules with the label and none without it. Patterns mean the same in Java and in Python; they begin with `.*` and end with `$`, so that
/// they hold for any spelling of what comes before a model's layers.
///
/// @param <L> kind of label
public final class ModulePatterns<L> {
    private static final String NUMBER = "\\d+";
    private static final int SMALLEST_SUBTREE = 4;

    private final Map<String, L> labels;
    private final Map<String, List<String>> bySkeleton = new LinkedHashMap<>();

    /// Patterns for modules.
    ///
    /// @param labels the label of every module that there is
    public ModulePatterns(Map<String, L> labels) {
        this.labels = new LinkedHashMap<>(labels);
        this.labels.keySet().forEach(module -> bySkeleton.computeIfAbsent(skeleton(module), _ -> new ArrayList<>()).add(module));
    }

    private static String[] parts(String module) {
        return module.split("\\.", -1);
    }

    private static boolean isNumber(String part) {
        return !part.isEmpty() && part.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private static String quoted(String part) {
        return part.replaceAll("([\\\\^$.|?*+()\\[\\]{}])", "\\\\$1");
    }

    private static String skeleton(String module) {
        StringBuilder skeleton = new StringBuilder();
        for (String part : parts(module)) {
            skeleton.append(isNumber(part) ? NUMBER : quoted(part)).append('\0');
        }
        return skeleton.toString();
    }

    /// A pattern in parts.
    ///
    /// @param before the parts but the last
    /// @param last alternatives of the last part
    private record Parts(List<String> before, Set<String> last) {
        String text() {
            String end = last.size() == 1 ? last.iterator().next() : "(" + String.join("|", last) + ")";
            return ".*" + before.stream().map(part -> part + "\\.").collect(Collectors.joining()) + end + "$";
        }
    }

    /// The patterns for a label.
    ///
    /// @param subtrees whether whole parts of a model may be named by one pattern, as is fit for what is left out
    public List<String> of(L label, boolean subtrees) {
        Set<String> left = new LinkedHashSet<>();
        labels.forEach((module, own) -> {
            if (own.equals(label)) {
                left.add(module);
            }
        });
        List<String> patterns = new ArrayList<>();
        if (subtrees) {
            subtrees(label, left, patterns);
        }
        Map<List<String>, Set<String>> merged = new LinkedHashMap<>();
        List<Parts> exact = new ArrayList<>();
        while (!left.isEmpty()) {
            List<String> alike = bySkeleton.get(skeleton(left.iterator().next()));
            List<String> mine = java.util.Objects.requireNonNull(alike).stream().filter(left::contains).toList();
            mine.forEach(left::remove);
            List<String> suffix = suffix(label, alike, mine);
            if (suffix.isEmpty()) {
                mine.forEach(module -> exact.add(new Parts(List.of(), Set.of(quoted(module)))));
            } else {
                merged.computeIfAbsent(suffix.subList(0, suffix.size() - 1), _ -> new TreeSet<>()).add(suffix.getLast());
            }
        }
        merged.forEach((before, last) -> patterns.add(new Parts(before, last).text()));
        // A name that another's ends with cannot be told from it but from its beginning on.
        exact.forEach(parts -> patterns.add(parts.last().iterator().next() + "$"));
        return patterns;
    }

    /// Whole parts of a model: the first component of a name that only modules with the label have.
    private void subtrees(L label, Set<String> left, List<String> patterns) {
        for (String module : List.copyOf(left)) {
            if (!left.contains(module)) {
                continue;
            }
            String[] parts = parts(module);
            for (int i = 0; i < parts.length - 1; i++) {
                String pattern = ".*" + quoted(parts[i]) + "\\..*";
                if (isNumber(parts[i]) || !onlyOf(label, pattern)) {
                    continue;
                }
                Pattern compiled = Pattern.compile(pattern);
                List<String> covered = left.stream().filter(other -> compiled.matcher(other).lookingAt()).toList();
                if (covered.size() >= SMALLEST_SUBTREE) {
                    covered.forEach(left::remove);
                    patterns.add(pattern);
                    break;
                }
            }
        }
    }

    /// The shortest end of a name that tells modules from all others; empty where none does.
    private List<String> suffix(L label, Collection<String> alike, List<String> mine) {
        String[] parts = parts(mine.getFirst());
        List<String> skeleton = new ArrayList<>();
        for (String part : parts) {
            skeleton.add(isNumber(part) ? NUMBER : quoted(part));
        }
        if (mine.size() == alike.size()) {
            for (int from = parts.length - 1; from >= 0; from--) {
                List<String> suffix = skeleton.subList(from, parts.length);
                if (!isNumber(parts[from]) && onlyOf(label, text(suffix))) {
                    return List.copyOf(suffix);
                }
            }
            return List.of();
        }
        // Names differ in numbers alone: one of these may decide.
        for (int position = 0; position < parts.length; position++) {
            if (!isNumber(parts[position])) {
                continue;
            }
            int at = position;
            Set<Integer> numbers = new TreeSet<>();
            for (String module : mine) {
                String number = parts(module)[at];
                if (number.length() > 9) {
                    return List.of();
                }
                numbers.add(Integer.parseInt(number));
            }
            List<String> chosen = new ArrayList<>(skeleton);
            chosen.set(at, "(" + numbers.stream().map(String::valueOf).collect(Collectors.joining("|")) + ")");
            for (int from = Math.max(0, at - 1); from >= 0; from--) {
                List<String> suffix = chosen.subList(from, parts.length);
                if (onlyOf(label, text(suffix))) {
                    return List.copyOf(suffix);
                }
            }
        }
        return List.of();
    }

    private static String text(List<String> suffix) {
        return ".*" + String.join("\\.", suffix) + "$";
    }

    private boolean onlyOf(L label, String pattern) {
        Pattern compiled = Pattern.compile(pattern);
        return labels.entrySet().stream().allMatch(entry -> entry.getValue().equals(label)
                || !compiled.matcher(entry.getKey()).lookingAt());
    }
}
