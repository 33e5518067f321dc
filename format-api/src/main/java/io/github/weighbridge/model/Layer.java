package io.github.weighbridge.model;

/// One layer of a decoder, in the numbers that decide shapes and the size of its key/value cache.
///
/// @param index position, from 0
/// @param attention which positions it sees
/// @param window tokens a sliding layer sees; 0 for full attention
/// @param heads query heads
/// @param keyValueHeads key/value heads
/// @param keyLength numbers of one key head
/// @param valueLength numbers of one value head
/// @param cacheOwner the layer whose key/value cache it reads: itself, an earlier one, or [#NO_CACHE]
/// @param feedForward width of the dense feed-forward network
/// @param experts number of experts, 0 where there are none
/// @param expertsUsed experts that a token passes
/// @param expertFeedForward width of one expert
public record Layer(int index, Attention attention, long window, int heads, int keyValueHeads, int keyLength, int valueLength,
        int cacheOwner,
        long feedForward, int experts, int expertsUsed, long expertFeedForward) {
    /// The [#cacheOwner] of a layer that reads another model's cache, as drafters do.
    public static final int NO_CACHE = -1;

    /// Which positions attention sees.
    public enum Attention {
        /// All earlier positions.
        FULL("full"),
        /// The last `window` positions.
        SLIDING("sliding");

        private final String word;

        Attention(String word) {
            this.word = word;
        }

        /// The word in reports.
        public String word() {
            return word;
        }
    }

    /// Whether it keeps keys and values of its own.
    public boolean ownsCache() {
        return cacheOwner == index;
    }
}
