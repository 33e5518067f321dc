package io.github.weighbridge.scan;

import io.github.weighbridge.scan.Sweep.Part;
import io.github.weighbridge.scan.Sweep.Task;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class SweepTest {
    private static final AtomicInteger OPEN = new AtomicInteger();

    private static final class Counted implements Sweep.Context {
        Counted() {
            OPEN.incrementAndGet();
        }

        @Override
        public void close() {
            OPEN.decrementAndGet();
        }
    }

    private static Task<Counted, String> task(String name, int parts) {
        List<Part<Counted, String>> list = new ArrayList<>();
        for (int i = 0; i < parts; i++) {
            String word = name + i;
            list.add(new Part<>(10, _ -> word));
        }
        return new Task<>(list, (before, next) -> before + " " + next);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 16})
    void resultsAreJoinedInOrder(int threads) throws IOException {
        AtomicLong progress = new AtomicLong();
        List<Task<Counted, String>> tasks = List.of(task("-", 0), task("a", 40), task("-", 0), task("-", 0), task("b", 1), task("c", 25),
                task("-", 0));
        List<Optional<String>> results =
                Sweep.run(tasks, Counted::new, new SweepOptions(threads, progress::addAndGet, () -> false));
        assertThat(results).hasSize(7);
        assertThat(results.get(0)).isEmpty();
        assertThat(results.get(1).orElseThrow()).startsWith("a0 a1 a2 ").endsWith(" a38 a39").hasSize(40 * 3 - 1 + 30);
        assertThat(results.get(2)).isEmpty();
        assertThat(results.get(3)).isEmpty();
        assertThat(results.get(4)).contains("b0");
        assertThat(results.get(5).orElseThrow()).endsWith("c23 c24");
        assertThat(results.get(6)).isEmpty();
        assertThat(progress).hasValue(660);
        assertThat(Sweep.bytes(tasks)).isEqualTo(660);
        assertThat(OPEN).hasValue(0);
    }

    @Test
    void nothingIsSwept() throws IOException {
        assertThat(Sweep.run(List.<Task<Counted, String>>of(), Counted::new, SweepOptions.defaults())).isEmpty();
        assertThat(Sweep.run(List.of(task("a", 0)), Counted::new, SweepOptions.defaults())).containsExactly(Optional.empty());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void aFailureEndsAll(int threads) {
        AtomicInteger run = new AtomicInteger();
        List<Part<Counted, String>> parts = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            int number = i;
            parts.add(new Part<>(1, _ -> {
                run.incrementAndGet();
                if (number == 3) {
                    throw new IOException("part 3");
                }
                return "";
            }));
        }
        SweepOptions options = SweepOptions.defaults().withThreads(threads);
        List<Task<Counted, String>> tasks = List.of(new Task<>(parts, String::concat));
        assertThatThrownBy(() -> Sweep.run(tasks, Counted::new, options)).isInstanceOf(IOException.class).hasMessage("part 3");
        assertThat(run.get()).isLessThan(10_000);
        assertThat(OPEN).hasValue(0);
    }

    @Test
    void itCanBeCancelled() {
        SweepOptions options = new SweepOptions(2, _ -> {}, () -> true);
        assertThatThrownBy(() -> Sweep.run(List.of(task("a", 5)), Counted::new, options)).hasMessage("cancelled");
        assertThatThrownBy(() -> SweepOptions.defaults().withThreads(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
