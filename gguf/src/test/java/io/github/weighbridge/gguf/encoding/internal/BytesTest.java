package io.github.weighbridge.gguf.encoding.internal;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class BytesTest {
    @Test
    void halvesAreRoundedAsThePlatformDoes() {
        byte[] bytes = new byte[2];
        for (long bits = Integer.MIN_VALUE; bits <= Integer.MAX_VALUE; bits += 997) {
            float value = Float.intBitsToFloat((int) bits);
            if (!Float.isNaN(value)) {
                Bytes.putHalf(bytes, 0, value);
                if ((short) Bytes.u16(bytes, 0) != Float.floatToFloat16(value)) {
                    assertThat((short) Bytes.u16(bytes, 0)).as("%a", value).isEqualTo(Float.floatToFloat16(value));
                }
            }
        }
    }

    @Test
    void everyHalfAndTheMiddlesBesideItAreRounded() {
        byte[] bytes = new byte[2];
        for (int half = 0; half < 0x7c00; half++) {
            float value = Float.float16ToFloat((short) half);
            float next = half == 0x7bff ? 65536 : Float.float16ToFloat((short) (half + 1));
            float middle = (value + next) / 2;
            for (float each : new float[] {value, -value, middle, -middle, Math.nextUp(middle), Math.nextDown(middle)}) {
                Bytes.putHalf(bytes, 0, each);
                assertThat((short) Bytes.u16(bytes, 0)).as("%a", each).isEqualTo(Float.floatToFloat16(each));
            }
        }
    }
}
