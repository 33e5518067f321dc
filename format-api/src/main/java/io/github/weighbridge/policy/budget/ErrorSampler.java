package io.github.weighbridge.policy.budget;

import io.github.weighbridge.encoding.ByteRange;
import io.github.weighbridge.encoding.Decoder;
import io.github.weighbridge.encoding.Encoder;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.scan.ViewReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// Measures what an encoding costs a tensor, on rows taken evenly from all of it. For use by one thread.
final class ErrorSampler implements AutoCloseable {
    /// Numbers looked at in a tensor.
    private static final long SAMPLE = 1L << 16;
    private static final int RUNS = 16;

    private final ViewReader reader;

    ErrorSampler(List<ByteSource> files) {
        this.reader = new ViewReader(files);
    }

    /// Sum of squared errors over the sum of squared numbers, both over the sample: the square of the error's root mean square in units of the
    /// tensor's own. Empty where the encoding cannot take the numbers.
    ///
    /// @param importance weight of each column, where it is known
    OptionalDouble relativeError(TargetTensor tensor, Choice choice, Optional<float[]> importance) throws IOException {
        Encoding encoding = choice.encoding();
        Shape shape = tensor.shape();
        Optional<Encoder> encoder = encoding.needsTensorMaximum() ? Optional.empty()
                : encoding.encoder(new EncoderInputs(choice.method(), OptionalDouble.empty(), importance, Exact.denseType(tensor.view())));
        Optional<Decoder> decoder = encoding.decoder();
        if (encoder.isEmpty() || decoder.isEmpty()) {
            return OptionalDouble.empty();
        }
        long unit = encoding.rowUnit(shape);
        long units = Math.ceilDiv(shape.rows(), unit);
        long wanted = Math.clamp(SAMPLE / Math.max(1, shape.columns() * unit), 1, units);
        long runs = Math.min(RUNS, wanted);
        double error = 0;
        double power = 0;
        for (long run = 0; run < runs; run++) {
            long begin = units * run / runs * unit;
            long end = Math.min(shape.rows(), begin + Math.ceilDiv(wanted, runs) * unit);
            Region region = Region.rows(shape, begin, end);
            float[] numbers = new float[region.elements()];
            float[] again = new float[region.elements()];
            reader.read(tensor.view(), region, numbers, 0);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment[] planes = new MemorySegment[encoding.planes().size()];
                for (int plane = 0; plane < planes.length; plane++) {
                    ByteRange range = encoding.planeRange(plane, shape, region);
                    planes[plane] = arena.allocate(Math.max(1, range.length()), 64).asSlice(0, range.length());
                }
                encoder.get().encode(shape, region, numbers, 0, planes);
                decoder.get().decode(shape, region, planes, again, 0);
            } catch (ArithmeticException e) {
                return OptionalDouble.empty();
            }
            int columns = Math.toIntExact(shape.columns());
            for (int i = 0; i < numbers.length; i++) {
                double weight = importance.isPresent() ? importance.get()[i % columns] : 1;
                double difference = (double) again[i] - numbers[i];
                error += weight * difference * difference;
                power += weight * numbers[i] * (double) numbers[i];
            }
        }
        return OptionalDouble.of(power > 0 ? error / power : 0);
    }

    @Override
    public void close() {
        reader.close();
    }
}
