package io.github.weighbridge.encoding.internal;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/// The vectorised form against the plain one, bit for bit.
class CodeKernelsTest {
    private static final int[] COUNTS = {0, 1, 2, 3, 5, 31, 32, 33, 63, 64, 65, 127, 200, 1000};

    private final CodeKernels plain = new ScalarCodeKernels();
    private final CodeKernels vector = new VectorCodeKernels();

    @ParameterizedTest
    @CsvSource({"2,0,2", "2,2,2", "4,0,8", "4,8,8", "4,0,0", "8,0,128", "8,128,128", "8,0,0"})
    void codesUnpackAndPackAlike(int bits, int flip, int shift) {
        Random random = new Random(bits * 31 + flip);
        for (int count : COUNTS) {
            int bytes = (count * bits + 7) / 8;
            byte[] packed = new byte[bytes + 3];
            random.nextBytes(packed);
            byte[] a = new byte[count + 5];
            byte[] b = new byte[count + 5];
            plain.unpack(MemorySegment.ofArray(packed), 3, bits, flip, shift, a, 2, count);
            vector.unpack(MemorySegment.ofArray(packed), 3, bits, flip, shift, b, 2, count);
            assertThat(b).as("%d codes", count).isEqualTo(a);
            for (int i = 0; i < count; i++) {
                int code = (packed[3 + i * bits / 8] & 0xff) >>> i * bits % 8 & (1 << bits) - 1;
                assertThat(a[2 + i]).isEqualTo((byte) ((code ^ flip) - shift));
            }
            byte[] c = new byte[bytes + 3];
            byte[] d = new byte[bytes + 3];
            plain.pack(a, 2, count, bits, flip, shift, MemorySegment.ofArray(c), 3);
            vector.pack(a, 2, count, bits, flip, shift, MemorySegment.ofArray(d), 3);
            assertThat(d).as("%d codes", count).isEqualTo(c);
            if (count * bits % 8 == 0) {
                assertThat(Arrays.copyOfRange(c, 3, c.length)).isEqualTo(Arrays.copyOfRange(packed, 3, packed.length));
            }
        }
    }

    @Test
    void numbersAndLevelsAreAlike() {
        Random random = new Random(5);
        for (int count : COUNTS) {
            byte[] levels = new byte[count + 3];
            random.nextBytes(levels);
            float scale = (float) random.nextGaussian();
            for (boolean unsigned : new boolean[] {false, true}) {
                float[] a = new float[count + 2];
                float[] b = new float[count + 2];
                plain.multiply(levels, 3, count, unsigned, scale, a, 1);
                vector.multiply(levels, 3, count, unsigned, scale, b, 1);
                assertThat(b).isEqualTo(a);
                plain.multiplyShifted(levels, 3, count, unsigned, scale, -5, a, 1);
                vector.multiplyShifted(levels, 3, count, unsigned, scale, -5, b, 1);
                assertThat(b).isEqualTo(a);
            }
            float[] numbers = new float[count + 4];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = switch (random.nextInt(8)) {
                    case 0 -> 0;
                    case 1 -> (random.nextInt(31) - 15) / 2f;
                    case 2 -> Float.MAX_VALUE;
                    case 3 -> -Float.MIN_VALUE;
                    default -> (float) random.nextGaussian() * 6;
                };
            }
            for (float zero : new float[] {0, 3}) {
                byte[] a = new byte[count + 1];
                byte[] b = new byte[count + 1];
                plain.quantize(numbers, 4, count, 0.5f, zero, -8, 7, a, 1);
                vector.quantize(numbers, 4, count, 0.5f, zero, -8, 7, b, 1);
                assertThat(b).isEqualTo(a);
            }
            assertThat(vector.largest(numbers, 4, count)).isEqualTo(plain.largest(numbers, 4, count));
            if (count > 0) {
                numbers[4 + random.nextInt(count)] = Float.NaN;
                assertThat(vector.largest(numbers, 4, count)).isNaN();
                assertThat(plain.largest(numbers, 4, count)).isNaN();
            }
        }
    }
}
