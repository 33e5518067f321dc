package io.github.weighbridge.gguf.file;

import io.github.weighbridge.encoding.Shape;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class GgmlTypeTest {
    /// id, name, elements and bytes of a block: copied from ggml.h and ggml-common.h by hand, apart from the enum.
    private static final List<String> TABLE = Stream.of("0 F32 1 4", "1 F16 1 2", "2 Q4_0 32 18", "3 Q4_1 32 20", "6 Q5_0 32 22",
            "7 Q5_1 32 24",
            "8 Q8_0 32 34", "9 Q8_1 32 36", "10 Q2_K 256 84", "11 Q3_K 256 110", "12 Q4_K 256 144", "13 Q5_K 256 176", "14 Q6_K 256 210",
            "15 Q8_K 256 292", "16 IQ2_XXS 256 66", "17 IQ2_XS 256 74", "18 IQ3_XXS 256 98", "19 IQ1_S 256 50", "20 IQ4_NL 32 18",
            "21 IQ3_S 256 110", "22 IQ2_S 256 82", "23 IQ4_XS 256 136", "24 I8 1 1", "25 I16 1 2", "26 I32 1 4", "27 I64 1 8", "28 F64 1 8",
            "29 IQ1_M 256 56", "30 BF16 1 2", "34 TQ1_0 256 54", "35 TQ2_0 256 66", "39 MXFP4 32 17", "40 NVFP4 64 36", "41 Q1_0 128 18",
            "42 Q2_0 64 18").toList();

    @Test
    void holdsTheTableOfGgml() {
        assertThat(Stream.of(GgmlType.values()).map(t -> t.id() + " " + t.name() + " " + t.blockElements() + " " + t.blockBytes()))
                .containsExactlyElementsOf(TABLE);
    }

    @Test
    void everyIdIsInUseOrRemoved() {
        for (int id = 0; id < GgmlType.ID_COUNT; id++) {
            assertThat(GgmlType.ofId(id).isPresent()).as("id %d", id).isNotEqualTo(GgmlType.removedName(id).isPresent());
        }
        for (int id : new int[] {-1, GgmlType.ID_COUNT, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            assertThat(GgmlType.ofId(id)).isEmpty();
            assertThat(GgmlType.removedName(id)).isEmpty();
        }
    }

    @Test
    void isFoundByIdAndByNameInAnyCase() {
        for (GgmlType type : GgmlType.values()) {
            assertThat(GgmlType.ofId(type.id())).contains(type);
            assertThat(GgmlType.ofName(type.name())).contains(type);
            assertThat(GgmlType.ofName(type.toolName())).contains(type);
        }
        assertThat(GgmlType.ofName("q4_k")).contains(GgmlType.Q4_K);
        assertThat(GgmlType.ofName("Q4_K_M")).isEmpty();
        assertThat(GgmlType.ofName("q4_0_4_4")).isEmpty();
        assertThat(GgmlType.removedId("q4_0_4_4")).hasValue(31);
        assertThat(GgmlType.removedId("q4_0")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"Q4_0,q4_0", "Q4_K,q4_K", "BF16,bf16", "TQ2_0,tq2_0", "IQ2_XXS,iq2_xxs", "MXFP4,mxfp4", "Q8_K,q8_K"})
    void toolsSpellItOtherwise(GgmlType type, String toolName) {
        assertThat(type.toolName()).isEqualTo(toolName);
    }

    @Test
    void onlyActivationTypesAreForRuntimeOnly() {
        assertThat(Stream.of(GgmlType.values()).filter(GgmlType::runtimeOnly)).containsExactly(GgmlType.Q8_1, GgmlType.Q8_K);
    }

    @Test
    void reckonsBytes() {
        assertThat(GgmlType.Q4_0.rowBytes(64)).isEqualTo(36);
        assertThat(GgmlType.Q4_0.byteLength(Shape.of(3, 64))).isEqualTo(108);
        assertThat(GgmlType.Q4_0.byteLength(Shape.of(0, 64))).isZero();
        assertThat(GgmlType.F32.byteLength(Shape.SCALAR)).isEqualTo(4);
        assertThat(GgmlType.Q4_0.bitsPerElement()).isEqualTo(4.5);
        assertThat(GgmlType.Q6_K.byteLength(Shape.of(262_144, 2560))).isEqualTo(262_144L * 10 * 210);
        assertThatThrownBy(() -> GgmlType.Q4_0.byteLength(Shape.of(2, 33))).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a row of 33 is no multiple of 32, the block of Q4_0");
        assertThatThrownBy(() -> GgmlType.F64.byteLength(Shape.of(1L << 62))).isInstanceOf(ArithmeticException.class);
    }
}
