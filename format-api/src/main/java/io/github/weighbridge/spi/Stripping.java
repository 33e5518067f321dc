package io.github.weighbridge.spi;

import io.github.weighbridge.family.Family;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Weight;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// What is left of a checkpoint when parts are taken out of it, and what went: the one place that says so for all formats.
///
/// @param architecture what is left is
/// @param weights the weights that are left, in the graph's order
/// @param removed the weights that went, by part, in the parts' alphabetical order; of a part that only config.json speaks of, none. Parts that the
///        checkpoint does not have are not among them
public record Stripping(Architecture architecture, List<Weight> weights, Map<String, List<Weight>> removed) {
    private static final String SECTION = "_config";
    private static final String VISION = "vision";
    private static final String AUDIO = "audio";

    /// Copies the collections.
    public Stripping {
        weights = List.copyOf(weights);
        Map<String, List<Weight>> copy = new LinkedHashMap<>();
        removed.forEach((part, gone) -> copy.put(part, List.copyOf(gone)));
        removed = Collections.unmodifiableMap(copy);
    }

    /// Takes the parts of a request out of a checkpoint.
    ///
    /// @throws PolicyException when models of its family have no such part, or nothing would be left; of no known family, when its tensors do not say
    ///         that they are of the part
    public static Stripping of(Checkpoint source, TargetRequest request) throws PolicyException {
        Architecture architecture = source.architecture();
        Optional<Family> family = request.families().byName(architecture.family());
        List<Weight> left = List.copyOf(source.graph().weights());
        Map<String, List<Weight>> removed = new LinkedHashMap<>();
        for (String part : new TreeSet<>(request.strip())) {
            boolean known = family.isPresent() ? family.get().parts().contains(part) : told(source, part);
            if (!known) {
                throw new PolicyException("--strip " + part + ": " + source.architecture().name() + " (" + source.architecture().family()
                        + ") has no such part");
            }
            List<Weight> gone = new ArrayList<>();
            List<Weight> kept = new ArrayList<>();
            left.forEach(weight -> (belongs(family, part, weight) ? gone : kept).add(weight));
            if (kept.isEmpty() && !gone.isEmpty()) {
                throw new PolicyException("--strip " + part + ": " + source.architecture().name() + " is that part alone: nothing would be"
                        + " left");
            }
            if (!gone.isEmpty() || section(architecture, part)) {
                removed.put(part, gone);
            }
            if (family.isPresent()) {
                architecture = family.get().without(architecture, part);
            }
            left = kept;
        }
        return new Stripping(architecture, left, removed);
    }

    private static boolean belongs(Optional<Family> family, String part, Weight weight) {
        return family.isPresent() ? family.get().belongsTo(part, weight.key(), weight.identity()) : told(part, weight);
    }

    /// Whether a checkpoint of no known family tells what its tensors of a part are, as bundles do that name what each of their models is for. What
    /// maps the output of some encoder must say of which.
    private static boolean told(Checkpoint source, String part) {
        return source.graph().weights().stream().anyMatch(weight -> told(part, weight))
                && source.graph().weights().stream().filter(weight -> weight.identity().component().equals(Component.PROJECTOR))
                        .allMatch(weight -> told(VISION, weight) || told(AUDIO, weight));
    }

    private static boolean told(String part, Weight weight) {
        Component component = weight.identity().component();
        return switch (part) {
            case VISION, AUDIO -> component.equals(part.equals(VISION) ? Component.VISION_ENCODER : Component.AUDIO_ENCODER)
                    || component.equals(Component.PROJECTOR) && weight.key().contains(part);
            case "mtp" -> component.equals(Component.DRAFTER);
            default -> false;
        };
    }

    /// Whether the last encoder goes: what is left is a text model.
    ///
    /// @param source what it is left of
    public boolean leavesTextAlone(Checkpoint source) {
        return hasEncoder(source.architecture()) && !hasEncoder(architecture);
    }

    static boolean hasEncoder(Architecture architecture) {
        return section(architecture, VISION) || section(architecture, AUDIO);
    }

    private static boolean section(Architecture architecture, String part) {
        return architecture.parameters().object(part + SECTION).isPresent();
    }

    /// Refuses what was asked for by name and is not there. What a policy leaves out of whatever it is used on may be missing.
    ///
    /// @param parts that were asked for
    /// @throws PolicyException when the checkpoint does not have one of them
    public void demand(Set<String> parts, Checkpoint source) throws PolicyException {
        for (String part : new TreeSet<>(parts)) {
            if (!removed.containsKey(part)) {
                throw new PolicyException("--strip " + part + ": " + source.architecture().name() + " (" + source.architecture().family()
                        + ") has no such part" + (OutputRecord.stripped(source.metadata()).contains(part)
                                ? ": it was taken out before, as " + OutputRecord.STRIPPED + " says" : ""));
            }
        }
    }
}
