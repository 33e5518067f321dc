package io.github.weighbridge.family;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/// All families there are: built in, and added by plugins.
public final class Families {
    private static final class Holder {
        static final Families INSTALLED = load();

        private static Families load() {
            List<Family> families = new ArrayList<>();
            for (FamilyProvider provider : ServiceLoader.load(FamilyProvider.class, FamilyProvider.class.getClassLoader())) {
                families.addAll(provider.families());
            }
            return new Families(families);
        }
    }

    private final List<Family> families;

    /// A set of families.
    public Families(List<Family> families) {
        this.families = List.copyOf(families);
    }

    /// Those the service loader finds.
    public static Families installed() {
        return Holder.INSTALLED;
    }

    /// All of them.
    public List<Family> all() {
        return families;
    }

    /// The family of a name.
    public Optional<Family> byName(String name) {
        return families.stream().filter(family -> family.name().equals(name)).findFirst();
    }

    /// The dialect, of any family, that says it describes a file's metadata.
    ///
    /// @param dialect name of the dialect
    /// @param metadata the metadata: config.json, or GGUF's keys
    public Optional<Dialect> describing(String dialect, Parameters metadata) {
        return families.stream().flatMap(family -> family.dialect(dialect).stream()).filter(candidate -> candidate.describes(metadata))
                .findFirst();
    }
}
