package io.github.weighbridge.audit;

import io.github.weighbridge.model.Architecture;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.LongStream;

/// What an audit lists beyond the footprint.
///
/// @param tensors whether every tensor is listed
/// @param contexts contexts for the key/value cache, in tokens; empty for the usual ones
/// @param cacheTypes types for the key/value cache; empty for those that the checkpoint itself wants, half precision where it says nothing
/// @param limit bytes into which a conversation is to fit; empty when that is not asked
public record AuditOptions(boolean tensors, List<Long> contexts, List<KeyValueCache.Type> cacheTypes, OptionalLong limit) {
    /// All tensors, the usual contexts.
    public static final AuditOptions DEFAULT = new AuditOptions(true, List.of(), List.of());

    private static final long[] USUAL = {4_096, 32_768, 131_072};

    /// Copies the lists.
    public AuditOptions {
        contexts = List.copyOf(contexts);
        cacheTypes = List.copyOf(cacheTypes);
    }

    /// Options without a limit.
    public AuditOptions(boolean tensors, List<Long> contexts, List<KeyValueCache.Type> cacheTypes) {
        this(tensors, contexts, cacheTypes, OptionalLong.empty());
    }

    /// A copy that asks for the longest context that fits into so many bytes.
    public AuditOptions withLimit(long bytes) {
        return new AuditOptions(tensors, contexts, cacheTypes, OptionalLong.of(bytes));
    }

    /// A copy that lists every tensor, or does not.
    public AuditOptions withTensors(boolean listed) {
        return new AuditOptions(listed, contexts, cacheTypes, limit);
    }

    /// The contexts to list for an architecture: those asked for, or the usual ones up to the model's longest, and that.
    public List<Long> contextsFor(Architecture architecture) {
        if (!contexts.isEmpty()) {
            return contexts;
        }
        long longest = architecture.contextLength();
        return LongStream.concat(LongStream.of(USUAL).filter(context -> context < longest), LongStream.of(longest)).boxed().toList();
    }

    /// The cache types to list where the checkpoint itself wants none.
    public List<KeyValueCache.Type> cacheTypesOrDefault() {
        return cacheTypes.isEmpty() ? List.of(KeyValueCache.Type.F16) : cacheTypes;
    }

    /// The caches to list: of the types asked for, or as the checkpoint wants it.
    public List<KeyValueCache.Types> cachesFor(ConversationMemory memory) {
        return cacheTypes.isEmpty() && memory.own().isPresent() ? List.of(memory.own().get())
                : cacheTypesOrDefault().stream().map(KeyValueCache.Types::of).toList();
    }

    /// The longest contexts that fit into the limit: for each type and runtime, with tables streamed and, where there are any, in memory. Empty
    /// without a limit.
    public List<ConversationMemory.Fit> fits(ConversationMemory memory) {
        List<ConversationMemory.Fit> fits = new ArrayList<>();
        if (limit.isPresent()) {
            for (Accounting accounting : Accounting.values()) {
                for (KeyValueCache.Types types : cachesFor(memory)) {
                    for (boolean streamed : memory.streamableBytes() > 0 ? List.of(true, false) : List.of(true)) {
                        memory.fit(limit.getAsLong(), types, accounting, streamed).ifPresent(fits::add);
                    }
                }
            }
        }
        return fits;
    }

    /// Whether what was asked for fits into the limit: all contexts that were named, in the first type, or any context where none was. Tables
    /// that can be streamed are, and the cache is the architecture's least.
    public boolean fit(ConversationMemory memory) {
        if (limit.isEmpty()) {
            return true;
        }
        long longest = contexts.stream().mapToLong(Long::longValue).max().orElse(1);
        OptionalLong needed = memory.needed(longest, cachesFor(memory).getFirst(), Accounting.ARCHITECTURE, true);
        return needed.isPresent() && needed.getAsLong() <= limit.getAsLong();
    }
}
