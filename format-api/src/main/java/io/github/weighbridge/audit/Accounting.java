package io.github.weighbridge.audit;

import io.github.weighbridge.audit.KeyValueCache.Type;
import io.github.weighbridge.audit.KeyValueCache.Types;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Layer;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Who counts the memory of keys and values: what a model needs is one answer, what a runtime sets aside for it another. All are for one
/// conversation and a runtime's own defaults.
public enum Accounting {
    /// The least that the architecture needs: each layer with a cache of its own holds the positions that it can see.
    ARCHITECTURE("architecture"),
    /// llama.cpp v0.5.0 with flash attention, one sequence and batches of 512: the context is rounded up to 256, and sliding layers hold their
    /// window and a batch, rounded up to 256 (`llama-kv-cache-iswa.cpp`). Without flash attention values of all layers are as wide as the
    /// widest, which this is not.
    LLAMA_CPP("llama.cpp"),
    /// LiteRT-LM: every cache of the graph is as long as `max_num_tokens`, sliding layers' too, and input and output are one buffer.
    LITERT_LM("litert-lm"),
    /// vLLM: pages of equal size, 16 tokens of the widest layer; sliding layers hold their window, what is computed in one go, and a page
    /// (`kv_cache_interface.py`, `kv_cache_utils.py`). From batches of 2048 tokens to such of 8192, the defaults of small and large
    /// processors. It sets all the rest of the share of memory aside that it is given, for further conversations.
    VLLM("vllm");

    private static final Set<Type> GRAPH_TYPES = Set.of(Type.F16, Type.F32, Type.INT8);
    private static final int LLAMA_PAD = 256;
    private static final int LLAMA_BATCH = 512;
    private static final int VLLM_PAGE = 16;
    private static final int VLLM_SMALL_BATCH = 2048;
    private static final int VLLM_LARGE_BATCH = 8192;

    private final String word;

    Accounting(String word) {
        this.word = word;
    }

    /// A number of bytes, or a range where it is not known better.
    ///
    /// @param least at least so many
    /// @param most at most so many
    public record Reservation(long least, long most) {}

    /// The word in reports.
    public String word() {
        return word;
    }

    /// Bytes for a context; empty where the runtime does not have the type, or cannot hold the architecture so.
    ///
    /// @param context tokens of the conversation, prompt and answer
    public Optional<Reservation> reserve(Architecture architecture, long context, Type type) {
        return reserve(architecture, context, Types.of(type));
    }

    /// Bytes for a context; empty where the runtime does not have the types, or cannot hold the architecture so. llama.cpp and vLLM have one type for
    /// all layers.
    ///
    /// @param context tokens of the conversation, prompt and answer
    public Optional<Reservation> reserve(Architecture architecture, long context, Types types) {
        return switch (this) {
            case ARCHITECTURE -> exactly(KeyValueCache.bytes(architecture, context, types));
            case LLAMA_CPP -> types.uniform() ? llama(architecture, context, types.full()) : Optional.empty();
            case LITERT_LM -> litert(architecture, context, types);
            case VLLM -> types.uniform() ? vllm(architecture, context, types.full()) : Optional.empty();
        };
    }

    private static Optional<Reservation> exactly(long bytes) {
        return Optional.of(new Reservation(bytes, bytes));
    }

    private static List<Layer> owners(Architecture architecture) {
        return architecture.layers().stream().filter(Layer::ownsCache).toList();
    }

    private static long keys(Layer layer) {
        return (long) layer.keyValueHeads() * layer.keyLength();
    }

    private static long values(Layer layer) {
        return (long) layer.keyValueHeads() * layer.valueLength();
    }

    private static long padded(long tokens) {
        return Math.multiplyExact(Math.ceilDiv(tokens, LLAMA_PAD), LLAMA_PAD);
    }

    private static Optional<Reservation> llama(Architecture architecture, long context, Type type) {
        if (type == Type.INT8 || type == Type.FP8) {
            return Optional.empty();
        }
        long cells = padded(context);
        long sum = 0;
        for (Layer layer : owners(architecture)) {
            // Rows of blocks that are not full are refused.
            if (!type.fills(keys(layer)) || !type.fills(values(layer))) {
                return Optional.empty();
            }
            long held = layer.attention() == Layer.Attention.SLIDING ? padded(Math.min(cells, layer.window() + LLAMA_BATCH)) : cells;
            sum = Math.addExact(sum, Math.multiplyExact(held, type.bytes(keys(layer)) + type.bytes(values(layer))));
        }
        return exactly(sum);
    }

    private static Optional<Reservation> litert(Architecture architecture, long context, Types types) {
        if (!GRAPH_TYPES.contains(types.sliding()) || !GRAPH_TYPES.contains(types.full())) {
            return Optional.empty();
        }
        long sum = 0;
        for (Layer layer : owners(architecture)) {
            sum = Math.addExact(sum, types.of(layer).bytes(Math.multiplyExact(context, keys(layer) + values(layer))));
        }
        return exactly(sum);
    }

    private static Optional<Reservation> vllm(Architecture architecture, long context, Type type) {
        if (type != Type.F16 && type != Type.FP8) {
            return Optional.empty();
        }
        long page = owners(architecture).stream().mapToLong(layer -> VLLM_PAGE * type.bytes(keys(layer) + values(layer))).max().orElse(0);
        long least = 0;
        long most = 0;
        for (Layer layer : owners(architecture)) {
            long token = type.bytes(keys(layer) + values(layer));
            if (page % (VLLM_PAGE * token) != 0) {
                return Optional.empty();
            }
            long tokens = page / token;
            boolean sliding = layer.attention() == Layer.Attention.SLIDING;
            long small = sliding ? Math.ceilDiv(Math.min(layer.window() - 1 + VLLM_SMALL_BATCH, context), tokens) + 1
                    : Math.ceilDiv(context, tokens);
            long large = sliding ? Math.ceilDiv(Math.min(layer.window() - 1 + VLLM_LARGE_BATCH, context), tokens) + 1 : small;
            least = Math.addExact(least, Math.multiplyExact(small, page));
            most = Math.addExact(most, Math.multiplyExact(large, page));
        }
        return Optional.of(new Reservation(least, most));
    }
}
