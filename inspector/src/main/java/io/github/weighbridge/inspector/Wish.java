package io.github.weighbridge.inspector;

import io.github.weighbridge.convert.PlanContract;
import io.github.weighbridge.convert.Planned;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.budget.BudgetResult;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.util.Optional;

/// What a command is to make of a checkpoint, checked as far as options go.
///
/// @param format the format to write
/// @param policy what is wanted
/// @param request the target's name and the format's own settings
/// @param budget a bound on bytes
/// @param contract a plan that was put away, in the place of policy and budget
record Wish(Format format, Policy policy, TargetRequest request, Optional<BudgetOptions.Asked> budget, Optional<PlanContract> contract) {
    /// What came of a wish.
    ///
    /// @param budget what was found for the budget
    record Made(Planned planned, TargetRequest request, Optional<BudgetResult> budget) {}

    Made make(Checkpoint source) throws IOException, PolicyException {
        if (contract.isPresent()) {
            return new Made(contract.get().fulfil(source, format, request), request, Optional.empty());
        }
        if (budget.isEmpty()) {
            return new Made(Planner.prepare(source, format, policy, request), request, Optional.empty());
        }
        BudgetResult result = Planner.budget(source, format, policy, request, budget.get().request(source, policy));
        return new Made(Planner.prepare(source, format, result.policy(), request), request, Optional.of(result));
    }
}
