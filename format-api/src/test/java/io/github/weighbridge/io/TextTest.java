package io.github.weighbridge.io;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class TextTest {
    @Test
    void ordinaryTextStaysAsItIs() {
        assertThat(Text.printable("blk.0.attn_q.weight")).isEqualTo("blk.0.attn_q.weight");
        assertThat(Text.printable("größe 重み \u2581token 😀")).isEqualTo("größe 重み \u2581token 😀");
        assertThat(Text.printable("")).isEmpty();
    }

    @Test
    void everyControlCharacterIsWrittenAsAnEscape() {
        for (char c = 0; c < 0xa0; c++) {
            if (c < 0x20 || c >= 0x7f) {
                assertThat(Text.printable("a" + c + "b")).isEqualTo(String.format("a\\u%04xb", (int) c));
            } else {
                assertThat(Text.printable("a" + c + "b")).isEqualTo("a" + c + "b");
            }
        }
    }

    @Test
    void lineSeparatorsAndDirectionMarksAreWrittenAsEscapes() {
        assertThat(Text.printable("\u2028\u2029")).isEqualTo("\\u2028\\u2029");
        assertThat(Text.printable("\u202e\u2066\ufeff\u200b")).isEqualTo("\\u202e\\u2066\\ufeff\\u200b");
        assertThat(Text.printable("\ue000")).isEqualTo("\\ue000");
    }

    @Test
    void unpairedSurrogatesAreWrittenAsEscapes() {
        assertThat(Text.printable("a\ud83d")).isEqualTo("a\\ud83d");
        assertThat(Text.printable("\ude00b")).isEqualTo("\\ude00b");
        assertThat(Text.printable("\ude00\ud83d")).isEqualTo("\\ude00\\ud83d");
        assertThat(Text.printable("\ud83d\ud83d\ude00")).isEqualTo("\\ud83d😀");
    }

    @Test
    void charactersBeyondTheFirstPlaneThatAreNotPrintableAreWrittenAsTwoEscapes() {
        assertThat(Text.printable(new String(Character.toChars(0xe0001)))).isEqualTo("\\udb40\\udc01");
    }

    @Test
    void textOfTheLongestLengthIsWhole() {
        String longest = "x".repeat(Text.MAX_QUOTED);
        assertThat(Text.printable(longest)).isEqualTo(longest);
    }

    @Test
    void longerTextIsCutInTheMiddleAndKeepsBothEnds() {
        String text = "begin" + "x".repeat(1000) + "end";
        assertThat(Text.printable(text)).hasSize(Text.MAX_QUOTED + 3).startsWith("beginxxx").endsWith("xxxend").contains("x...x");
    }

    @Test
    void aCutThroughASurrogatePairLeavesNoHalf() {
        for (int shift = 0; shift < 2; shift++) {
            String shown = Text.printable("x".repeat(shift) + "😀".repeat(1000));
            assertThat(shown.chars().filter(c -> Character.isSurrogate((char) c)).count() % 2).isZero();
            assertThat(shown.codePoints().noneMatch(c -> c >= 0xd800 && c <= 0xdfff)).isTrue();
        }
    }
}
