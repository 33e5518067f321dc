package io.github.weighbridge.convert;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.OutputFile;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/// Carries plans out. Memory is bounded by the number of threads and the size of a task, whatever the size of the checkpoint; the result does
/// not depend on the number of threads.
public final class Engine {
    private Engine() {}

    /// Writes everything a plan says, or nothing.
    ///
    /// @param plan the plan, made from `source`
    /// @param source the checkpoint; must stay open
    /// To stop it, let [EngineOptions#cancelled] say yes: interrupting a thread that reads closes the checkpoint's files for all threads. Several runs may
    /// read one checkpoint at the same time.
    ///
    /// @param target the folder to make; for a plan of files a path beside which they are made, under the names that the plan has for them:
    ///        that of the request it was planned with, or those of a set
    /// @throws IOException when something cannot be read or written, or was cancelled
    /// @throws PolicyException when a number cannot be held by the encoding assigned to it
    public static void run(ConversionPlan plan, Checkpoint source, Path target, EngineOptions options) throws IOException, PolicyException {
        try (Staging staging = new Staging(target, plan, options.force())) {
            List<FileChannel> channels = new ArrayList<>();
            try {
                for (OutputFile file : plan.files()) {
                    FileChannel channel = FileChannel.open(staging.file(file), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE,
                            StandardOpenOption.READ);
                    channels.add(channel);
                    extend(channel, file.length());
                }
                List<ByteSource> sources = source.files().stream().map(CheckpointFile::source).toList();
                Workers workers = new Workers(plan, source, sources, channels, options);
                workers.run();
                Sums.write(plan, channels, options);
                source.verifyUnchanged();
                for (FileChannel channel : channels) {
                    channel.force(true);
                }
            } finally {
                for (FileChannel channel : channels) {
                    channel.close();
                }
            }
            staging.commit(plan);
        }
    }

    /// Gives the file its length, so that padding at the end need not be written.
    private static void extend(FileChannel channel, long length) throws IOException {
        if (length > 0) {
            channel.write(java.nio.ByteBuffer.wrap(new byte[1]), length - 1);
        }
    }

    /// The threads of one run.
    private static final class Workers {
        private final ConversionPlan plan;
        private final Checkpoint source;
        private final List<ByteSource> sources;
        private final List<FileChannel> channels;
        private final EngineOptions options;
        private final AtomicReference<Throwable> failure = new AtomicReference<>();

        Workers(ConversionPlan plan, Checkpoint source, List<ByteSource> sources, List<FileChannel> channels, EngineOptions options) {
            this.plan = plan;
            this.source = source;
            this.sources = sources;
            this.channels = channels;
            this.options = options;
        }

        void run() throws IOException, PolicyException {
            OptionalDouble[] maxima = maxima();
            List<Task> tasks = Task.of(plan);
            inParallel(tasks, maxima);
        }

        /// Largest absolute values, for the jobs whose encodings need them before the first number is encoded.
        private OptionalDouble[] maxima() throws IOException {
            OptionalDouble[] maxima = new OptionalDouble[plan.jobs().size()];
            java.util.Arrays.fill(maxima, OptionalDouble.empty());
            for (int i = 0; i < maxima.length; i++) {
                Job job = plan.jobs().get(i);
                if (job.mode() == Job.Mode.ENCODE && job.target().encoding().needsTensorMaximum()) {
                    try (Worker worker = new Worker(plan, source, sources, channels, maxima, options)) {
                        maxima[i] = OptionalDouble.of(worker.maximum(job));
                    }
                }
            }
            return maxima;
        }

        private void inParallel(List<Task> tasks, OptionalDouble[] maxima) throws IOException, PolicyException {
            AtomicInteger next = new AtomicInteger();
            int count = Math.max(1, Math.min(options.threads(), tasks.size()));
            List<Thread> threads = new ArrayList<>();
            for (int i = 1; i < count; i++) {
                threads.add(Thread.ofPlatform().name("weighbridge-" + i).start(() -> work(tasks, next, maxima)));
            }
            work(tasks, next, maxima);
            boolean interrupted = false;
            for (Thread thread : threads) {
                while (thread.isAlive()) {
                    try {
                        thread.join();
                    } catch (InterruptedException e) {
                        // Other threads use the same channels, so they are waited for; the flag makes them stop soon.
                        interrupted = true;
                        failure.compareAndSet(null, new IOException("interrupted", e));
                    }
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            switch (failure.get()) {
                case null -> {
                    // All tasks are done.
                }
                case IOException e -> throw e;
                case PolicyException e -> throw e;
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                case Throwable e -> throw new IllegalStateException(e);
            }
        }

        private void work(List<Task> tasks, AtomicInteger next, OptionalDouble[] maxima) {
            try (Worker worker = new Worker(plan, source, sources, channels, maxima, options)) {
                for (int task = next.getAndIncrement(); task < tasks.size() && failure.get() == null; task = next.getAndIncrement()) {
                    if (options.cancelled().getAsBoolean()) {
                        throw new IOException("cancelled");
                    }
                    worker.run(tasks.get(task));
                }
            } catch (IOException | PolicyException | RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            }
        }
    }
}
