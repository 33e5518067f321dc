package io.github.weighbridge.gguf;

import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.spi.TargetRequest;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/// Keys of our own, which llama.cpp passes over: what was taken out of the model, the key/value cache that it is meant for, and notes. A file
/// of which nothing of that kind was asked has none of them.
final class RecordKeys {
    /// Parts that were left out, with commas between them.
    static final String STRIPPED = "weighbridge.stripped";
    /// Type of the key/value cache in layers that see the last positions.
    static final String CACHE_SLIDING = "weighbridge.kv_cache.sliding";
    /// The same in layers that see all.
    static final String CACHE_FULL = "weighbridge.kv_cache.full";
    /// Texts that a policy adds, each under its name.
    static final String NOTE = "weighbridge.note.";

    private RecordKeys() {}

    static void add(TargetRequest request, GgufHeader.Builder builder) {
        if (!request.strip().isEmpty()) {
            builder.put(STRIPPED, String.join(",", new TreeSet<>(request.strip())));
        }
        put(CACHE_SLIDING, request.option(TargetRequest.CACHE_SLIDING), builder);
        put(CACHE_FULL, request.option(TargetRequest.CACHE_FULL), builder);
        for (Map.Entry<String, String> option : new TreeMap<>(request.options()).entrySet()) {
            if (option.getKey().startsWith(TargetRequest.NOTE)) {
                builder.put(NOTE + option.getKey().substring(TargetRequest.NOTE.length()), option.getValue());
            }
        }
    }

    private static void put(String key, Optional<String> value, GgufHeader.Builder builder) {
        value.ifPresent(text -> builder.put(key, text));
    }
}
