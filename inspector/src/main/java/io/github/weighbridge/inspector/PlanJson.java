package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.KeyValueCache;
import io.github.weighbridge.convert.PlanContract;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.CachePolicy;
import io.github.weighbridge.policy.Decision;
import io.github.weighbridge.policy.budget.BudgetResult;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What a plan's JSON has beyond an audit's: what each rule did, the needs of the conversion, the cache, the budget, and the contract.
final class PlanJson {
    private PlanJson() {}

    /// @param target where it would be written; empty where that is not said
    static Value.Fields fields(Wish.Made made, PlanContract contract, Optional<Path> target) {
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("rules", new Value.Items(made.planned().decision().outcomes().stream().map(PlanJson::outcome).toList()));
        fields.put("needs", needs(made.planned().plan(), target));
        Architecture architecture = made.planned().plan().architecture();
        if (made.planned().policy().settings().cache().isPresent() && architecture.known()) {
            fields.put("kv_cache_policy", cache(made.planned().policy().settings().cache().get(), architecture));
        }
        made.budget().ifPresent(budget -> fields.put("budget", budget(budget)));
        fields.put(PlanContract.FIELD, contract.value());
        return new Value.Fields(fields);
    }

    /// What is free differs from run to run, and is said of a place that was named alone. The contract is not about it.
    private static Value needs(ConversionPlan plan, Optional<Path> target) {
        Map<String, Value> needs = new LinkedHashMap<>();
        needs.put("disk_bytes", Value.of(plan.bytes()));
        target.map(PlanReport::free).filter(free -> free >= 0).ifPresent(free -> needs.put("disk_free", Value.of(free)));
        needs.put("memory_bytes", Value.of(PlanReport.memory(plan)));
        return new Value.Fields(needs);
    }

    private static Value outcome(Decision.Outcome outcome) {
        return ordered("rule", Value.of(outcome.rule()), "encoding", Value.of(outcome.encoding()), "tensors", Value.of(outcome.tensors()),
                "parameters", Value.of(outcome.parameters()));
    }

    private static Value cache(CachePolicy cache, Architecture architecture) {
        List<Value> sizes = new ArrayList<>();
        for (long context : io.github.weighbridge.audit.AuditOptions.DEFAULT.contextsFor(architecture)) {
            sizes.add(ordered("context", Value.of(context), "bytes", Value.of(KeyValueCache.bytes(architecture, context,
                    new KeyValueCache.Types(KeyValueCache.Type.of(cache.sliding()).orElseThrow(),
                            KeyValueCache.Type.of(cache.full()).orElseThrow())))));
        }
        return ordered("sliding", Value.of(cache.sliding()), "full", Value.of(cache.full()), "sizes", new Value.Items(sizes));
    }

    private static Value budget(BudgetResult budget) {
        return ordered("bytes", Value.of(budget.budget()), "used", Value.of(budget.used()), "error", Value.of(budget.error()),
                "error_bound",
                Value.of(budget.bound()), "tensors", Value.of(budget.tensors()), "encodings_measured", Value.of(budget.measured()));
    }

    private static Value.Fields ordered(Object... pairs) {
        Map<String, Value> fields = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            fields.put((String) pairs[i], (Value) pairs[i + 1]);
        }
        return new Value.Fields(fields);
    }
}
