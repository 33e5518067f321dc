package io.github.weighbridge.family;

import java.util.List;

/// Service by which a plugin adds families, or dialects of families.
public interface FamilyProvider {
    /// The families it adds; none by default.
    default List<Family> families() {
        return List.of();
    }
}
