package io.github.weighbridge.policy;

import io.github.weighbridge.model.Layer;

/// Some layers of a component. Kinds of attention and shared caches are those of the decoder; ranges and ends count the layers of the tensor's
/// own component.
public sealed interface LayerSet {
    /// Layers `first` to `last`, both included.
    record Range(int first, int last) implements LayerSet {
        /// Refuses an empty range.
        public Range {
            if (first < 0 || last < first) {
                throw new IllegalArgumentException("layers " + first + " to " + last);
            }
        }

        @Override
        public String toString() {
            return first == last ? Integer.toString(first) : first + "-" + last;
        }
    }

    /// Layers whose attention sees the last positions, or all of them.
    record Attention(Layer.Attention kind) implements LayerSet {
        @Override
        public String toString() {
            return kind.word();
        }
    }

    /// Layers that read the key/value cache of another.
    record Shared() implements LayerSet {
        @Override
        public String toString() {
            return "kv-shared";
        }
    }

    /// The first layers.
    record First(int count) implements LayerSet {
        @Override
        public String toString() {
            return "first " + count;
        }
    }

    /// The last layers.
    record Last(int count) implements LayerSet {
        @Override
        public String toString() {
            return "last " + count;
        }
    }

    /// The layers that llama.cpp's mixes give more bits: the first and the last eighth, and every third between. (llama.cpp v0.5.0
    /// `src/llama-quant.cpp`, `use_more_bits`, which counts tensors of a kind where this counts layers.)
    record MoreBits() implements LayerSet {
        /// Whether a layer is one of them.
        public static boolean contains(int layer, int count) {
            return layer < count / 8 || layer >= 7 * count / 8 || (layer - count / 8) % 3 == 2;
        }

        @Override
        public String toString() {
            return "more-bits";
        }
    }
}
