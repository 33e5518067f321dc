package io.github.weighbridge.policy.budget;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

class KnapsackTest {
    private static List<Knapsack.Item> items(Random random, int count, int options, long scale) {
        List<Knapsack.Item> items = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long size = 1 + random.nextLong(scale);
            long[] costs = new long[options];
            double[] errors = new double[options];
            for (int k = 0; k < options; k++) {
                costs[k] = size * (k + 2) + random.nextLong(3);
                errors[k] = Math.pow(4, -k) * (0.5 + random.nextDouble());
            }
            errors[options - 1] = 0;
            items.add(new Knapsack.Item(costs, errors));
        }
        return items;
    }

    private static double best(List<Knapsack.Item> items, int at, long left) {
        if (left < 0) {
            return Double.POSITIVE_INFINITY;
        }
        if (at == items.size()) {
            return 0;
        }
        double best = Double.POSITIVE_INFINITY;
        for (int k = 0; k < items.get(at).costs().length; k++) {
            best = Math.min(best, items.get(at).errors()[k] + best(items, at + 1, left - items.get(at).costs()[k]));
        }
        return best;
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void findsWhatTryingEverythingFinds(long seed) {
        Random random = new Random(seed);
        for (int round = 0; round < 60; round++) {
            List<Knapsack.Item> items = items(random, 1 + random.nextInt(7), 1 + random.nextInt(5), 20);
            long budget = random.nextLong(400);
            double expected = best(items, 0, budget);
            Optional<Knapsack.Solution> found = Knapsack.solve(items, budget);
            if (Double.isInfinite(expected)) {
                assertThat(found).isEmpty();
                continue;
            }
            Knapsack.Solution solution = found.orElseThrow();
            assertThat(solution.error()).isCloseTo(expected, within(1e-12));
            assertThat(solution.bound()).isLessThanOrEqualTo(expected + 1e-12);
            assertThat(solution.cost()).isLessThanOrEqualTo(budget);
            long cost = 0;
            for (int i = 0; i < items.size(); i++) {
                cost += items.get(i).costs()[solution.chosen()[i]];
            }
            assertThat(cost).isEqualTo(solution.cost());
        }
    }

    /// As many tensors as a large model has, with sizes as different as theirs.
    @Test
    void isNearTheBoundForLargeModels() {
        List<Knapsack.Item> items = items(new Random(7), 800, 9, 100_000_000);
        long least = items.stream().mapToLong(item -> item.costs()[0]).sum();
        for (double factor : new double[] {1.0001, 1.3, 2, 4}) {
            Knapsack.Solution solution = Knapsack.solve(items, (long) (least * factor)).orElseThrow();
            assertThat(solution.cost()).isLessThanOrEqualTo((long) (least * factor));
            assertThat(solution.error()).isLessThanOrEqualTo(solution.bound() * 1.001);
            assertThat(Knapsack.solve(items, (long) (least * factor)).orElseThrow().chosen()).isEqualTo(solution.chosen());
        }
    }

    @Test
    void optionsThatCostMoreForNothingAreNotTaken() {
        List<Knapsack.Item> items = List.of(new Knapsack.Item(new long[] {5, 3, 9}, new double[] {1, 1, 1}));
        assertThat(Knapsack.solve(items, 100).orElseThrow().chosen()).containsExactly(1);
        assertThat(Knapsack.solve(items, 2)).isEmpty();
        assertThat(Knapsack.solve(List.of(), 0).orElseThrow().cost()).isZero();
    }
}
