package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.ForwardingByteSource;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class GridEvidenceTest {
    private static final int ROWS = 4096;
    private static final int COLUMNS = 4096;

    /// A plan asks this of each tensor of a model, so that it must not read much of any.
    @Test
    void aSampleIsLittleOfATensor() throws IOException {
        long[] read = new long[1];
        ByteSource source = new ForwardingByteSource(ByteSource.of("zeros", new byte[ROWS * COLUMNS * Short.BYTES])) {
            @Override
            public void read(long offset, MemorySegment target) throws IOException {
                read[0] += target.byteSize();
                super.read(offset, target);
            }
        };
        Shape shape = Shape.of(ROWS, COLUMNS);
        StoredTensor tensor = new StoredTensor("t", shape, DenseEncoding.BF16, List.of(new Span(0, 0, source.length())));
        GridEvidence evidence = GridEvidence.of(View.of(tensor), DenseType.BF16, 4, 32, DenseType.F16, List.of(source));
        assertThat(evidence.blocks()).isPositive();
        assertThat(evidence.onGrid()).isFalse();
        assertThat(read[0]).isBetween(1L, 1L << 20);
    }
}
