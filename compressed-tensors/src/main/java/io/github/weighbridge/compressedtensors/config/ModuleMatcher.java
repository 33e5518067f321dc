package io.github.weighbridge.compressedtensors.config;

import io.github.weighbridge.io.CheckpointFormatException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Finds out what a configuration says of modules. A pattern from a file may be made to take forever, so all matching together has a bound of
/// steps. For use by one thread.
public final class ModuleMatcher {
    /// A group that matches a module, and by what.
    ///
    /// @param group the group
    /// @param target which of its targets
    public record Match(Group group, ModulePattern target) {}

    private record Ranked(int rank, Match match) {}

    private final QuantizationConfig config;
    private final ModulePattern.Steps steps = new ModulePattern.Steps();

    /// A matcher of a configuration.
    public ModuleMatcher(QuantizationConfig config) {
        this.config = config;
    }

    /// The groups that match a module, the one that counts first: exact names win, then patterns, then classes, each in the order of the
    /// alphabet. `ignore` is not looked at.
    ///
    /// @param className class of the module
    /// @throws CheckpointFormatException when patterns take too long
    public List<Match> matches(String module, String className) throws CheckpointFormatException {
        List<Ranked> found = new ArrayList<>();
        for (Group group : config.groups()) {
            for (ModulePattern target : group.targets()) {
                int rank = target.names(module) ? 0 : matches(target, module) ? 1 : target.isClass(className) ? 2 : -1;
                if (rank >= 0) {
                    found.add(new Ranked(rank, new Match(group, target)));
                }
            }
        }
        found.sort(Comparator.comparingInt(Ranked::rank).thenComparing(ranked -> ranked.match.target().text()));
        return found.stream().map(Ranked::match).toList();
    }

    /// Whether a module is ignored.
    ///
    /// @throws CheckpointFormatException when patterns take too long
    public boolean ignores(String module, String className) throws CheckpointFormatException {
        for (ModulePattern entry : config.ignore()) {
            if (entry.names(module) || matches(entry, module) || entry.isClass(className)) {
                return true;
            }
        }
        return false;
    }

    private boolean matches(ModulePattern pattern, String module) throws CheckpointFormatException {
        try {
            return pattern.matches(module, steps);
        } catch (ModulePattern.EndlessException e) {
            throw CheckpointFormatException.limit(config.file(), -1, "pattern \"" + pattern.text() + '"', String.valueOf(e.getMessage()),
                    "one that a million steps decide");
        }
    }
}
