package io.github.weighbridge.scan;

import io.github.weighbridge.scan.ErrorSums.Bound;
import io.github.weighbridge.scan.internal.ErrorKernels;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

class ErrorSumsTest {
    @Test
    void figuresOfFourPairsByHand() {
        ErrorSums sums = ErrorSums.of(new float[] {3, 0, -4, 1}, new float[] {3, 1, -4.5f, 1}, 4, 4, Bound.NONE);
        assertThat(sums.count()).isEqualTo(4);
        assertThat(sums.equal()).isEqualTo(2);
        assertThat(sums.beyond()).isEqualTo(2);
        assertThat(sums.exact()).isEqualTo(0.5);
        assertThat(sums.maxAbs()).isEqualTo(1);
        assertThat(sums.rmse()).isEqualTo(Math.sqrt(1.25 / 4));
        assertThat(sums.snrDb()).isEqualTo(10 * Math.log10(26 / 1.25), within(1e-12));
        assertThat(sums.cosine()).isEqualTo((9 + 18 + 1) / (Math.sqrt(26) * Math.sqrt(9 + 1 + 20.25 + 1)), within(1e-15));
    }

    @Test
    void equalPairsHaveNoError() {
        ErrorSums sums = ErrorSums.of(new float[] {0f, -0f, Float.NaN, Float.POSITIVE_INFINITY, 5},
                new float[] {-0f, 0f, Float.intBitsToFloat(0x7fc01234), Float.POSITIVE_INFINITY, 5}, 5, 5, Bound.NONE);
        assertThat(sums.equal()).isEqualTo(5);
        assertThat(sums.beyond()).isZero();
        assertThat(sums.maxAbs()).isZero();
        assertThat(sums.snrDb()).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(sums.cosine()).isEqualTo(1);
        assertThat(ErrorSums.equalPairs(7).cosine()).isEqualTo(1);
    }

    @Test
    void aNumberThatIsNotFiniteBreaksAllFigures() {
        for (float odd : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            for (float[][] pair : new float[][][] {{{1, 2, 3}, {1, odd, 3}}, {{1, odd, 3}, {1, 2, 3}}}) {
                ErrorSums sums = ErrorSums.of(pair[0], pair[1], 3, 3, new Bound(1, 1, 0));
                assertThat(sums.broken()).isEqualTo(1);
                assertThat(sums.beyond()).isEqualTo(1);
                assertThat(sums.equal()).isEqualTo(2);
                assertThat(sums.maxAbs()).isInfinite();
                assertThat(sums.rmse()).isInfinite();
                assertThat(sums.snrDb()).isEqualTo(Double.NEGATIVE_INFINITY);
                assertThat(sums.cosine()).isZero();
            }
        }
    }

    @Test
    void boundsAreOfEachPair() {
        float[] reference = {1, 100, 0, -8};
        float[] value = {1.125f, 101, 0.0625f, -8.5f};
        assertThat(ErrorSums.of(reference, value, 4, 4, new Bound(0.0625, 0.0625, 0)).beyond()).isZero();
        assertThat(ErrorSums.of(reference, value, 4, 4, new Bound(0.0625, 0, 0)).beyond()).isEqualTo(2);
        assertThat(ErrorSums.of(reference, value, 4, 4, new Bound(0, 0.5, 0)).beyond()).isEqualTo(1);
    }

    @Test
    void peaksAreOfGroupsThatEndWithTheirRow() {
        float[] numbers = {1, -2, 3, 0, 5, 1, 1, -4, 0, 1};
        ErrorSums sums = ErrorSums.of(numbers, numbers, 10, 5, new Bound(0, 0, 2));
        assertThat(sums.peaks()).isEqualTo(2 * 4 + 2 * 9 + 25 + 2 * 1 + 2 * 16 + 1);
        assertThat(sums.peak()).isEqualTo(5);
        assertThat(ErrorSums.of(numbers, numbers, 10, 5, new Bound(0, 0, Integer.MAX_VALUE)).peaks()).isEqualTo(5 * 25 + 5 * 16);
    }

    @Test
    void bothFormsGiveTheSameBits() {
        Random random = new Random(11);
        for (int count : new int[] {0, 1, 7, 8, 9, 15, 16, 17, 2047, 2048, 2049, 5003}) {
            float[] reference = new float[count + 3];
            float[] value = new float[count + 3];
            for (int i = 0; i < reference.length; i++) {
                reference[i] = (float) Math.scalb(random.nextGaussian(), random.nextInt(60) - 40);
                value[i] = random.nextInt(3) == 0 ? reference[i] : reference[i] * (1 + random.nextFloat() / 8);
            }
            for (int odd = 0; odd < 3; odd++) {
                ErrorKernels.Sums plain = ErrorKernels.CHOICE.plain().sums(reference, value, count, 0.05, 1e-6);
                ErrorKernels.Sums best = ErrorKernels.CHOICE.best().sums(reference, value, count, 0.05, 1e-6);
                assertThat(List.of(best.error(), best.reference(), best.value(), best.product(), best.largest())).as("%d pairs", count)
                        .isEqualTo(List.of(plain.error(), plain.reference(), plain.value(), plain.product(), plain.largest()));
                assertThat(best.equal()).isEqualTo(plain.equal());
                assertThat(best.beyond()).isEqualTo(plain.beyond());
                // What is not finite is seen by either.
                value[random.nextInt(value.length)] = odd == 0 ? Float.NaN : Float.NEGATIVE_INFINITY;
            }
            assertThat(ErrorKernels.CHOICE.best().largest(reference, 2, count))
                    .isEqualTo(ErrorKernels.CHOICE.plain().largest(reference, 2, count));
        }
    }

    @Test
    void sumsOfPartsAreSumsOfAll() {
        Random random = new Random(5);
        float[] reference = new float[1001];
        float[] value = new float[1001];
        for (int i = 0; i < 1001; i++) {
            reference[i] = random.nextFloat() - 0.5f;
            value[i] = random.nextInt(3) == 0 ? reference[i] : random.nextFloat() - 0.5f;
        }
        ErrorSums all = ErrorSums.of(reference, value, 1001, 1001, Bound.NONE);
        float[] restReference = java.util.Arrays.copyOfRange(reference, 300, 1001);
        float[] restValue = java.util.Arrays.copyOfRange(value, 300, 1001);
        ErrorSums parts = ErrorSums.of(reference, value, 300, 300, Bound.NONE).and(ErrorSums.of(restReference, restValue, 701, 701,
                Bound.NONE));
        assertThat(parts.equal()).isEqualTo(all.equal());
        assertThat(parts.maxAbs()).isEqualTo(all.maxAbs());
        assertThat(parts.rmse()).isEqualTo(all.rmse(), within(1e-14));
        assertThat(parts.cosine()).isEqualTo(all.cosine(), within(1e-14));
    }
}
