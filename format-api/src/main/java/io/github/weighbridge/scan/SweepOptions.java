package io.github.weighbridge.scan;

import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;

/// How a [Sweep] is run. None of it changes a result.
///
/// @param threads number of working threads, at least 1
/// @param progress is told of bytes read, from any thread
/// @param cancelled is asked now and then; when it says yes the sweep ends with an exception
public record SweepOptions(int threads, LongConsumer progress, BooleanSupplier cancelled) {
    /// At least one thread.
    public SweepOptions {
        if (threads < 1) {
            throw new IllegalArgumentException(threads + " threads");
        }
    }

    /// All processors, no progress.
    public static SweepOptions defaults() {
        return new SweepOptions(Runtime.getRuntime().availableProcessors(), _ -> {}, () -> false);
    }

    /// A copy with another number of threads.
    public SweepOptions withThreads(int count) {
        return new SweepOptions(count, progress, cancelled);
    }
}
