package io.github.weighbridge.encoding;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class OpaqueEncodingTest {
    private static final OpaqueEncoding IQ2 = new OpaqueEncoding("IQ2_XS", 2, 74);

    @Test
    void theBytesAreThoseStoredWhateverTheShape() {
        assertThat(IQ2.name()).isEqualTo("IQ2_XS");
        assertThat(IQ2.codeBits()).isEqualTo(2);
        assertThat(IQ2.bytes(Shape.of(2, 128))).isEqualTo(74);
        assertThat(IQ2.planeBytes(0, Shape.of(5))).isEqualTo(74);
        assertThat(IQ2.misfit(Shape.of(3, 7))).isEmpty();
        assertThat(IQ2.planes()).containsExactly(Plane.SINGLE);
    }

    @Test
    void noPartCanBeTakenApart() {
        Shape shape = Shape.of(4, 64);
        assertThat(IQ2.planeRange(0, shape, Region.rows(shape, 1, 2))).isEqualTo(new ByteRange(0, 74));
        assertThat(IQ2.columnUnit(shape)).isEqualTo(64);
        assertThat(IQ2.rowUnit(shape)).isEqualTo(4);
        assertThat(IQ2.columnUnit(Shape.of(1L << 40))).isEqualTo(Integer.MAX_VALUE);
        assertThat(IQ2.columnUnit(Shape.of(0))).isEqualTo(1);
        assertThat(IQ2.rowUnit(Shape.of(0, 4))).isEqualTo(1);
    }

    @Test
    void nothingIsDecodedEncodedOrCarried() {
        Shape shape = Shape.of(4, 64);
        assertThat(IQ2.decoder()).isEmpty();
        assertThat(IQ2.encoder(EncoderInputs.PLAIN)).isEmpty();
        assertThat(IQ2.codeReader()).isEmpty();
        assertThat(IQ2.codeWriter()).isEmpty();
        assertThat(IQ2.dense()).isEmpty();
        assertThat(IQ2.grid(shape)).isEmpty();
        Grid grid = new Grid(Grid.Levels.Range.ofBits(2), new Grid.Granularity.Row(), DenseType.F32, true, Grid.Zero.NONE);
        Carriage carriage = IQ2.carries(grid, shape);
        assertThat(carriage).isEqualTo(Carriage.NO);
        assertThat(carriage.relativeBound()).isInfinite();
        assertThat(Carriage.scalesRound(0.5)).isEqualTo(new Carriage(Carriage.Kind.SCALES_ROUND, 0.5));
    }
}
