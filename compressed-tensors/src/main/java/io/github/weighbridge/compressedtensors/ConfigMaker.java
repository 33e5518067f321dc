package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.config.Args;
import io.github.weighbridge.compressedtensors.config.Group;
import io.github.weighbridge.compressedtensors.config.Group.Scheme;
import io.github.weighbridge.compressedtensors.config.ModulePattern;
import io.github.weighbridge.compressedtensors.config.PackFormat;
import io.github.weighbridge.compressedtensors.config.QuantizationConfig;
import io.github.weighbridge.safetensors.ModulePatterns;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Describes what was done to each module in as few groups and targets as say exactly that.
///
/// Each scheme is one group. Where all linear modules that are quantised have one, its target is their class and all others are ignored, as
/// Google's checkpoints have it; where they have several, targets are patterns. Plain linear modules are always ignored by name or pattern: runtimes
/// demand that every one of them is either targeted or ignored.
final class ConfigMaker {
    private static final String HEAD = "lm_head";

    private ConfigMaker() {}

    static QuantizationConfig config(List<Module> modules, Optional<Args> cache) {
        Map<String, Optional<Scheme>> labels = new LinkedHashMap<>();
        modules.forEach(module -> labels.put(module.name(), module.scheme()));
        boolean tied = modules.stream().noneMatch(module -> module.name().endsWith(HEAD));
        if (tied) {
            // It has no tensor, and is a linear module all the same.
            labels.put(HEAD, Optional.empty());
        }
        ModulePatterns<Optional<Scheme>> patterns = new ModulePatterns<>(labels);
        Map<Scheme, List<Module>> bySchemes = new LinkedHashMap<>();
        modules.forEach(module -> module.scheme()
                .ifPresent(scheme -> bySchemes.computeIfAbsent(scheme, _ -> new ArrayList<>()).add(module)));
        List<Map.Entry<Scheme, List<Module>>> schemes = new ArrayList<>(bySchemes.entrySet());
        schemes.sort(Comparator.comparingInt(entry -> -entry.getValue().size()));
        long linear = schemes.stream().filter(entry -> entry.getValue().stream().anyMatch(ConfigMaker::isLinear)).count();
        List<Group> groups = new ArrayList<>();
        for (Map.Entry<Scheme, List<Module>> entry : schemes) {
            Scheme scheme = entry.getKey();
            List<Module> mine = entry.getValue();
            List<String> targets = new ArrayList<>();
            if (linear == 1 && mine.stream().anyMatch(ConfigMaker::isLinear)) {
                targets.add(QuantizationConfig.LINEAR);
                mine.stream().filter(module -> !isLinear(module)).forEach(module -> targets.add(tail(module.name())));
            } else {
                patterns.of(Optional.of(scheme), false).forEach(pattern -> targets.add(ModulePattern.REGEX + anyPlace(pattern)));
            }
            groups.add(new Group("group_" + groups.size(), targets.stream().map(ModulePattern::of).toList(), scheme));
        }
        // Tables are no targets of a class, so that plain ones need not be ignored.
        Map<String, Boolean> plain = new LinkedHashMap<>();
        modules.stream().filter(module -> isLinear(module) || module.scheme().isPresent())
                .forEach(module -> plain.put(module.name(), module.scheme().isEmpty()));
        if (tied) {
            plain.put(HEAD, true);
        }
        List<ModulePattern> ignore = new ModulePatterns<>(plain).of(true, true).stream()
                .map(pattern -> ModulePattern.of(ModulePattern.REGEX + anyPlace(pattern))).toList();
        List<PackFormat> formats = bySchemes.keySet().stream().flatMap(scheme -> scheme.format().stream()).distinct().toList();
        Optional<PackFormat> format = formats.isEmpty() ? Optional.of(PackFormat.DENSE)
                : Optional.of(formats.size() == 1 ? formats.getFirst() : PackFormat.MIXED_PRECISION);
        return new QuantizationConfig("config.json", format, groups, ignore, cache);
    }

    /// Where vLLM has a layer's experts of Gemma 4 is not where the files have them (`layers.0.moe.experts`; `models/gemma4.py`), and patterns are
    /// tested with its names.
    private static String anyPlace(String pattern) {
        return pattern.replace("\\.experts\\.", "\\.(moe\\.)?experts\\.");
    }

    private static boolean isLinear(Module module) {
        return module.className().equals(QuantizationConfig.LINEAR);
    }

    /// A pattern for a table, whatever stands before its own name.
    private static String tail(String module) {
        String last = module.substring(module.lastIndexOf('.') + 1);
        return ModulePattern.REGEX + ".*" + last.replaceAll("([\\\\^$.|?*+()\\[\\]{}])", "\\\\$1") + "$";
    }
}
