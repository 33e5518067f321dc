package io.github.weighbridge.benchmarks;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Encoder;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/// The plain recipes alone, on one thread, beside a copy of the numbers they read: 64 MiB in single precision, which no cache holds.
final class KernelSpeed {
    private static final int NUMBERS = 1 << 24;
    private static final int COLUMNS = 1 << 12;
    /// As the engine does: a piece stays in the second-level cache.
    private static final int TILE = 1 << 16;
    private static final int REPEATS = 5;
    /// What the just-in-time compiler needs to see.
    private static final int WARM_UP = 4;

    private KernelSpeed() {}

    static void print(List<GgmlType> types) {
        float[] numbers = new float[NUMBERS];
        Random random = new Random(5);
        for (int i = 0; i < NUMBERS; i++) {
            numbers[i] = (float) (random.nextGaussian() * 0.02);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate((long) NUMBERS * Float.BYTES, 64);
            double copy = seconds(() -> MemorySegment.copy(numbers, 0, target, ValueLayout.JAVA_FLOAT, 0, NUMBERS));
            double gigabytes = (double) NUMBERS * Float.BYTES / 1e9;
            System.out.printf(Locale.ROOT, "%nEncode kernels, one thread, %d MiB of single precision read; best processor time of %d%n",
                    (long) NUMBERS * Float.BYTES >> 20, REPEATS);
            System.out.printf(Locale.ROOT, "  %-8s %8.2f GB/s%n", "copy", gigabytes / copy);
            double dense = seconds(() -> decode(numbers));
            System.out.printf(Locale.ROOT, "  %-8s %8.2f GB/s written, %.2f times the copy's time: BF16 to single precision%n", "decode",
                    gigabytes / dense, dense / copy);
            for (GgmlType type : types) {
                double seconds = seconds(() -> encode(type, numbers, target));
                System.out.printf(Locale.ROOT, "  %-8s %8.2f GB/s, %.2f times the copy's time, %.0f million numbers a second%n", type,
                        gigabytes / seconds, seconds / copy, NUMBERS / 1e6 / seconds);
            }
        }
    }

    /// As the engine reads a tile: the bytes are in the cache already.
    private static void decode(float[] numbers) {
        MemorySegment[] planes = {MemorySegment.ofArray(new short[TILE])};
        Shape tile = Shape.of(TILE / COLUMNS, COLUMNS);
        float[] tileNumbers = new float[TILE];
        for (int i = 0; i < numbers.length / TILE; i++) {
            DenseEncoding.BF16.decoder().orElseThrow().decode(tile, Region.all(tile), planes, tileNumbers, 0);
        }
    }

    private static void encode(GgmlType type, float[] numbers, MemorySegment target) {
        Encoding encoding = GgmlEncodings.of(type);
        Encoder encoder = encoding.encoder(EncoderInputs.PLAIN).orElseThrow();
        Shape tile = Shape.of(TILE / COLUMNS, COLUMNS);
        long bytes = encoding.bytes(tile);
        MemorySegment[] planes = new MemorySegment[1];
        for (int i = 0; i < NUMBERS / TILE; i++) {
            planes[0] = target.asSlice(i * bytes, bytes);
            encoder.encode(tile, Region.all(tile), numbers, i * TILE, planes);
        }
    }

    /// Processor time of this thread, since other programs may be running.
    private static double seconds(Runnable work) {
        for (int i = 0; i < WARM_UP; i++) {
            work.run();
        }
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        double best = Double.MAX_VALUE;
        for (int i = 0; i < REPEATS; i++) {
            long begin = threads.getCurrentThreadCpuTime();
            work.run();
            best = Math.min(best, (threads.getCurrentThreadCpuTime() - begin) / 1e9);
        }
        return best;
    }
}
