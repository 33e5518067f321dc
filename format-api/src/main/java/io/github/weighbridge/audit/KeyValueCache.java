package io.github.weighbridge.audit;

import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Layer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The least memory that keys and values of a conversation need: each layer that keeps a cache holds, for every position it can see, its key
/// heads and its value heads. Layers that read another layer's cache add nothing.
public final class KeyValueCache {
    /// How one number of the cache is kept.
    public enum Type {
        /// Half precision.
        F16("f16", 2, 1),
        /// Blocks of 32 in 34 bytes.
        Q8_0("q8_0", 34, 32),
        /// One byte, with one scale for the whole cache.
        INT8("int8", 1, 1),
        /// Blocks of 32 in 18 bytes.
        Q4_0("q4_0", 18, 32),
        /// Single precision.
        F32("f32", 4, 1),
        /// Floats of one byte, with one scale for the whole cache.
        FP8("fp8", 1, 1);

        /// Those that are listed where all are.
        public static final List<Type> USUAL = List.of(F16, Q8_0, INT8, Q4_0);

        private final String word;
        private final int blockBytes;
        private final int blockNumbers;

        Type(String word, int blockBytes, int blockNumbers) {
            this.word = word;
            this.blockBytes = blockBytes;
            this.blockNumbers = blockNumbers;
        }

        /// The word on the command line and in reports.
        public String word() {
            return word;
        }

        /// Bytes of `count` numbers; a last block that is not full counts whole.
        public long bytes(long count) {
            return Math.multiplyExact(Math.ceilDiv(count, blockNumbers), blockBytes);
        }

        /// Whether so many numbers fill blocks.
        boolean fills(long count) {
            return count % blockNumbers == 0;
        }

        /// The type of a word.
        public static Optional<Type> of(String word) {
            return Arrays.stream(values()).filter(type -> type.word.equalsIgnoreCase(word)).findFirst();
        }
    }

    /// The types of all layers.
    ///
    /// @param sliding in layers that see the last positions
    /// @param full in layers that see all of them
    public record Types(Type sliding, Type full) {
        /// One type for all layers.
        public static Types of(Type type) {
            return new Types(type, type);
        }

        /// What a checkpoint chose; empty where one of its words is not known.
        public static Optional<Types> of(CacheChoice choice) {
            Optional<Type> full = Type.of(choice.full());
            return Type.of(choice.sliding()).flatMap(sliding -> full.map(other -> new Types(sliding, other)));
        }

        /// Whether all layers have one type.
        public boolean uniform() {
            return sliding == full;
        }

        /// The type of a layer.
        public Type of(Layer layer) {
            return layer.attention() == Layer.Attention.SLIDING ? sliding : full;
        }

        /// The word in reports: both where they differ, that of sliding layers first.
        public String word() {
            return uniform() ? full.word() : sliding.word() + "/" + full.word();
        }
    }

    private KeyValueCache() {}

    /// Bytes for a context.
    ///
    /// @param architecture a known architecture
    /// @param context tokens in the context
    /// @param type how numbers are kept
    public static long bytes(Architecture architecture, long context, Type type) {
        return bytes(architecture, context, Types.of(type));
    }

    /// Bytes for a context where layers that see the last positions may keep another type than those that see all.
    public static long bytes(Architecture architecture, long context, Types types) {
        long sum = 0;
        for (Layer layer : architecture.layers()) {
            sum = Math.addExact(sum, bytes(layer, context, types.of(layer)));
        }
        return sum;
    }

    /// Bytes of one layer's cache.
    public static long bytes(Layer layer, long context, Type type) {
        if (!layer.ownsCache()) {
            return 0;
        }
        long positions = layer.attention() == Layer.Attention.SLIDING ? Math.min(context, layer.window()) : context;
        long keys = Math.multiplyExact(positions, (long) layer.keyValueHeads() * layer.keyLength());
        long values = Math.multiplyExact(positions, (long) layer.keyValueHeads() * layer.valueLength());
        return Math.addExact(type.bytes(keys), type.bytes(values));
    }
}
