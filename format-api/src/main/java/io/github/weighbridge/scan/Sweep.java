package io.github.weighbridge.scan;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BinaryOperator;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Measures many things part by part on several threads. Parts are taken in order and their results joined in order, so that sums of real
/// numbers come out the same for any number of threads; no more results wait to be joined than there are threads.
public final class Sweep {
    private Sweep() {}

    /// What a thread works with: readers and buffers of its own.
    public interface Context extends AutoCloseable {
        @Override
        void close();
    }

    /// A part of a measurement.
    ///
    /// @param bytes about how many bytes it reads, for progress
    /// @param measure the work
    public record Part<C, R>(long bytes, Measure<C, R> measure) {}

    /// The work of a part.
    @FunctionalInterface
    public interface Measure<C, R> {
        /// Does it.
        ///
        /// @param context belongs to the calling thread
        R of(C context) throws IOException;
    }

    /// One thing to measure.
    ///
    /// @param parts what it consists of, in order
    /// @param join joins the result of all parts so far with that of the next
    public record Task<C, R>(List<Part<C, R>> parts, BinaryOperator<R> join) {
        /// Copies the list.
        public Task {
            parts = List.copyOf(parts);
        }

        private long bytes() {
            return parts.stream().mapToLong(Part::bytes).sum();
        }
    }

    /// Bytes that all tasks read, as their parts say.
    public static <C, R> long bytes(List<Task<C, R>> tasks) {
        return tasks.stream().mapToLong(Task::bytes).sum();
    }

    /// Runs all tasks.
    ///
    /// @param contexts makes a context for each thread
    /// @return the result of each task, in order; empty for tasks without parts
    /// @throws IOException the first failure of a part, or because of cancellation
    public static <C extends Context, R> List<Optional<R>> run(List<Task<C, R>> tasks, Supplier<C> contexts, SweepOptions options)
            throws IOException {
        Run<C, R> run = new Run<>(tasks, options);
        List<Thread> threads = new ArrayList<>();
        int count = Math.max(1, Math.min(options.threads(), run.total()));
        for (int i = 1; i < count; i++) {
            threads.add(Thread.ofPlatform().name("weighbridge-sweep-" + i).start(() -> run.work(contexts)));
        }
        run.work(contexts);
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    // The others read the same files, which the caller may close next, so they are waited for.
                    interrupted = true;
                    run.failure.compareAndSet(null, new IOException("interrupted", e));
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        switch (run.failure.get()) {
            case null -> {
                return run.results();
            }
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }

    private static final class Run<C extends Context, R> {
        private final List<Joined<R>> joined = new ArrayList<>();
        private final List<Task<C, R>> tasks;
        /// Number of the first part of each task, among all parts.
        private final int[] first;
        private final int total;
        private final SweepOptions options;
        private final AtomicInteger next = new AtomicInteger();
        final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

        Run(List<Task<C, R>> tasks, SweepOptions options) {
            this.tasks = tasks;
            this.options = options;
            this.first = new int[tasks.size()];
            int sum = 0;
            for (int i = 0; i < first.length; i++) {
                first[i] = sum;
                sum = Math.addExact(sum, tasks.get(i).parts().size());
                joined.add(new Joined<>(tasks.get(i).join()));
            }
            this.total = sum;
        }

        int total() {
            return total;
        }

        List<Optional<R>> results() {
            return Collections.unmodifiableList(joined.stream().map(Joined::result).toList());
        }

        void work(Supplier<C> contexts) {
            try (C context = contexts.get()) {
                for (int part = next.getAndIncrement(); part < total && failure.get() == null; part = next.getAndIncrement()) {
                    if (options.cancelled().getAsBoolean()) {
                        throw new IOException("cancelled");
                    }
                    int task = taskOf(part);
                    Part<C, R> work = tasks.get(task).parts().get(part - first[task]);
                    joined.get(task).put(part - first[task], work.measure().of(context));
                    options.progress().accept(work.bytes());
                }
            } catch (IOException | RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            }
        }

        /// The last task that begins at or before a part; tasks without parts begin where the next one does.
        private int taskOf(int part) {
            int low = 0;
            int high = first.length - 1;
            while (low < high) {
                int middle = (low + high + 1) >>> 1;
                if (first[middle] <= part) {
                    low = middle;
                } else {
                    high = middle - 1;
                }
            }
            return low;
        }
    }

    /// Results of one task, joined as far as they are there without a gap.
    private static final class Joined<R> {
        private final BinaryOperator<R> join;
        private final TreeMap<Integer, R> waiting = new TreeMap<>();
        private int next;
        private Optional<R> result = Optional.empty();

        Joined(BinaryOperator<R> join) {
            this.join = join;
        }

        synchronized void put(int part, R value) {
            waiting.put(part, value);
            while (!waiting.isEmpty() && waiting.firstKey() == next) {
                R value2 = waiting.pollFirstEntry().getValue();
                result = Optional.of(result.map(before -> join.apply(before, value2)).orElse(value2));
                next++;
            }
        }

        synchronized Optional<R> result() {
            return result;
        }
    }
}
