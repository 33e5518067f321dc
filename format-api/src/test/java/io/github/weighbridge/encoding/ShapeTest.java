package io.github.weighbridge.encoding;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class ShapeTest {
    @Test
    void everyShapeCanBeSeenAsAMatrix() {
        assertMatrix(Shape.SCALAR, 1, 1);
        assertMatrix(Shape.of(7), 1, 7);
        assertMatrix(Shape.of(3, 7), 3, 7);
        assertMatrix(Shape.of(2, 3, 7), 6, 7);
        assertMatrix(Shape.of(2, 1, 3, 7), 6, 7);
        assertMatrix(Shape.of(0), 1, 0);
        assertMatrix(Shape.of(0, 7), 0, 7);
        assertMatrix(Shape.of(7, 0), 7, 0);
        assertMatrix(Shape.of(1L << 40, 1L << 22), 1L << 40, 1L << 22);
    }

    private static void assertMatrix(Shape shape, long rows, long columns) {
        assertThat(shape.rows()).as(shape.toString()).isEqualTo(rows);
        assertThat(shape.columns()).as(shape.toString()).isEqualTo(columns);
        assertThat(shape.elements()).as(shape.toString()).isEqualTo(rows * columns);
    }

    @Test
    void negativeAndTooLargeDimensionsAreNoShape() {
        assertThatThrownBy(() -> Shape.of(2, -1)).isInstanceOf(IllegalArgumentException.class).hasMessage("negative dimension -1");
        assertThatThrownBy(() -> Shape.of(1L << 32, 1L << 31)).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> Shape.of(Long.MAX_VALUE, 2)).isInstanceOf(ArithmeticException.class);
        assertThat(Shape.of(Long.MAX_VALUE).elements()).isEqualTo(Long.MAX_VALUE);
        assertThat(Shape.of(1L << 32, (1L << 31) - 1).elements()).isPositive();
    }

    @Test
    void whatFitsCanBeMadeInAnyOrderOfAxes() {
        Random random = new Random(1);
        for (int i = 0; i < 20_000; i++) {
            long[] dimensions = new long[random.nextInt(6)];
            for (int axis = 0; axis < dimensions.length; axis++) {
                int bits = random.nextInt(64);
                dimensions[axis] = random.nextInt(20) == 0 ? random.nextLong(-3, 1) : random.nextLong() >>> 63 - bits;
                dimensions[axis] = random.nextInt(8) == 0 ? 0 : dimensions[axis];
            }
            BigInteger product = BigInteger.ONE;
            for (long dimension : dimensions) {
                product = dimension == 0 ? product : product.multiply(BigInteger.valueOf(Math.abs(dimension)));
            }
            boolean expected = Arrays.stream(dimensions).allMatch(d -> d >= 0) && product.bitLength() < 64;
            assertThat(Shape.fits(dimensions)).as(Arrays.toString(dimensions)).isEqualTo(expected);
            if (expected) {
                Shape.of(dimensions);
                Arrays.sort(dimensions);
                Shape sorted = Shape.of(dimensions);
                assertThat(sorted.elements()).isEqualTo(sorted.rows() * sorted.columns());
            }
        }
    }

    @Test
    void theBorderOfWhatFitsIsExact() {
        assertThat(Shape.fits()).isTrue();
        assertThat(Shape.fits(Long.MAX_VALUE)).isTrue();
        assertThat(Shape.fits(Long.MAX_VALUE, 1, 1)).isTrue();
        assertThat(Shape.fits(Long.MAX_VALUE, 2)).isFalse();
        assertThat(Shape.fits(1L << 32, 1L << 31)).isFalse();
        assertThat(Shape.fits(1L << 32, 1L << 32)).isFalse();
        assertThat(Shape.fits(1L << 62, 1)).isTrue();
        assertThat(Shape.fits(1L << 40, 0, 1L << 40)).isFalse();
        assertThat(Shape.fits(-1)).isFalse();
        assertThat(Shape.fits(0, -1)).isFalse();
        assertThat(Shape.fits(Long.MIN_VALUE)).isFalse();
    }

    @Test
    void shapesAreValuesAndDoNotChange() {
        long[] dimensions = {2, 3};
        Shape shape = Shape.of(dimensions);
        dimensions[0] = 9;
        shape.dimensions()[1] = 9;
        assertThat(shape).isEqualTo(Shape.of(2, 3)).hasSameHashCodeAs(Shape.of(2, 3)).isNotEqualTo(Shape.of(3, 2))
                .isNotEqualTo(Shape.of(2, 3, 1)).hasToString("[2, 3]");
        assertThat(Shape.of()).isEqualTo(Shape.SCALAR).hasToString("[]");
        assertThat(shape.toList()).containsExactly(2L, 3L);
        assertThat(shape.rank()).isEqualTo(2);
        assertThat(shape.dimension(1)).isEqualTo(3);
    }

    @Test
    void oneDimensionIsReplacedOrPutInFront() {
        assertThat(Shape.of(2, 3).with(0, 5)).isEqualTo(Shape.of(5, 3));
        assertThat(Shape.of(2, 3).with(1, 0)).isEqualTo(Shape.of(2, 0));
        assertThat(Shape.of(2, 3).prepend(4)).isEqualTo(Shape.of(4, 2, 3));
        assertThat(Shape.SCALAR.prepend(4)).isEqualTo(Shape.of(4));
        assertThatThrownBy(() -> Shape.of(2, 1L << 40).with(0, 1L << 40)).isInstanceOf(ArithmeticException.class);
    }

    @Test
    void aRegionKnowsItsPlaceAndSize() {
        Shape shape = Shape.of(2, 3, 8);
        assertThat(Region.all(shape)).isEqualTo(new Region(0, 6, 0, 8));
        assertThat(Region.rows(shape, 2, 5)).isEqualTo(new Region(2, 5, 0, 8));
        assertThat(Region.rows(shape, 2, 5).elements()).isEqualTo(24);
        assertThat(Region.rows(shape, 2, 5).wholeRows(shape)).isTrue();
        assertThat(new Region(1, 2, 0, 7).wholeRows(shape)).isFalse();
        assertThat(new Region(1, 2, 1, 8).wholeRows(shape)).isFalse();
        assertThat(new Region(1, 2, 3, 7).rowCount()).isEqualTo(1);
        assertThat(new Region(1, 2, 3, 7).columnCount()).isEqualTo(4);
        assertThat(Region.all(Shape.SCALAR)).isEqualTo(new Region(0, 1, 0, 1));
        assertThat(Region.rows(shape, 6, 6).elements()).isZero();
    }

    @Test
    void aRegionOutOfOrderOrOutOfTheShapeIsRefused() {
        Shape shape = Shape.of(6, 8);
        assertThatThrownBy(() -> Region.rows(shape, 0, 7)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> Region.rows(shape, 3, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> Region.rows(shape, -1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> new Region(1, 0, 0, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Region(0, 1, 2, 1)).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("rows 0 to 1, columns 2 to 1");
        assertThatThrownBy(() -> new Region(0, 1, -1, 1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theElementsOfARegionMustFitWorkingMemory() {
        assertThatThrownBy(() -> new Region(0, 1 << 16, 0, 1 << 15).elements()).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> new Region(0, 1L << 40, 0, 1L << 40).elements()).isInstanceOf(ArithmeticException.class);
    }

    @Test
    void aRangeOfBytesHasAnEnd() {
        assertThat(new ByteRange(3, 4).end()).isEqualTo(7);
        assertThatThrownBy(() -> new ByteRange(-1, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ByteRange(0, -1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ByteRange(Long.MAX_VALUE, 1)).isInstanceOf(IllegalArgumentException.class);
    }
}
