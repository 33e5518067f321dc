package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.config.Args;
import io.github.weighbridge.compressedtensors.config.Group;
import io.github.weighbridge.compressedtensors.config.ModuleMatcher;
import io.github.weighbridge.compressedtensors.config.ModulePattern;
import io.github.weighbridge.compressedtensors.config.QuantizationConfig;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Compares what a configuration says with the tensors that are there. For use by one thread.
final class FolderAudit {
    private final QuantizationConfig config;
    private final Set<ModulePattern> used = new HashSet<>();
    private final Map<String, Group> groupOf = new LinkedHashMap<>();
    private final Set<String> inputs = new HashSet<>();
    private final Set<String> outputs = new HashSet<>();
    private final List<String> ignored = new ArrayList<>();
    private final List<String> unmatched = new ArrayList<>();
    private final List<String> ambiguous = new ArrayList<>();
    private final List<String> plain = new ArrayList<>();
    private final List<String> scaleless = new ArrayList<>();
    private final List<String> needless = new ArrayList<>();
    private final List<Finding> findings = new ArrayList<>();

    FolderAudit(QuantizationConfig config) {
        this.config = config;
    }

    /// A module whose weights are quantised.
    void quantised(String module, String className, List<ModuleMatcher.Match> matches, boolean isIgnored, StoredTensor tensor,
            boolean zeroPoints) {
        String name = tensor.name();
        matches.forEach(match -> used.add(match.target()));
        if (isIgnored) {
            ignored.add(name);
        }
        if (matches.isEmpty()) {
            unmatched.add(name);
        } else {
            Group first = matches.getFirst().group();
            groupOf.put(module, first);
            if (matches.stream().anyMatch(match -> !match.group().scheme().equals(first.scheme())
                    && sameKind(match.target(), matches.getFirst().target(), className))) {
                ambiguous.add(name);
            }
            if (zeroPoints && first.scheme().weights().filter(Args::symmetric).isPresent()) {
                needless.add(name);
            }
        }
        if (tensor.encoding() instanceof OpaqueEncoding) {
            scaleless.add(name);
        }
    }

    /// An exact name is meant to win over a pattern, and a pattern over a class; among equals only the alphabet decides.
    private static boolean sameKind(ModulePattern one, ModulePattern other, String className) {
        return one.pattern().isPresent() == other.pattern().isPresent() && one.isClass(className) == other.isClass(className);
    }

    /// A module with a plain matrix.
    void plain(String module, List<ModuleMatcher.Match> matches, boolean isIgnored) {
        matches.forEach(match -> used.add(match.target()));
        if (!matches.isEmpty() && !isIgnored && matches.getFirst().group().scheme().weights().isPresent()) {
            plain.add(module + ModuleNames.WEIGHT);
        }
    }

    /// A scale of a static activation.
    void scaled(String module, String suffix) {
        (suffix.equals(ModuleNames.INPUT_SCALE) ? inputs : outputs).add(module);
    }

    void finish() {
        List<String> idle = new ArrayList<>();
        for (Group group : config.groups()) {
            group.targets().stream().filter(target -> !used.contains(target))
                    .forEach(target -> idle.add(group.name() + ": \"" + target.text() + '"'));
        }
        if (!idle.isEmpty()) {
            findings.add(Finding.warning("target-matches-nothing", idle.size() + " targets match no module: "
                    + String.join(", ", idle.subList(0, Math.min(5, idle.size()))), List.of()));
        }
        note("ignored-but-quantised", ignored, "modules are to be ignored and are quantised all the same");
        note("quantised-without-group", unmatched, "modules are quantised and match no group; their scheme was found from their tensors");
        note("matched-by-two-groups", ambiguous, "modules are matched by two groups that differ, and only the alphabet decides");
        note("targeted-but-plain", plain, "modules are targets of a group and are not quantised");
        note("zero-points-of-symmetric", needless, "modules have zero points although their group is symmetric; they were used");
        note("missing-scales", scaleless, "modules have codes without scales and cannot be decoded");
        Set<String> missing = new LinkedHashSet<>();
        groupOf.forEach((module, group) -> {
            if (isStatic(group.scheme().input()) && !inputs.contains(module)
                    || isStatic(group.scheme().output()) && !outputs.contains(module)) {
                missing.add(module + ModuleNames.WEIGHT);
            }
        });
        note("missing-activation-scales", List.copyOf(missing), "modules have no scales for activations that their group calls static");
    }

    private static boolean isStatic(Optional<Args> args) {
        // Floats of 4 bits have a scale of another name.
        return args.filter(known -> known.dynamic() == Args.Dynamic.STATIC && known.strategy() == Args.Strategy.TENSOR).isPresent();
    }

    private void note(String code, List<String> tensors, String what) {
        if (!tensors.isEmpty()) {
            findings.add(Finding.warning(code, tensors.size() + " " + what, tensors));
        }
    }

    List<Finding> findings() {
        return findings;
    }
}
