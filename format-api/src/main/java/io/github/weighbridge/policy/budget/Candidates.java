package io.github.weighbridge.policy.budget;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.Importance;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.policy.Rule;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;

/// The encodings that a tensor may get, smallest first, and what each costs.
record Candidates(TargetTensor tensor, List<Option> options) {
    /// An encoding.
    ///
    /// @param word for a rule
    /// @param error relative to the tensor, see [ErrorSampler]
    record Option(String word, Choice choice, long bytes, double error) {}

    Candidates {
        options = List.copyOf(options);
    }

    /// Measures all tensors.
    static List<Candidates> of(List<TargetTensor> tensors, Target target, Floors floors, List<ByteSource> files, int threads)
            throws IOException, PolicyException {
        // Targets are for one thread; measuring is not.
        List<List<Option>> asked = new ArrayList<>();
        List<Optional<float[]>> importance = new ArrayList<>();
        for (TargetTensor tensor : tensors) {
            asked.add(ask(tensor, target, floors));
            importance.add(
                    target.importance(tensor).filter(weights -> weights.matrices() == 1).map((Importance weights) -> weights.weights(0)));
        }
        List<Optional<Candidates>> measured = new ArrayList<>(java.util.Collections.nCopies(tensors.size(), Optional.empty()));
        AtomicInteger next = new AtomicInteger();
        AtomicReference<Exception> failure = new AtomicReference<>();
        Runnable work = () -> {
            try (ErrorSampler sampler = new ErrorSampler(files)) {
                for (int i = next.getAndIncrement(); i < tensors.size() && failure.get() == null; i = next.getAndIncrement()) {
                    Candidates one = measure(tensors.get(i), asked.get(i), importance.get(i), sampler);
                    synchronized (measured) {
                        measured.set(i, Optional.of(one));
                    }
                }
            } catch (IOException | RuntimeException e) {
                failure.compareAndSet(null, e);
            }
        };
        List<Thread> others = new ArrayList<>();
        for (int i = 1; i < threads; i++) {
            others.add(Thread.ofPlatform().name("weighbridge-budget-" + i).start(work));
        }
        work.run();
        for (Thread thread : others) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }
        switch (failure.get()) {
            case null -> {
                // All are measured.
            }
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case Exception e -> throw new IllegalStateException(e);
        }
        return measured.stream().map(Optional::orElseThrow).toList();
    }

    /// What the target could give a tensor, not yet measured. What takes no fewer bytes than keeping the numbers is nothing to choose.
    private static List<Option> ask(TargetTensor tensor, Target target, Floors floors) throws PolicyException {
        List<Option> options = new ArrayList<>();
        Choice kept = target.keep(tensor);
        options.add(new Option(Rule.KEEP, kept, kept.encoding().bytes(tensor.shape()), 0));
        Set<String> seen = new LinkedHashSet<>(Set.of(kept.encoding().name()));
        for (String word : target.candidates()) {
            Optional<Choice> choice = target.choice(word, tensor, "budget");
            if (choice.isPresent() && target.refuses(tensor, choice.get().encoding()).isEmpty()
                    && choice.get().encoding().codeBits() >= floors.bits(tensor)
                    && choice.get().encoding().bytes(tensor.shape()) < options.getFirst().bytes()
                    && seen.add(choice.get().encoding().name())) {
                options.add(new Option(word, choice.get(), choice.get().encoding().bytes(tensor.shape()), Double.NaN));
            }
        }
        return options;
    }

    private static Candidates measure(TargetTensor tensor, List<Option> asked, Optional<float[]> importance, ErrorSampler sampler)
            throws IOException {
        List<Option> options = new ArrayList<>();
        for (Option option : asked) {
            OptionalDouble error = Double.isNaN(option.error()) ? sampler.relativeError(tensor, option.choice(), importance)
                    : OptionalDouble.of(option.error());
            if (error.isPresent()) {
                options.add(new Option(option.word(), option.choice(), option.bytes(), error.getAsDouble()));
            }
        }
        options.sort(Comparator.comparingLong(Option::bytes).thenComparingDouble(Option::error));
        return new Candidates(tensor, options);
    }

    /// The same options for all of a group.
    static List<Candidates> common(List<Candidates> group) {
        Set<String> words = group.getFirst().options().stream().map(Option::word).collect(Collectors.toCollection(LinkedHashSet::new));
        group.forEach(one -> words.retainAll(one.options().stream().map(Option::word).toList()));
        return group.stream().map(one -> new Candidates(one.tensor(), words.stream()
                .map(word -> one.options().stream().filter(option -> option.word().equals(word)).findFirst().orElseThrow()).toList()))
                .toList();
    }
}
