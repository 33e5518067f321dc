package io.github.weighbridge.io;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class LimitsTest {
    @Test
    void theDefaultsAreTheOnesTheDocumentationGives() {
        assertThat(Limits.DEFAULT)
                .isEqualTo(new Limits(100_000_000, 400_000, 100_000, 65_535, 16 << 20, 48 << 20, 512L << 20, 64, 16));
    }

    @Test
    void everyLimitMustBePositive() {
        assertThatCode(() -> limits(-1)).doesNotThrowAnyException();
        for (int component = 0; component < 9; component++) {
            int zero = component;
            assertThatThrownBy(() -> limits(zero)).as("component %s", component).isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("limits must be positive");
        }
    }

    private static Limits limits(int zero) {
        int[] n = new int[9];
        for (int i = 0; i < n.length; i++) {
            n[i] = i == zero ? 0 : 1;
        }
        return new Limits(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]);
    }
}
