package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.KeyValueCache;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.budget.BudgetRequest;
import java.util.Optional;
import picocli.CommandLine.Option;

/// The options that bound what a result may take.
final class BudgetOptions {
    private static final String FILE = "file";
    private static final String RESIDENT = "resident";
    private static final String WITH_CACHE = "resident+kv";

    @Option(names = "--budget", paramLabel = "SIZE",
            description = "Choose the encodings that no rule is about so that the result has at most so many bytes (N, or 1.0GiB, 900MB) and"
                    + " loses the least. Reads a sample of the weights.") private String size = "";

    @Option(names = "--budget-of", paramLabel = "WHAT",
            description = "What the budget counts: file (if not given), resident (tensors that stay in memory), or resident+kv (and the"
                    + " key/value cache at --context).") private String of = "";

    @Option(names = "--context", paramLabel = "N",
            description = "The context for --budget-of resident+kv, in tokens; k is 1024.") private String context = "";

    /// What was asked for, checked as far as options go.
    ///
    /// @param context tokens; 0 where the cache does not count
    record Asked(long bytes, BudgetRequest.Measure measure, long context) {
        /// The request for a model: what its cache takes is known.
        BudgetRequest request(Checkpoint source, Policy policy) {
            // Without a word of the policy the result wants what the source does.
            KeyValueCache.Types types = policy.settings().cache()
                    .map(cache -> new KeyValueCache.Types(type(cache.sliding()), type(cache.full())))
                    .or(() -> source.cache().flatMap(KeyValueCache.Types::of)).orElse(KeyValueCache.Types.of(KeyValueCache.Type.F16));
            long reserved = context == 0 ? 0 : KeyValueCache.bytes(source.architecture(), context, types);
            return new BudgetRequest(bytes, measure, reserved, EngineOptions.defaults().threads());
        }

        private static KeyValueCache.Type type(String word) {
            return KeyValueCache.Type.of(word).orElseThrow();
        }
    }

    /// Whether any of the options was given.
    boolean given() {
        return !size.isEmpty() || !of.isEmpty() || !context.isEmpty();
    }

    Optional<Asked> asked() throws UsageException {
        if (size.isEmpty()) {
            if (given()) {
                throw new UsageException((of.isEmpty() ? "--context" : "--budget-of") + " goes with --budget");
            }
            return Optional.empty();
        }
        long bytes = Numbers.bytes(size)
                .orElseThrow(() -> new UsageException("--budget \"" + size + "\" is no size, such as 1000000, 900MB or 1.0GiB"));
        boolean cache = of.equals(WITH_CACHE);
        if (cache == context.isEmpty()) {
            throw new UsageException(
                    cache ? "--budget-of " + WITH_CACHE + " needs --context" : "--context goes with --budget-of " + WITH_CACHE);
        }
        long tokens = cache ? Numbers.tokens(context).orElseThrow(
                () -> new UsageException("--context \"" + context + "\" is no number of tokens, such as 4096, 32k or 1m")) : 0;
        return Optional.of(switch (of) {
            case "", FILE -> new Asked(bytes, BudgetRequest.Measure.FILE, 0);
            case RESIDENT, WITH_CACHE -> new Asked(bytes, BudgetRequest.Measure.RESIDENT, tokens);
            default -> throw new UsageException("--budget-of \"" + of + "\" is none of " + FILE + ", " + RESIDENT + ", " + WITH_CACHE);
        });
    }
}
