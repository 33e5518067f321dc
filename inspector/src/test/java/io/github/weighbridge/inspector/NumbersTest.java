package io.github.weighbridge.inspector;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class NumbersTest {
    @Test
    void sizesHaveTheLargestUnitOfWhichThereIsOne() {
        assertThat(Numbers.size(0)).isEqualTo("0 B");
        assertThat(Numbers.size(1023)).isEqualTo("1023 B");
        assertThat(Numbers.size(1024)).isEqualTo("1.00 KiB");
        assertThat(Numbers.size(3_349_516_256L)).isEqualTo("3.12 GiB");
        assertThat(Numbers.size(Long.MAX_VALUE)).isEqualTo("8.00 EiB");
    }

    @Test
    void numbersAreTheSameInEveryCountry() {
        java.util.Locale before = java.util.Locale.getDefault();
        try {
            java.util.Locale.setDefault(java.util.Locale.GERMANY);
            assertThat(Numbers.grouped(1_234_567)).isEqualTo("1,234,567");
            assertThat(Numbers.bits(4.5)).isEqualTo("4.500");
            assertThat(Numbers.share(1, 8)).isEqualTo("12.5%");
            assertThat(Numbers.share(1, 0)).isEmpty();
        } finally {
            java.util.Locale.setDefault(before);
        }
    }

    @Test
    void tokensAreDigitsWithAnEnding() {
        assertThat(Numbers.tokens("4096")).contains(4096L);
        assertThat(Numbers.tokens("4k")).contains(4096L);
        assertThat(Numbers.tokens("128K")).contains(131_072L);
        assertThat(Numbers.tokens(" 1m ")).contains(1_048_576L);
        for (String wrong : new String[] {"", "k", "0", "-1", "4.5k", "4g", "4kk", "99999999999", "9999999m", "٤"}) {
            assertThat(Numbers.tokens(wrong)).as(wrong).isEmpty();
        }
    }

    @Test
    void durationsGrow() {
        assertThat(Numbers.duration(0.04)).isEqualTo("0.0 s");
        assertThat(Numbers.duration(59.94)).isEqualTo("59.9 s");
        assertThat(Numbers.duration(61)).isEqualTo("1:01 min");
        assertThat(Numbers.duration(3661)).isEqualTo("1:01:01 h");
    }
}
