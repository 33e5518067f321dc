package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.encoding.Shape;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class SafetensorsTypeTest {
    @Test
    void typesStandInTheOrderOfTheReference() {
        assertThat(Arrays.stream(SafetensorsType.values()).map(type -> type + " " + type.bits())).containsExactly("BOOL 8", "F4 4",
                "F6_E2M3 6",
                "F6_E3M2 6", "U8 8", "I8 8", "F8_E5M2 8", "F8_E4M3 8", "F8_E8M0 8", "F8_E4M3FNUZ 8", "F8_E5M2FNUZ 8", "I16 16", "U16 16",
                "F16 16",
                "BF16 16", "I32 32", "U32 32", "F32 32", "C64 64", "F64 64", "I64 64", "U64 64");
    }

    @Test
    void namesAreMatchedExactly() {
        for (SafetensorsType type : SafetensorsType.values()) {
            assertThat(SafetensorsType.named(type.name())).contains(type);
        }
        assertThat(SafetensorsType.named("bf16")).isEmpty();
        assertThat(SafetensorsType.named("")).isEmpty();
    }

    @Test
    void bytesAreCountedExactlyOrNotAtAll() {
        assertThat(SafetensorsType.F4.bytes(Shape.of(3, 2))).isEqualTo(3);
        assertThat(SafetensorsType.F6_E3M2.bytes(Shape.of(4))).isEqualTo(3);
        assertThat(SafetensorsType.I64.bytes(Shape.SCALAR)).isEqualTo(8);
        assertThat(SafetensorsType.U64.bytes(Shape.of(0, 1L << 40))).isZero();
        assertThatThrownBy(() -> SafetensorsType.F4.bytes(Shape.of(3)))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("F4 [3] takes 12 bits, which is no whole number of bytes");
        assertThatThrownBy(() -> SafetensorsType.U8.bytes(Shape.of(1L << 60))).isInstanceOf(ArithmeticException.class);
    }
}
