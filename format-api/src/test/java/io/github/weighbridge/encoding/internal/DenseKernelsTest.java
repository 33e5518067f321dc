package io.github.weighbridge.encoding.internal;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;

class DenseKernelsTest {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final DenseKernels SCALAR = new ScalarDenseKernels();
    private static final DenseKernels VECTOR = new VectorDenseKernels();

    static List<DenseKernels> forms() {
        return List.of(SCALAR, VECTOR);
    }

    @Test
    void theVectorisedFormIsTheOneInUse() {
        assertThat(DenseKernels.CHOICE.best()).isInstanceOf(VectorDenseKernels.class);
    }

    /// All 65536 patterns of 16 bits, in order.
    private static MemorySegment allPatterns() {
        MemorySegment segment = MemorySegment.ofArray(new byte[2 << 16]);
        for (int i = 0; i < 1 << 16; i++) {
            segment.set(SHORT, 2L * i, (short) i);
        }
        return segment;
    }

    /// Half precision by its definition.
    private static double half(int bits) {
        int exponent = bits >> 10 & 31;
        int mantissa = bits & 1023;
        double magnitude = exponent == 31 ? mantissa == 0 ? Double.POSITIVE_INFINITY : Double.NaN
                : exponent == 0 ? mantissa * 0x1p-24 : (1024 + mantissa) * Math.pow(2, exponent - 25);
        return (bits & 0x8000) == 0 ? magnitude : -magnitude;
    }

    @ParameterizedTest
    @MethodSource("forms")
    void everyHalfIsDecodedByItsDefinition(DenseKernels kernels) {
        float[] decoded = new float[1 << 16];
        kernels.decodeF16(allPatterns(), 0, decoded, 0, decoded.length);
        for (int i = 0; i < decoded.length; i++) {
            assertThat((double) decoded[i]).as("%04x", i).isEqualTo(Double.valueOf(half(i)));
            assertThat(Float.floatToRawIntBits(decoded[i]) < 0).as("sign of %04x", i).isEqualTo(i >= 0x8000);
        }
    }

    @ParameterizedTest
    @MethodSource("forms")
    void everyBf16IsTheUpperHalfOfAFloat(DenseKernels kernels) {
        float[] decoded = new float[1 << 16];
        kernels.decodeBf16(allPatterns(), 0, decoded, 0, decoded.length);
        for (int i = 0; i < decoded.length; i++) {
            assertThat(Float.floatToRawIntBits(decoded[i])).isEqualTo(i << 16);
        }
    }

    @Test
    void bothFormsDecodeToTheSameBits() {
        float[] scalar = new float[1 << 16];
        float[] vector = new float[1 << 16];
        SCALAR.decodeF16(allPatterns(), 0, scalar, 0, scalar.length);
        VECTOR.decodeF16(allPatterns(), 0, vector, 0, vector.length);
        assertSameBits(scalar, vector);
        SCALAR.decodeBf16(allPatterns(), 0, scalar, 0, scalar.length);
        VECTOR.decodeBf16(allPatterns(), 0, vector, 0, vector.length);
        assertSameBits(scalar, vector);
    }

    private static void assertSameBits(float[] one, float[] other) {
        for (int i = 0; i < one.length; i++) {
            if (Float.floatToRawIntBits(one[i]) != Float.floatToRawIntBits(other[i])) {
                assertThat(Integer.toHexString(Float.floatToRawIntBits(other[i]))).as("index %s", i)
                        .isEqualTo(Integer.toHexString(Float.floatToRawIntBits(one[i])));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("forms")
    void everyNumberSurvivesDecodingAndEncoding(DenseKernels kernels) {
        float[] numbers = new float[1 << 16];
        MemorySegment back = MemorySegment.ofArray(new byte[2 << 16]);
        kernels.decodeF16(allPatterns(), 0, numbers, 0, numbers.length);
        kernels.encodeF16(numbers, 0, back, 0, numbers.length);
        for (int i = 0; i < numbers.length; i++) {
            int expected = (i & 0x7fff) > 0x7c00 ? i & 0x8000 | 0x7e00 : i;
            assertThat(back.get(SHORT, 2L * i) & 0xffff).as("%04x", i).isEqualTo(expected);
        }
        kernels.decodeBf16(allPatterns(), 0, numbers, 0, numbers.length);
        kernels.encodeBf16(numbers, 0, back, 0, numbers.length);
        for (int i = 0; i < numbers.length; i++) {
            int expected = (i & 0x7fff) > 0x7f80 ? i | 64 : i;
            assertThat(back.get(SHORT, 2L * i) & 0xffff).as("%04x", i).isEqualTo(expected);
        }
    }

    private static int f16(DenseKernels kernels, float value) {
        float[] numbers = new float[40];
        Arrays.fill(numbers, value);
        MemorySegment target = MemorySegment.ofArray(new byte[80]);
        kernels.encodeF16(numbers, 0, target, 0, numbers.length);
        int first = target.get(SHORT, 0) & 0xffff;
        for (int i = 1; i < numbers.length; i++) {
            assertThat(target.get(SHORT, 2L * i) & 0xffff).as("the same in every lane").isEqualTo(first);
        }
        return first;
    }

    private static int bf16(DenseKernels kernels, float value) {
        float[] numbers = new float[40];
        Arrays.fill(numbers, value);
        MemorySegment target = MemorySegment.ofArray(new byte[80]);
        kernels.encodeBf16(numbers, 0, target, 0, numbers.length);
        return target.get(SHORT, 2 * 39) & 0xffff;
    }

    @ParameterizedTest
    @MethodSource("forms")
    void halvesRoundToTheNearestWithTiesToEven(DenseKernels kernels) {
        assertThat(f16(kernels, 0f)).isZero();
        assertThat(f16(kernels, -0f)).isEqualTo(0x8000);
        assertThat(f16(kernels, 1f)).isEqualTo(0x3c00);
        assertThat(f16(kernels, 1f + 0x1p-11f)).as("tie down to even").isEqualTo(0x3c00);
        assertThat(f16(kernels, Math.nextUp(1f + 0x1p-11f))).isEqualTo(0x3c01);
        assertThat(f16(kernels, 1f + 3 * 0x1p-11f)).as("tie up to even").isEqualTo(0x3c02);
        assertThat(f16(kernels, Math.nextDown(1f + 3 * 0x1p-11f))).isEqualTo(0x3c01);
        assertThat(f16(kernels, Math.nextDown(2f))).as("into the next exponent").isEqualTo(0x4000);
    }

    @ParameterizedTest
    @MethodSource("forms")
    void halvesOverflowToInfinityFromTheMiddleBeyondTheLargest(DenseKernels kernels) {
        assertThat(f16(kernels, 65504f)).isEqualTo(0x7bff);
        assertThat(f16(kernels, 65519.99f)).isEqualTo(0x7bff);
        assertThat(f16(kernels, Math.nextDown(65520f))).isEqualTo(0x7bff);
        assertThat(f16(kernels, 65520f)).isEqualTo(0x7c00);
        assertThat(f16(kernels, -65520f)).isEqualTo(0xfc00);
        assertThat(f16(kernels, 65536f)).isEqualTo(0x7c00);
        assertThat(f16(kernels, Float.MAX_VALUE)).isEqualTo(0x7c00);
        assertThat(f16(kernels, Float.POSITIVE_INFINITY)).isEqualTo(0x7c00);
        assertThat(f16(kernels, Float.NEGATIVE_INFINITY)).isEqualTo(0xfc00);
    }

    @ParameterizedTest
    @MethodSource("forms")
    void halvesBecomeSubnormalAndThenZero(DenseKernels kernels) {
        assertThat(f16(kernels, 0x1p-14f)).isEqualTo(0x0400);
        assertThat(f16(kernels, Math.nextDown(0x1p-14f))).isEqualTo(0x0400);
        assertThat(f16(kernels, 0x1p-14f - 0x1p-24f)).isEqualTo(0x03ff);
        assertThat(f16(kernels, 0x1p-14f - 0x1p-25f)).as("tie up to the smallest normal").isEqualTo(0x0400);
        assertThat(f16(kernels, 0x1p-24f)).isEqualTo(1);
        assertThat(f16(kernels, 0x1.8p-24f)).as("tie up to even").isEqualTo(2);
        assertThat(f16(kernels, 0x1p-25f)).as("tie down to even").isZero();
        assertThat(f16(kernels, Math.nextUp(0x1p-25f))).isEqualTo(1);
        assertThat(f16(kernels, -0x1p-25f)).isEqualTo(0x8000);
        assertThat(f16(kernels, Float.MIN_VALUE)).isZero();
        assertThat(f16(kernels, -Float.MIN_VALUE)).isEqualTo(0x8000);
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aNanBecomesTheQuietOneInHalfPrecision(DenseKernels kernels) {
        for (int payload : new int[] {1, 0x1000, 0x2000, 0x200000, 0x400000, 0x7fffff}) {
            assertThat(f16(kernels, Float.intBitsToFloat(0x7f800000 | payload))).isEqualTo(0x7e00);
            assertThat(f16(kernels, Float.intBitsToFloat(0xff800000 | payload))).isEqualTo(0xfe00);
        }
    }

    @ParameterizedTest
    @MethodSource("forms")
    void bf16RoundsToTheNearestWithTiesToEven(DenseKernels kernels) {
        assertThat(bf16(kernels, 1f)).isEqualTo(0x3f80);
        assertThat(bf16(kernels, 1f + 0x1p-8f)).as("tie down to even").isEqualTo(0x3f80);
        assertThat(bf16(kernels, Math.nextUp(1f + 0x1p-8f))).isEqualTo(0x3f81);
        assertThat(bf16(kernels, 1f + 3 * 0x1p-8f)).as("tie up to even").isEqualTo(0x3f82);
        assertThat(bf16(kernels, -0f)).isEqualTo(0x8000);
        assertThat(bf16(kernels, Float.MIN_VALUE)).isZero();
        assertThat(bf16(kernels, Float.intBitsToFloat(0x8000))).as("subnormal tie").isZero();
        assertThat(bf16(kernels, Float.intBitsToFloat(0x8001))).isEqualTo(1);
        assertThat(bf16(kernels, Float.MAX_VALUE)).isEqualTo(0x7f80);
        assertThat(bf16(kernels, Float.intBitsToFloat(0x7f7f7fff))).isEqualTo(0x7f7f);
        assertThat(bf16(kernels, Float.intBitsToFloat(0x7f7f8000))).isEqualTo(0x7f80);
        assertThat(bf16(kernels, Float.NEGATIVE_INFINITY)).isEqualTo(0xff80);
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aNanInBf16KeepsItsUpperBitsAndBecomesQuiet(DenseKernels kernels) {
        for (int bits : new int[] {0x7f800001, 0x7f80ffff, 0x7f810000, 0x7fffffff, 0xff800001, 0xffffffff, 0x7fc00000, 0xffbf1234}) {
            assertThat(bf16(kernels, Float.intBitsToFloat(bits))).as(Integer.toHexString(bits)).isEqualTo(bits >>> 16 | 64);
        }
    }

    @Test
    void bothFormsEncodeToTheSameBits() {
        Random random = new Random(2);
        float[] numbers = new float[1 << 20];
        for (int i = 0; i < numbers.length; i++) {
            // A third each: any bits, the range of halves, and what lies between two neighbouring halves.
            numbers[i] = switch (i % 3) {
                case 0 -> Float.intBitsToFloat(random.nextInt());
                case 1 -> Float.intBitsToFloat(random.nextInt(0x32000000, 0x48000000) | random.nextInt(2) << 31);
                default -> Float.intBitsToFloat((random.nextInt() & 0xffffe000) + random.nextInt(0xfff, 0x1002));
            };
        }
        MemorySegment scalar = MemorySegment.ofArray(new byte[2 << 20]);
        MemorySegment vector = MemorySegment.ofArray(new byte[2 << 20]);
        SCALAR.encodeF16(numbers, 0, scalar, 0, numbers.length);
        VECTOR.encodeF16(numbers, 0, vector, 0, numbers.length);
        assertThat(scalar.mismatch(vector)).isEqualTo(-1);
        SCALAR.encodeBf16(numbers, 0, scalar, 0, numbers.length);
        VECTOR.encodeBf16(numbers, 0, vector, 0, numbers.length);
        assertThat(scalar.mismatch(vector)).isEqualTo(-1);
    }

    @Test
    void bothFormsAgreeAtEveryOffsetAndLengthAndTouchNothingElse() {
        Random random = new Random(3);
        byte[] bytes = new byte[4 * 80 + 8];
        random.nextBytes(bytes);
        float[] numbers = new float[90];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextGaussian() * 100;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocate(bytes.length).copyFrom(MemorySegment.ofArray(bytes));
            for (int count = 0; count <= 70; count++) {
                for (int offset = 0; offset < 4; offset++) {
                    float[][] decoded = new float[6][80];
                    byte[][] encoded = new byte[6][bytes.length];
                    for (int form = 0; form < 2; form++) {
                        DenseKernels kernels = forms().get(form);
                        kernels.decodeF32(source, offset, decoded[form], offset, count);
                        kernels.decodeF16(source, offset, decoded[2 + form], offset, count);
                        kernels.decodeBf16(source, offset, decoded[4 + form], offset, count);
                        kernels.encodeF32(numbers, offset, MemorySegment.ofArray(encoded[form]), offset, count);
                        kernels.encodeF16(numbers, offset, MemorySegment.ofArray(encoded[2 + form]), offset, count);
                        kernels.encodeBf16(numbers, offset, MemorySegment.ofArray(encoded[4 + form]), offset, count);
                    }
                    for (int pair = 0; pair < 6; pair += 2) {
                        assertSameBits(decoded[pair], decoded[pair + 1]);
                        assertThat(encoded[pair + 1]).isEqualTo(encoded[pair]);
                        int width = pair == 0 ? 4 : 2;
                        for (int i = 0; i < 80; i++) {
                            if (i < offset || i >= offset + count) {
                                assertThat(decoded[pair][i]).isZero();
                            }
                        }
                        for (int i = 0; i < bytes.length; i++) {
                            if (i < offset || i >= offset + count * width) {
                                assertThat(encoded[pair][i]).isZero();
                            }
                        }
                    }
                    for (int i = 0; i < count; i++) {
                        assertThat(Float.floatToRawIntBits(decoded[0][offset + i])).isEqualTo(source.get(INT, offset + 4L * i));
                    }
                }
            }
        }
    }
}
