package io.github.weighbridge.benchmarks;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoder;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.KernelChoice;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/// What exact steps of Q4_0 cost beside the ordinary recipe, through the encoder that conversions use: on a trained checkpoint, all of whose
/// blocks lie on the grid, and on random numbers, none of which do.
///
/// Prints the least time of many rounds, which other work on the machine disturbs least.
public final class ExactSteps {
    private static final int ROUNDS = 60;
    private static final int COLUMNS = 256;
    private static final int BLOCK = 32;
    /// What a worker encodes in one go.
    private static final int ROWS = 512;

    private ExactSteps() {}

    /// Runs it; no arguments.
    public static void main(String[] arguments) throws IOException {
        Encoding encoding = GgmlEncodings.of(GgmlType.Q4_0);
        Encoder ordinary = encoding.encoder(EncoderInputs.PLAIN.withSourceType(DenseType.BF16)).orElseThrow();
        Encoder exact = encoding.encoder(EncoderInputs.method("exact").withSourceType(DenseType.BF16)).orElseThrow();
        float[] trained = trained();
        float[] random = new float[trained.length / 4 / (ROWS * COLUMNS) * ROWS * COLUMNS];
        Random numbers = new Random(1);
        for (int i = 0; i < random.length; i++) {
            random[i] = (float) numbers.nextGaussian() * 0.02f;
        }
        // Beyond the warm-up all is done by the form that is measured.
        for (long done = 0; done < 2 * KernelChoice.WARM_UP; done += trained.length) {
            nanos(ordinary, trained);
        }
        for (List<Object> one : List.of(List.<Object>of("on the grid", trained), List.<Object>of("off the grid", random))) {
            float[] values = (float[]) one.getLast();
            double plain = Double.POSITIVE_INFINITY;
            double found = Double.POSITIVE_INFINITY;
            for (int round = 0; round < (values == trained ? ROUNDS : ROUNDS / 4); round++) {
                plain = Math.min(plain, nanos(ordinary, values));
                found = Math.min(found, nanos(exact, values));
            }
            double blocks = values.length / (double) BLOCK;
            System.out.printf("%s: ordinary %.1f ns a block, exact %.1f ns (%.2f times; %.0f MB/s of BF16)%n", one.getFirst(),
                    plain / blocks,
                    found / blocks, found / plain, values.length * 2 * 1e3 / found);
        }
    }

    private static long nanos(Encoder encoder, float[] values) {
        Shape shape = Shape.of(values.length / COLUMNS, COLUMNS);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] planes = {arena.allocate((long) ROWS * COLUMNS / BLOCK * 18)};
            long begin = System.nanoTime();
            for (int row = 0; row < shape.rows(); row += ROWS) {
                encoder.encode(shape, Region.rows(shape, row, row + ROWS), values, row * COLUMNS, planes);
            }
            return System.nanoTime() - begin;
        }
    }

    /// All numbers of the trained checkpoint that lie on the grid, a whole number of pieces.
    private static float[] trained() throws IOException {
        Path folder = Files.createTempDirectory("exact-steps");
        try {
            TrainedCheckpoints.unpack(folder, TrainedCheckpoints.QAT_Q4_0);
            float[] all = new float[0];
            try (Checkpoint checkpoint = Formats.installed().open(Source.of(folder), ReadOptions.defaults())) {
                List<ByteSource> files = checkpoint.files().stream().map(CheckpointFile::source).toList();
                try (ViewReader reader = new ViewReader(files)) {
                    for (StoredTensor tensor : checkpoint.graph().stored()) {
                        if (tensor.shape().rank() == 2 && !tensor.name().contains("per_layer_model_projection")) {
                            int before = all.length;
                            Region whole = Region.all(tensor.shape());
                            all = Arrays.copyOf(all, before + whole.elements());
                            reader.read(View.of(tensor), whole, all, before);
                        }
                    }
                }
            }
            return Arrays.copyOf(all, all.length / (ROWS * COLUMNS) * ROWS * COLUMNS);
        } finally {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
