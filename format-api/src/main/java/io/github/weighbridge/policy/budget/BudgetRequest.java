package io.github.weighbridge.policy.budget;

/// How many bytes there are, and for what.
///
/// @param bytes the budget
/// @param measure what is counted
/// @param reserved bytes of it that are spoken for, such as those of a key/value cache
/// @param threads that measure errors; the result does not depend on it
public record BudgetRequest(long bytes, Measure measure, long reserved, int threads) {
    /// What is counted.
    public enum Measure {
        /// The files that hold tensors, headers included.
        FILE,
        /// Tensors that stay in memory while the model runs: all but the table of per-layer embeddings, of which a row is read at a time. That
        /// table gets what the policy gives it.
        RESIDENT
    }

    /// Checks the numbers.
    public BudgetRequest {
        if (bytes < 0 || reserved < 0 || threads < 1) {
            throw new IllegalArgumentException(bytes + " bytes, " + reserved + " reserved, " + threads + " threads");
        }
    }
}
