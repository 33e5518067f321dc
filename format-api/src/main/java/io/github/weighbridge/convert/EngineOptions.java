package io.github.weighbridge.convert;

import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;

/// How a plan is carried out. None of it changes a byte of the result.
///
/// @param threads number of working threads, at least 1
/// @param force whether an existing target is replaced
/// @param progress is told of bytes written, from any thread
/// @param cancelled is asked now and then; when it says yes the conversion ends with an exception and leaves nothing
public record EngineOptions(int threads, boolean force, LongConsumer progress, BooleanSupplier cancelled) {
    /// At least one thread.
    public EngineOptions {
        if (threads < 1) {
            throw new IllegalArgumentException(threads + " threads");
        }
    }

    /// All processors, no replacement, no progress.
    public static EngineOptions defaults() {
        return new EngineOptions(Runtime.getRuntime().availableProcessors(), false, _ -> {}, () -> false);
    }

    /// A copy with another number of threads.
    public EngineOptions withThreads(int count) {
        return new EngineOptions(count, force, progress, cancelled);
    }

    /// A copy that replaces an existing target, or does not.
    public EngineOptions withForce(boolean replace) {
        return new EngineOptions(threads, replace, progress, cancelled);
    }
}
