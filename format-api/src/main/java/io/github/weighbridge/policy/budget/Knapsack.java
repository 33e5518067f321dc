package io.github.weighbridge.policy.budget;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// The multiple-choice knapsack: one option of each item, costs within a budget, the least sum of errors.
///
/// First the linear relaxation, by steps along each item's convex hull in the order of what they gain for a byte: it gives a lower bound and a
/// price for a byte. Then, at that price, the items whose second best option is nearest to their best are combined exhaustively, keeping only
/// combinations that no other beats and that the bound does not rule out. When no item is left that could matter, the result is the optimum.
/// Deterministic: no clock, no chance.
final class Knapsack {
    /// Most combinations that are kept at once.
    private static final int MOST_STATES = 100_000;

    /// An item: what each option costs and how large its error is.
    record Item(long[] costs, double[] errors) {}

    /// A choice for each item.
    ///
    /// @param chosen index of the option of each item
    /// @param cost of all together
    /// @param error of all together
    /// @param bound no choice has a smaller error
    record Solution(int[] chosen, long cost, double error, double bound) {}

    private final List<Item> items;
    private final long budget;

    private Knapsack(List<Item> items, long budget) {
        this.items = items;
        this.budget = budget;
    }

    /// The best choice within a budget; empty when the cheapest options are too much.
    static Optional<Solution> solve(List<Item> items, long budget) {
        return new Knapsack(items, budget).solve();
    }

    /// A step along a hull.
    private record Step(int item, int from, int to, long cost, double gain) {
        double ratio() {
            return gain / cost;
        }
    }

    private Optional<Solution> solve() {
        int[] start = new int[items.size()];
        List<Step> steps = new ArrayList<>();
        long cost = 0;
        double error = 0;
        for (int i = 0; i < start.length; i++) {
            List<Integer> hull = hull(items.get(i));
            start[i] = hull.getFirst();
            cost += items.get(i).costs()[start[i]];
            error += items.get(i).errors()[start[i]];
            for (int k = 1; k < hull.size(); k++) {
                Item item = items.get(i);
                int from = hull.get(k - 1);
                int to = hull.get(k);
                steps.add(new Step(i, from, to, item.costs()[to] - item.costs()[from], item.errors()[from] - item.errors()[to]));
            }
        }
        if (cost > budget) {
            return Optional.empty();
        }
        steps.sort(Comparator.comparingDouble(Step::ratio).reversed().thenComparingInt(Step::item).thenComparingInt(Step::from));
        int[] chosen = start.clone();
        double bound = Double.NaN;
        double price = 0;
        for (Step step : steps) {
            if (cost + step.cost() <= budget && chosen[step.item()] == step.from()) {
                cost += step.cost();
                error -= step.gain();
                chosen[step.item()] = step.to();
            } else if (Double.isNaN(bound)) {
                price = step.ratio();
                bound = error - price * (budget - cost);
            }
        }
        Solution greedy = new Solution(chosen, cost, sum(chosen), Double.isNaN(bound) ? sum(chosen) : Math.min(bound, sum(chosen)));
        return Optional.of(Double.isNaN(bound) ? greedy : refine(greedy, price));
    }

    /// Options of an item on its lower convex hull, cheapest first; those that cost more without a smaller error are left out.
    private static List<Integer> hull(Item item) {
        Integer[] order = new Integer[item.costs().length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.<Integer>comparingLong(i -> item.costs()[i]).thenComparingDouble(i -> item.errors()[i]));
        List<Integer> hull = new ArrayList<>();
        for (int option : order) {
            if (!hull.isEmpty() && item.errors()[option] >= item.errors()[hull.getLast()]) {
                continue;
            }
            while (hull.size() > 1 && slope(item, hull.get(hull.size() - 2), hull.getLast()) <= slope(item, hull.getLast(), option)) {
                hull.removeLast();
            }
            hull.add(option);
        }
        return hull;
    }

    private static double slope(Item item, int from, int to) {
        return (item.errors()[from] - item.errors()[to]) / (item.costs()[to] - item.costs()[from]);
    }

    private double sum(int[] chosen) {
        double sum = 0;
        for (int i = 0; i < chosen.length; i++) {
            sum += items.get(i).errors()[chosen[i]];
        }
        return sum;
    }

    /// Combinations so far: cost and error of each, and how it came about.
    private record Stage(int item, long[] costs, double[] errors, int[] parents, int[] options) {}

    private Solution refine(Solution greedy, double price) {
        int[] best = new int[items.size()];
        double[] nearest = new double[items.size()];
        long cost = 0;
        double error = 0;
        for (int i = 0; i < best.length; i++) {
            Item item = items.get(i);
            best[i] = 0;
            for (int option = 1; option < item.costs().length; option++) {
                if (value(item, option, price) < value(item, best[i], price)) {
                    best[i] = option;
                }
            }
            nearest[i] = Double.POSITIVE_INFINITY;
            for (int option = 0; option < item.costs().length; option++) {
                if (option != best[i]) {
                    nearest[i] = Math.min(nearest[i], value(item, option, price) - value(item, best[i], price));
                }
            }
            cost += item.costs()[best[i]];
            error += item.errors()[best[i]];
        }
        Integer[] order = new Integer[best.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.<Integer>comparingDouble(i -> nearest[i]).thenComparing(i -> i));
        double incumbent = greedy.error();
        Stage winner = null;
        int winning = -1;
        List<Stage> stages = new ArrayList<>();
        Stage stage = new Stage(-1, new long[] {cost}, new double[] {error}, new int[] {-1}, new int[] {-1});
        stages.add(stage);
        if (cost <= budget && error < incumbent) {
            incumbent = error;
            winner = stage;
            winning = 0;
        }
        double relaxed = error + price * (cost - budget);
        boolean complete = true;
        for (int i : order) {
            if (relaxed + nearest[i] >= incumbent) {
                break;
            }
            Optional<Stage> next = combine(stage, i, best[i], price, incumbent);
            if (next.isEmpty()) {
                complete = false;
                break;
            }
            stage = next.get();
            stages.add(stage);
            for (int state = 0; state < stage.costs().length; state++) {
                if (stage.costs()[state] <= budget && stage.errors()[state] < incumbent) {
                    incumbent = stage.errors()[state];
                    winner = stage;
                    winning = state;
                }
            }
        }
        int[] chosen = greedy.chosen();
        if (winner != null) {
            chosen = best.clone();
            int state = winning;
            for (int at = stages.indexOf(winner); at > 0; at--) {
                Stage made = stages.get(at);
                chosen[made.item()] = made.options()[state];
                state = made.parents()[state];
            }
        }
        long total = 0;
        for (int i = 0; i < chosen.length; i++) {
            total += items.get(i).costs()[chosen[i]];
        }
        double result = sum(chosen);
        return new Solution(chosen, total, result, complete ? result : Math.min(result, relaxed));
    }

    private static double value(Item item, int option, double price) {
        return item.errors()[option] + price * item.costs()[option];
    }

    /// Every combination so far with every option of one more item; empty when there are too many.
    private Optional<Stage> combine(Stage before, int index, int best, double price, double incumbent) {
        Item item = items.get(index);
        int options = item.costs().length;
        int count = 0;
        long most = (long) before.costs().length * options;
        if (most > 20L * MOST_STATES) {
            return Optional.empty();
        }
        long[] costs = new long[(int) most];
        double[] errors = new double[(int) most];
        int[] origins = new int[(int) most];
        for (int state = 0; state < before.costs().length; state++) {
            for (int option = 0; option < options; option++) {
                long cost = before.costs()[state] + item.costs()[option] - item.costs()[best];
                double error = before.errors()[state] + item.errors()[option] - item.errors()[best];
                // What is still to come can only add to this.
                if (error + price * (cost - budget) < incumbent) {
                    costs[count] = cost;
                    errors[count] = error;
                    origins[count++] = state * options + option;
                }
            }
        }
        Integer[] order = new Integer[count];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.<Integer>comparingLong(i -> costs[i]).thenComparingDouble(i -> errors[i]).thenComparing(i -> i));
        List<Integer> kept = new ArrayList<>();
        double least = Double.POSITIVE_INFINITY;
        for (int state : order) {
            if (errors[state] < least) {
                least = errors[state];
                kept.add(state);
            }
        }
        if (kept.size() > MOST_STATES) {
            return Optional.empty();
        }
        Stage stage = new Stage(index, new long[kept.size()], new double[kept.size()], new int[kept.size()], new int[kept.size()]);
        for (int k = 0; k < kept.size(); k++) {
            int state = kept.get(k);
            stage.costs()[k] = costs[state];
            stage.errors()[k] = errors[state];
            stage.parents()[k] = origins[state] / options;
            stage.options()[k] = origins[state] % options;
        }
        return Optional.of(stage);
    }
}
