package io.github.weighbridge.policy.budget;

import io.github.weighbridge.policy.Policy;

/// What a budget became.
///
/// @param policy the policy that gives it, in rules; planning it needs no budget
/// @param budget the bytes there were
/// @param used the bytes it takes, counted as the budget counts them
/// @param error the sum that was made small
/// @param bound no choice of encodings within the budget has a smaller sum
/// @param tensors how many tensors were decided
/// @param measured how many encodings were tried on samples
public record BudgetResult(Policy policy, long budget, long used, double error, double bound, int tensors, int measured) {
    /// How far the result may be from the best, as a share of the best.
    public double gap() {
        return bound <= 0 ? 0 : error / bound - 1;
    }
}
