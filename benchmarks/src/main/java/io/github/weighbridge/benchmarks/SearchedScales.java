package io.github.weighbridge.benchmarks;

import io.github.weighbridge.compressedtensors.encoding.PackedEncodings;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoder;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.KernelChoice;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/// What searching for scales costs beside taking them from the range, through the encoders of compressed-tensors, and by how much it lowers the
/// error of Gaussian numbers. Prints the least processor time of many rounds, on one thread.
public final class SearchedScales {
    private static final int ROUNDS = 20;
    private static final int COLUMNS = 2048;
    private static final int ROWS = 512;
    private static final Shape SHAPE = Shape.of(ROWS, COLUMNS);

    private SearchedScales() {}

    /// Runs it; no arguments.
    public static void main(String[] arguments) {
        float[] numbers = new float[ROWS * COLUMNS];
        Random random = new Random(1);
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextGaussian() * 0.02f;
        }
        for (GridEncoding encoding : List.of(PackedEncodings.packed(4, new Granularity.Group(32), DenseType.BF16),
                PackedEncodings.packed(4, new Granularity.Group(128), DenseType.BF16),
                PackedEncodings.packed(4, new Granularity.Group(32), DenseType.F16),
                PackedEncodings.packed(4, new Granularity.Row(), DenseType.BF16),
                PackedEncodings.packed(2, new Granularity.Row(), DenseType.BF16))) {
            double[] ranges = measure(encoding, "minmax", numbers);
            double[] searched = measure(encoding, "plain", numbers);
            System.out.printf(Locale.ROOT,
                    "%s, scales %s: from the range %.2f ns a number, error %.3f %%; searched %.2f ns, error %.3f %%%n",
                    encoding.name(), encoding.grid().scale(), ranges[0], ranges[1], searched[0], searched[1]);
        }
    }

    /// Nanoseconds a number, and the error in percent of the numbers' size.
    private static double[] measure(GridEncoding encoding, String method, float[] numbers) {
        Encoder encoder = encoding.encoder(EncoderInputs.method(method)).orElseThrow();
        Region all = Region.all(SHAPE);
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        double best = Double.POSITIVE_INFINITY;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] planes = new MemorySegment[encoding.planes().size()];
            for (int plane = 0; plane < planes.length; plane++) {
                planes[plane] = arena.allocate(encoding.planeBytes(plane, SHAPE), Long.BYTES);
            }
            // Beyond the warm-up all is done by the form that is measured.
            int warm = (int) (3 * KernelChoice.WARM_UP / numbers.length);
            for (int round = 0; round < warm + ROUNDS; round++) {
                long begin = threads.getCurrentThreadCpuTime();
                encoder.encode(SHAPE, all, numbers, 0, planes);
                best = Math.min(best, threads.getCurrentThreadCpuTime() - begin);
            }
            float[] decoded = new float[numbers.length];
            encoding.decoder().orElseThrow().decode(SHAPE, all, planes, decoded, 0);
            double error = 0;
            double size = 0;
            for (int i = 0; i < numbers.length; i++) {
                error += Math.pow((double) numbers[i] - decoded[i], 2);
                size += (double) numbers[i] * numbers[i];
            }
            return new double[] {best / numbers.length, 100 * Math.sqrt(error / size)};
        }
    }
}
