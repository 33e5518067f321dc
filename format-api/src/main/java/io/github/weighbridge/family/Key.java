package io.github.weighbridge.family;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A hyper-parameter of a family's table, with its name in each dialect. One table is read in both directions.
///
/// @param config name in config.json; a dot leads into an object: `rope_scaling.factor`
/// @param gguf name in GGUF, without the architecture's prefix; empty where GGUF does not have it
/// @param type how GGUF writes it
/// @param minimum least whole number
/// @param maximum largest whole number
/// @param use how the two sides depend on it
record Key(String config, String gguf, MetadataEntry.Type type, long minimum, long maximum, Use use) {
    /// Parameters whose names begin so are kept for GGUF, and never written to config.json.
    static final String OURS = "own_";

    /// How the two sides depend on a parameter.
    enum Use {
        /// GGUF files without it are bad.
        REQUIRED,
        /// It may be missing.
        OPTIONAL,
        /// Written to GGUF, and not read back: it follows from others.
        WRITTEN
    }

    /// A width, count or length that GGUF must have.
    static Key whole(String config, String gguf, long maximum) {
        return new Key(config, gguf, MetadataEntry.Type.U32, 1, maximum, Use.REQUIRED);
    }

    /// A number that may be missing.
    static Key number(String config, String gguf) {
        return new Key(config, gguf, MetadataEntry.Type.F32, 0, 0, Use.OPTIONAL);
    }

    /// The same with another use.
    Key as(Use use) {
        return new Key(config, gguf, type, minimum, maximum, use);
    }

    /// The entry in GGUF; empty where the configuration has no such parameter.
    Optional<MetadataEntry> entry(String prefix, Value.Fields from) {
        return value(from).map(value -> new MetadataEntry(prefix + gguf, type, value));
    }

    private Optional<Value> value(Value.Fields from) {
        int dot = config.indexOf('.');
        Optional<Value> value = dot < 0 ? from.get(config)
                : from.object(config.substring(0, dot)).flatMap(inner -> inner.get(config.substring(dot + 1)));
        return value.filter(found -> switch (type) {
            case TEXT -> found instanceof Value.Text;
            case U32, I32 -> found instanceof Value.Whole(long number) && number >= minimum && number <= maximum;
            case F32 -> found instanceof Value.Whole || found instanceof Value.Real;
            case BOOL -> found instanceof Value.Flag;
        });
    }

    /// Puts the value that GGUF has into a configuration.
    ///
    /// @throws CheckpointFormatException when it is missing and required, of another type, or not what another key says
    void read(String prefix, Parameters from, Map<String, Value> into) throws CheckpointFormatException {
        String name = prefix + gguf;
        if (gguf.isEmpty() || use == Use.WRITTEN || use == Use.OPTIONAL && from.fields().get(name).isEmpty()) {
            return;
        }
        Value value = switch (type) {
            case TEXT -> Value.of(from.fields().text(name).orElseThrow(() -> from.wrong(name, "no text", "a text")));
            case U32, I32 -> Value.of(from.whole(name, minimum, maximum));
            case F32 -> Value.of(from.number(name));
            case BOOL -> Value.of(from.flag(name, false));
        };
        int dot = config.indexOf('.');
        Value before;
        if (dot < 0) {
            before = into.putIfAbsent(config, value);
        } else {
            String object = config.substring(0, dot);
            Map<String, Value> inner = new LinkedHashMap<>(into.get(object) instanceof Value.Fields fields ? fields.fields() : Map.of());
            before = inner.putIfAbsent(config.substring(dot + 1), value);
            into.put(object, new Value.Fields(inner));
        }
        if (before != null && !before.equals(value)) {
            throw from.wrong(name, Parameters.describe(value), Parameters.describe(before) + " as another key says of " + config);
        }
    }

    /// What every decoder has, in the order of llama.cpp's converter (`conversion/base.py`), `own` being what one family adds at the end.
    static List<Key> decoder(List<Key> own) {
        List<Key> keys = new java.util.ArrayList<>(List.of(
                whole("num_hidden_layers", "block_count", 512),
                whole("max_position_embeddings", "context_length", Parameters.MOST_TOKENS),
                whole("hidden_size", "embedding_length", Parameters.MAXIMUM),
                whole("intermediate_size", "feed_forward_length", Parameters.MAXIMUM),
                whole("num_attention_heads", "attention.head_count", 1 << 20),
                whole("num_key_value_heads", "attention.head_count_kv", 1 << 20).as(Use.OPTIONAL),
                new Key("rope_scaling.rope_type", "rope.scaling.type", MetadataEntry.Type.TEXT, 0, 0, Use.OPTIONAL),
                number("rope_scaling.factor", "rope.scaling.factor"),
                whole("rope_scaling.original_max_position_embeddings", "rope.scaling.original_context_length", Parameters.MOST_TOKENS)
                        .as(Use.OPTIONAL),
                number("rope_theta", "rope.freq_base"),
                number("rope_local_base_freq", "rope.freq_base_swa"),
                number("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
                whole("num_experts", "expert_count", 1 << 16).as(Use.OPTIONAL),
                whole("num_experts_per_tok", "expert_used_count", 1 << 16).as(Use.OPTIONAL),
                whole("head_dim", "attention.key_length", 1 << 20).as(Use.OPTIONAL),
                whole("head_dim", "attention.value_length", 1 << 20).as(Use.OPTIONAL)));
        keys.addAll(own);
        return List.copyOf(keys);
    }
}
