package io.github.weighbridge.family;

import io.github.weighbridge.io.Value;
import java.util.Map;

/// The ids of named tokens that config.json repeats.
final class TokenIds {
    private TokenIds() {}

    /// Puts the ids that GGUF's keys have into a configuration.
    static void read(Parameters gguf, Map<String, Value> config) {
        put(gguf, "bos", "bos", config);
        put(gguf, "eos", "eos", config);
        put(gguf, "padding", "pad", config);
    }

    private static void put(Parameters gguf, String from, String to, Map<String, Value> config) {
        gguf.fields().whole("tokenizer.ggml." + from + "_token_id").ifPresent(id -> config.put(to + "_token_id", Value.of(id)));
    }
}
