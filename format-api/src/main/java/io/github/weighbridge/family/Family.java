package io.github.weighbridge.family;

import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Identity;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// A kind of model: how its hyper-parameters decide its weights, and how each dialect names and arranges them. Stateless.
public interface Family {
    /// The word for it: `gemma4`.
    String name();

    /// The ways in which files write this family down.
    List<Dialect> dialects();

    /// The dialect of a name: [Dialect#HUGGING_FACE], [Dialect#GGUF].
    default Optional<Dialect> dialect(String name) {
        return dialects().stream().filter(dialect -> dialect.name().equals(name)).findFirst();
    }

    /// Parts that can be taken out of a model of this family: `vision`, `audio`, `ple`, `mtp`.
    default Set<String> parts() {
        return Set.of();
    }

    /// Whether a weight goes away with a part.
    ///
    /// @param part one of [#parts]
    /// @param key the weight's key
    /// @param identity what the weight is
    default boolean belongsTo(String part, String key, Identity identity) {
        return false;
    }

    /// The architecture that is left when a part is taken out.
    default Architecture without(Architecture architecture, String part) {
        return architecture;
    }
}
