package io.github.weighbridge.encoding;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class KernelChoiceTest {
    private final List<String> done = new ArrayList<>();
    private final AtomicInteger made = new AtomicInteger();

    private KernelChoice<String> choice(long warmUp, int introduction) {
        return new KernelChoice<>("plain", () -> "best" + made.incrementAndGet(), warmUp, introduction);
    }

    private List<String> run(KernelChoice<String> choice, int units, int numbers) {
        done.clear();
        choice.run(units, numbers, (kernel, from, count) -> done.add(kernel + " " + from + "+" + count));
        return done;
    }

    @Test
    void beginsPlainThenShowsSmallPiecesToTheBestForm() {
        KernelChoice<String> choice = choice(4096, 3);
        assertThat(run(choice, 128, 32)).containsExactly("plain 0+128");
        assertThat(made).as("the best form is made when it is needed").hasValue(0);
        assertThat(run(choice, 80, 32)).containsExactly("best1 0+32", "best1 32+32", "plain 64+16");
        assertThat(run(choice, 10, 32)).as("less than a small piece").containsExactly("plain 0+10");
        assertThat(run(choice, 80, 32)).containsExactly("best1 0+32", "best1 32+48");
        assertThat(run(choice, 80, 32)).containsExactly("best1 0+80");
        assertThat(choice.forCount(1)).isEqualTo("best1");
    }

    @Test
    void aUnitMayBeLargerThanASmallPiece() {
        assertThat(run(choice(0, 2), 3, 5000)).containsExactly("best1 0+1", "best1 1+1", "best1 2+1");
    }

    @Test
    void withoutIntroductionTheBestFormTakesOverAsAWhole() {
        KernelChoice<String> choice = choice(100, 0);
        assertThat(choice.forCount(99)).isEqualTo("plain");
        assertThat(run(choice, 1, 1)).containsExactly("plain 0+1");
        assertThat(run(choice, 7, 1)).containsExactly("best1 0+7");
    }

    @Test
    void oneFormAloneIsNeverCut() {
        KernelChoice<String> choice = new KernelChoice<>("plain", () -> "plain", 0, 5);
        assertThat(run(choice, 1 << 20, 32)).containsExactly("plain 0+" + (1 << 20));
    }
}
