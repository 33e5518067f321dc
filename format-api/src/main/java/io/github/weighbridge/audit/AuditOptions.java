package io.github.weighbridge.audit;

import io.github.weighbridge.model.Architecture;
import java.util.List;
import java.util.stream.LongStream;

/// What an audit lists beyond the footprint.
///
/// @param tensors whether every tensor is listed
/// @param contexts contexts for the key/value cache, in tokens; empty for the usual ones
/// @param cacheTypes types for the key/value cache; empty for half precision alone
public record AuditOptions(boolean tensors, List<Long> contexts, List<KeyValueCache.Type> cacheTypes) {
    /// All tensors, the usual contexts.
    public static final AuditOptions DEFAULT = new AuditOptions(true, List.of(), List.of());

    private static final long[] USUAL = {4_096, 32_768, 131_072};

    /// Copies the lists.
    public AuditOptions {
        contexts = List.copyOf(contexts);
        cacheTypes = List.copyOf(cacheTypes);
    }

    /// The contexts to list for an architecture: those asked for, or the usual ones up to the model's longest, and that.
    public List<Long> contextsFor(Architecture architecture) {
        if (!contexts.isEmpty()) {
            return contexts;
        }
        long longest = architecture.contextLength();
        return LongStream.concat(LongStream.of(USUAL).filter(context -> context < longest), LongStream.of(longest)).boxed().toList();
    }

    /// The cache types to list.
    public List<KeyValueCache.Type> cacheTypesOrDefault() {
        return cacheTypes.isEmpty() ? List.of(KeyValueCache.Type.F16) : cacheTypes;
    }
}
