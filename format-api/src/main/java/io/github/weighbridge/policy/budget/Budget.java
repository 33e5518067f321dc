package io.github.weighbridge.policy.budget;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.OutputFile;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.policy.Decision;
import io.github.weighbridge.policy.Policies;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.Rule;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Finds the encodings that keep a checkpoint within a number of bytes and lose the least.
///
/// Rules of the policy stay what they are; what its default or type would decide is decided here. What is made small is the sum, over these
/// tensors, of the squared error relative to the tensor's own square: each matrix adds noise to what passes through it in proportion to
/// that, however many numbers it has. Tables of embeddings are looked up a row at a time and count alike.
public final class Budget {
    private static final int MOST_CORRECTIONS = 8;

    private final Policy policy;
    private final Checkpoint source;
    private final Target target;
    private final Decision decision;
    private final BudgetRequest request;

    private Budget(Policy policy, Checkpoint source, Target target, Decision decision, BudgetRequest request) {
        this.policy = policy;
        this.source = source;
        this.target = target;
        this.decision = decision;
        this.request = request;
    }

    /// Solves a budget.
    ///
    /// @param target what a format wants of the source, under the policy's settings
    /// @throws PolicyException when nothing is left to decide, or the smallest encodings are too large
    /// @throws IOException when weights cannot be read
    public static BudgetResult solve(Policy policy, Checkpoint source, Target target, BudgetRequest request)
            throws IOException, PolicyException {
        return solve(policy, source, target, Policies.decide(policy, source, target), request);
    }

    /// Solves a budget of which rules have decided their part.
    ///
    /// @param policy one that says nothing of other formats
    /// @param source a checkpoint without what the policy drops
    /// @param target what a format wants of it
    /// @param decision an encoding for each tensor of the target, and which of them no rule is about
    /// @throws PolicyException when nothing is left to decide, or the smallest encodings are too large
    /// @throws IOException when weights cannot be read
    public static BudgetResult solve(Policy policy, Checkpoint source, Target target, Decision decision, BudgetRequest request)
            throws IOException, PolicyException {
        return new Budget(policy, source, target, decision, request).solve();
    }

    private BudgetResult solve() throws IOException, PolicyException {
        List<TargetTensor> open = target.tensors().stream().filter(tensor -> decision.open().contains(tensor.name()))
                .filter(tensor -> counted(tensor, source.architecture())).toList();
        if (open.isEmpty()) {
            throw new PolicyException(
                    "--budget: the rules of policy " + policy.name() + " decide every tensor, which leaves nothing to choose");
        }
        Floors floors = Floors.of(policy, source.architecture(), target.tensors());
        List<ByteSource> files = source.files().stream().map(CheckpointFile::source).toList();
        List<Candidates> all = Candidates.of(open, target, floors, files, request.threads());
        List<List<Candidates>> groups = groups(all);
        List<Knapsack.Item> items = groups.stream().map(Budget::item).toList();

        Map<String, Choice> smallest = new HashMap<>(decision.assignment().choices());
        for (Candidates one : all) {
            smallest.put(one.tensor().name(), one.options().getFirst().choice());
        }
        long least = size(plan(smallest));
        long overhead = least - bytes(all, smallest);
        long available = request.bytes() - request.reserved();
        Optional<BudgetResult> best = Optional.empty();
        for (int i = 0; i < MOST_CORRECTIONS; i++) {
            Optional<Knapsack.Solution> solution = Knapsack.solve(items, available - overhead);
            if (solution.isEmpty()) {
                if (best.isPresent()) {
                    return best.get();
                }
                throw new PolicyException("--budget " + request.bytes() + ": the smallest encodings that the policy allows take "
                        + (least + request.reserved()) + " bytes");
            }
            Map<String, Candidates.Option> chosen = chosen(groups, solution.get().chosen());
            Map<String, Choice> choices = new HashMap<>(decision.assignment().choices());
            chosen.forEach((name, option) -> choices.put(name, option.choice()));
            long used = size(plan(choices));
            long found = used - bytes(all, choices);
            if (used <= available) {
                BudgetResult result = result(chosen, used + request.reserved(), solution.get(), all);
                if (best.isEmpty() || result.error() < best.get().error()) {
                    best = Optional.of(result);
                }
                // Headers may be shorter than with the smallest encodings: what they leave is tried once more.
                if (found >= overhead) {
                    return best.get();
                }
                overhead = found;
            } else if (best.isPresent()) {
                return best.get();
            } else {
                // Padding between tensors is not counted tensor by tensor.
                overhead += used - available;
            }
        }
        return best.orElseThrow(
                () -> new PolicyException(
                        "--budget " + request.bytes() + ": headers and padding leave no room for the smallest encodings"));
    }

    private ConversionPlan plan(Map<String, Choice> choices) throws PolicyException {
        Map<String, Choice> ordered = new LinkedHashMap<>();
        target.tensors().forEach(tensor -> ordered.put(tensor.name(), java.util.Objects.requireNonNull(choices.get(tensor.name()))));
        return target.plan(new Assignment(ordered, decision.assignment().findings()));
    }

    private boolean counted(TargetTensor tensor, Architecture architecture) {
        return switch (request.measure()) {
            case FILE -> true;
            case RESIDENT -> !tensor.identity().component().equals(Component.PER_LAYER_EMBEDDING);
        };
    }

    private long size(ConversionPlan plan) {
        return switch (request.measure()) {
            case FILE -> plan.files().stream().filter(OutputFile::holdsTensors).mapToLong(OutputFile::length).sum();
            case RESIDENT -> plan.jobs().stream().map(job -> job.target())
                    .filter(tensor -> !java.util.Objects.requireNonNull(plan.identities().get(tensor.name())).component()
                            .equals(Component.PER_LAYER_EMBEDDING))
                    .mapToLong(tensor -> tensor.bytes()).sum();
        };
    }

    private static long bytes(List<Candidates> all, Map<String, Choice> choices) {
        return all.stream().mapToLong(one -> java.util.Objects.requireNonNull(choices.get(one.tensor().name())).encoding()
                .bytes(one.tensor().shape())).sum();
    }

    /// Tensors that the runtime fuses are decided together.
    private List<List<Candidates>> groups(List<Candidates> all) {
        Map<String, Candidates> byName = new LinkedHashMap<>();
        all.forEach(one -> byName.put(one.tensor().name(), one));
        List<List<Candidates>> groups = new ArrayList<>();
        Set<String> done = new HashSet<>();
        for (List<String> fused : target.fused()) {
            List<Candidates> group = new ArrayList<>();
            for (String name : fused) {
                Candidates one = byName.get(name);
                if (one != null && done.add(name)) {
                    group.add(one);
                }
            }
            if (!group.isEmpty()) {
                groups.add(Candidates.common(group));
            }
        }
        all.stream().filter(one -> !done.contains(one.tensor().name())).forEach(one -> groups.add(List.of(one)));
        return groups;
    }

    private static Knapsack.Item item(List<Candidates> group) {
        int options = group.getFirst().options().size();
        long[] costs = new long[options];
        double[] errors = new double[options];
        for (Candidates one : group) {
            for (int option = 0; option < options; option++) {
                costs[option] += one.options().get(option).bytes();
                errors[option] += one.options().get(option).error();
            }
        }
        return new Knapsack.Item(costs, errors);
    }

    private static Map<String, Candidates.Option> chosen(List<List<Candidates>> groups, int[] options) {
        Map<String, Candidates.Option> chosen = new LinkedHashMap<>();
        for (int i = 0; i < options.length; i++) {
            for (Candidates one : groups.get(i)) {
                chosen.put(one.tensor().name(), one.options().get(options[i]));
            }
        }
        return chosen;
    }

    private BudgetResult result(Map<String, Candidates.Option> chosen, long used, Knapsack.Solution solution, List<Candidates> all) {
        Map<TargetTensor, String> words = new LinkedHashMap<>();
        for (Candidates one : all) {
            words.put(one.tensor(), java.util.Objects.requireNonNull(chosen.get(one.tensor().name())).word());
        }
        List<Rule> rules = new ArrayList<>(policy.rules());
        rules.addAll(Rules.of(words, target.tensors()));
        Policy solved = new Policy(policy.name() + "-" + request.bytes(), policy.name() + " within " + request.bytes() + " bytes ("
                + request.measure().name().toLowerCase(java.util.Locale.ROOT) + ")", policy.strip(), rules, policy.types(), policy.pure(),
                policy.otherwise(), policy.settings());
        return new BudgetResult(solved, request.bytes(), used, solution.error(), solution.bound(), all.size(),
                all.stream().mapToInt(one -> one.options().size()).sum());
    }
}
