package io.github.weighbridge.inspector;

import io.github.weighbridge.scan.SweepOptions;
import java.util.function.LongConsumer;
import picocli.CommandLine.Option;

/// How weights are read by commands that read them all.
final class SweepChoice {
    private static final int MOST_THREADS = 1024;

    @Option(names = "--threads", paramLabel = "N",
            description = "Working threads; one for each processor if not given.") private int threads = SweepOptions.defaults().threads();

    /// @param progress is told of bytes read
    SweepOptions options(Session session, LongConsumer progress) {
        return new SweepOptions(threads, progress, session.ending());
    }

    /// Refuses a number of threads that makes no sense.
    void check() throws UsageException {
        if (threads < 1 || threads > MOST_THREADS) {
            throw new UsageException("--threads \"" + threads + "\" is not from 1 to " + MOST_THREADS);
        }
    }
}
