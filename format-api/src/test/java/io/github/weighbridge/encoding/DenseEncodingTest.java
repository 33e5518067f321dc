package io.github.weighbridge.encoding;

import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class DenseEncodingTest {
    private static float[] decode(DenseType type, byte... bytes) {
        int count = bytes.length / type.bytes();
        float[] numbers = new float[count];
        Shape shape = Shape.of(count);
        DenseEncoding.of(type).decoder().orElseThrow().decode(shape, Region.all(shape), new MemorySegment[] {MemorySegment.ofArray(bytes)},
                numbers, 0);
        return numbers;
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    @ParameterizedTest
    @EnumSource
    void eachTypeIsAnEncodingOfBlocksOfOne(DenseType type) {
        DenseEncoding encoding = DenseEncoding.of(type);
        Shape shape = Shape.of(3, 5);
        assertThat(encoding.name()).isEqualTo(type.name());
        assertThat(encoding).hasToString(type.name());
        assertThat(encoding.type()).isEqualTo(type);
        assertThat(encoding.dense()).contains(type);
        assertThat(encoding.codeBits()).isEqualTo(8 * type.bytes());
        assertThat(encoding.planes()).containsExactly(Plane.SINGLE);
        assertThat(encoding.misfit(shape)).isEmpty();
        assertThat(encoding.bytes(shape)).isEqualTo(15L * type.bytes());
        assertThat(encoding.columnUnit(shape)).isEqualTo(1);
        assertThat(encoding.rowUnit(shape)).isEqualTo(1);
        assertThat(encoding.planeRange(0, shape, Region.rows(shape, 1, 3)))
                .isEqualTo(new ByteRange(5L * type.bytes(), 10L * type.bytes()));
        assertThat(encoding.planeRange(0, shape, new Region(2, 3, 1, 4))).isEqualTo(new ByteRange(11L * type.bytes(), 3L * type.bytes()));
        assertThat(encoding.grid(shape)).isEmpty();
        assertThat(encoding.codeReader()).isEmpty();
        assertThat(encoding.codeWriter()).isEmpty();
        assertThat(encoding.encoder(EncoderInputs.PLAIN).isPresent())
                .isEqualTo(type == DenseType.F32 || type == DenseType.F16 || type == DenseType.BF16);
    }

    private static byte[] halves(float... numbers) {
        byte[] bytes = new byte[2 * numbers.length];
        Shape shape = Shape.of(numbers.length);
        DenseEncoding.F16.encoder(EncoderInputs.PLAIN).orElseThrow().encode(shape, Region.all(shape), numbers, 0,
                new MemorySegment[] {MemorySegment.ofArray(bytes)});
        return bytes;
    }

    @Test
    void finiteNumbersStayFiniteInHalves() {
        float[] sound = {0, 1.1f, Math.nextDown(65_520f), -65_504, 1e-9f, -3e-5f, Float.NEGATIVE_INFINITY};
        assertThat(decode(DenseType.F16, halves(sound))).containsExactly(0, Float.float16ToFloat(Float.floatToFloat16(1.1f)), 65_504,
                -65_504,
                0, Float.float16ToFloat(Float.floatToFloat16(-3e-5f)), Float.NEGATIVE_INFINITY);
        assertThat(decode(DenseType.F16, halves(Float.NaN))).containsExactly(Float.NaN);
        for (float bad : new float[] {65_520, -65_520, -1e30f, Float.MAX_VALUE}) {
            for (int i = 0; i < sound.length; i++) {
                float[] numbers = sound.clone();
                numbers[i] = bad;
                assertThatThrownBy(() -> halves(numbers)).isInstanceOf(ArithmeticException.class)
                        .hasMessageContaining("a number of " + bad + " passes 65504");
            }
        }
    }

    @Test
    void anE4m3IsReadByItsDefinition() {
        for (int bits = 0; bits < 256; bits++) {
            int exponent = bits >> 3 & 15;
            int mantissa = bits & 7;
            double expected = (bits & 127) == 127 ? Double.NaN
                    : (bits < 128 ? 1 : -1) * (exponent == 0 ? mantissa / 512.0 : (8 + mantissa) * Math.pow(2, exponent - 10));
            assertThat((double) decode(DenseType.F8_E4M3, (byte) bits)[0]).as("%02x", bits).isEqualTo(Double.valueOf(expected));
        }
        assertThat(decode(DenseType.F8_E4M3, (byte) 0x7e)).containsExactly(448);
        assertThat(decode(DenseType.F8_E4M3, (byte) 1)).containsExactly(0x1p-9f);
    }

    @Test
    void anE5m2IsReadByItsDefinition() {
        for (int bits = 0; bits < 256; bits++) {
            int exponent = bits >> 2 & 31;
            int mantissa = bits & 3;
            double magnitude = exponent == 31 ? mantissa == 0 ? Double.POSITIVE_INFINITY : Double.NaN
                    : exponent == 0 ? mantissa * 0x1p-16 : (4 + mantissa) * Math.pow(2, exponent - 17);
            assertThat((double) decode(DenseType.F8_E5M2, (byte) bits)[0]).as("%02x", bits)
                    .isEqualTo(Double.valueOf(bits < 128 ? magnitude : -magnitude));
        }
        assertThat(decode(DenseType.F8_E5M2, (byte) 0x7b)).containsExactly(57344);
    }

    @Test
    void anE8m0IsAPowerOfTwo() {
        for (int bits = 0; bits < 255; bits++) {
            assertThat((double) decode(DenseType.F8_E8M0, (byte) bits)[0]).isEqualTo(Math.pow(2, bits - 127));
        }
        assertThat(decode(DenseType.F8_E8M0, (byte) 255)).containsExactly(Float.NaN);
    }

    @Test
    void integersAreReadByTheirWidthAndSign() {
        assertThat(decode(DenseType.I8, (byte) -128, (byte) 127, (byte) -1)).containsExactly(-128, 127, -1);
        assertThat(decode(DenseType.U8, (byte) -128, (byte) 127, (byte) -1)).containsExactly(128, 127, 255);
        assertThat(decode(DenseType.BOOL, (byte) 0, (byte) 1, (byte) 2)).containsExactly(0, 1, 1);
        byte[] shorts = buffer(4).putShort((short) -32768).putShort((short) -1).array();
        assertThat(decode(DenseType.I16, shorts)).containsExactly(-32768, -1);
        assertThat(decode(DenseType.U16, shorts)).containsExactly(32768, 65535);
        byte[] ints = buffer(8).putInt(Integer.MIN_VALUE).putInt(16_777_217).array();
        assertThat(decode(DenseType.I32, ints)).containsExactly(-0x1p31f, 16_777_216);
        assertThat(decode(DenseType.U32, ints)).containsExactly(0x1p31f, 16_777_216);
        byte[] longs = buffer(8).putLong(Long.MIN_VALUE).array();
        assertThat(decode(DenseType.I64, longs)).containsExactly(-0x1p63f);
        assertThat(decode(DenseType.U64, longs)).containsExactly(0x1p63f);
    }

    @Test
    void wideIntegersRoundToTheNearestFloat() {
        Random random = new Random(6);
        for (int i = 0; i < 20_000; i++) {
            // Close to the middle between two floats, where a second rounding would show.
            long bits = random.nextLong() & -1L << random.nextInt(42) | random.nextInt(3);
            byte[] bytes = buffer(8).putLong(bits).array();
            assertThat(decode(DenseType.U64, bytes)[0]).as(Long.toUnsignedString(bits))
                    .isEqualTo(new BigInteger(Long.toUnsignedString(bits)).floatValue());
            assertThat(decode(DenseType.I64, bytes)[0]).isEqualTo(BigInteger.valueOf(bits).floatValue());
        }
        byte[] middle = buffer(8).putLong(0x8000008000000001L).array();
        assertThat(decode(DenseType.U64, middle)[0]).isEqualTo(Math.nextUp(0x1p63f));
    }

    @Test
    void doublePrecisionIsRounded() {
        assertThat(decode(DenseType.F64, buffer(24).putDouble(Math.PI).putDouble(1e300).putDouble(-0.0).array()))
                .containsExactly((float) Math.PI, Float.POSITIVE_INFINITY, -0f);
    }

    @Test
    void numbersGoThroughSinglePrecisionUnchangedBitForBit() {
        byte[] bytes = new byte[4000];
        new Random(8).nextBytes(bytes);
        Shape shape = Shape.of(10, 100);
        float[] numbers = new float[1000];
        DenseEncoding.F32.decoder().orElseThrow().decode(shape, Region.all(shape), new MemorySegment[] {MemorySegment.ofArray(bytes)},
                numbers, 0);
        byte[] back = new byte[4000];
        DenseEncoding.F32.encoder(EncoderInputs.PLAIN).orElseThrow().encode(shape, Region.all(shape), numbers, 0,
                new MemorySegment[] {MemorySegment.ofArray(back)});
        assertThat(back).isEqualTo(bytes);
    }

    @Test
    void theBytesOfAHugeTensorAreCountedOrRefused() {
        assertThat(DenseEncoding.of(DenseType.F64).bytes(Shape.of(1L << 59))).isEqualTo(1L << 62);
        assertThatThrownBy(() -> DenseEncoding.of(DenseType.F64).bytes(Shape.of(1L << 60))).isInstanceOf(ArithmeticException.class);
    }

    /// Numbers that each type can hold, by its own definition.
    private static double[] samples(DenseType type) {
        return switch (type) {
            case F64 -> new double[] {0.1, 1e300};
            case F32 -> new double[] {0.1f, 1e38f, 1 + 0x1p-23, 0x1p-149};
            case F16 -> new double[] {65504, 0x1p-24, 1 + 0x1p-10};
            case BF16 -> new double[] {0x1p127, 1 + 0x1p-7, 0x1p-133};
            case F8_E4M3 -> new double[] {448, 0x1p-9, 1.125};
            case F8_E5M2 -> new double[] {57344, 0x1p-16, 1.25};
            case F8_E8M0 -> new double[] {0x1p127, 0x1p-127};
            case I64 -> new double[] {-0x1p63, 0x1p53 + 2};
            case I32 -> new double[] {-0x1p31, 0x1p31 - 1};
            case I16 -> new double[] {-32768, 32767};
            case I8 -> new double[] {-128, 127};
            case U64 -> new double[] {0x1p63, 0};
            case U32 -> new double[] {0x1p32 - 1, 0};
            case U16 -> new double[] {65535, 0};
            case U8 -> new double[] {255, 0};
            case BOOL -> new double[] {0, 1};
        };
    }

    private static boolean holds(DenseType type, double number) {
        return switch (type) {
            case F64 -> true;
            case F32 -> (float) number == number;
            case F16 -> (float) number == number && Float.float16ToFloat(Float.floatToFloat16((float) number)) == number;
            case BF16 -> (float) number == number && SmallFloats.fromBf16(SmallFloats.toBf16((float) number)) == number;
            case F8_E4M3, F8_E5M2, F8_E8M0 -> {
                boolean found = false;
                for (int bits = 0; bits < 256; bits++) {
                    found |= decode(type, (byte) bits)[0] == number;
                }
                yield found;
            }
            case I64 -> number == Math.rint(number) && number >= -0x1p63 && number < 0x1p63;
            case I32 -> (int) number == number;
            case I16 -> (short) number == number;
            case I8 -> (byte) number == number;
            case U64 -> number == Math.rint(number) && number >= 0 && number < 0x1p64;
            case U32 -> number == Math.rint(number) && number >= 0 && number < 0x1p32;
            case U16 -> (char) number == number;
            case U8 -> ((int) number & 255) == number;
            case BOOL -> number == 0 || number == 1;
        };
    }

    @ParameterizedTest
    @EnumSource
    void aTypeIsExactInAnotherOnlyWhenItHoldsItsExtremes(DenseType type) {
        for (DenseType other : DenseType.values()) {
            if (type.exactIn(other)) {
                for (double number : samples(type)) {
                    assertThat(holds(other, number)).as("%s of %s in %s", number, type, other).isTrue();
                }
            }
        }
        assertThat(type.exactIn(type)).isTrue();
        assertThat(type.exactIn(DenseType.F32)).isEqualTo(type.exactInFloat());
        assertThat(type.exactIn(DenseType.F64)).isEqualTo(type != DenseType.I64 && type != DenseType.U64);
    }

    @Test
    void theUsualWidthsHoldOneAnotherAsTheyShould() {
        assertThat(DenseType.BF16.exactIn(DenseType.F16)).isFalse();
        assertThat(DenseType.F16.exactIn(DenseType.BF16)).isFalse();
        assertThat(DenseType.BF16.exactIn(DenseType.F32)).isTrue();
        assertThat(DenseType.F32.exactIn(DenseType.BF16)).isFalse();
        assertThat(DenseType.I8.exactIn(DenseType.BF16)).isTrue();
        assertThat(DenseType.I16.exactIn(DenseType.F16)).isFalse();
        assertThat(DenseType.U8.exactIn(DenseType.I8)).isFalse();
        assertThat(DenseType.I8.exactIn(DenseType.U8)).isFalse();
        assertThat(DenseType.F8_E8M0.exactIn(DenseType.F16)).isFalse();
        assertThat(DenseType.F8_E8M0.exactIn(DenseType.BF16)).isTrue();
    }
}
