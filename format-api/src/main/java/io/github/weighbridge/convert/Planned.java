package io.github.weighbridge.convert;

import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Decision;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.TargetRequest;

/// A plan, and how it came about.
///
/// @param plan what would be written
/// @param decision what each rule of the policy decided
/// @param policy what was asked for
/// @param request what the target was asked for, the policy's settings included
public record Planned(ConversionPlan plan, Decision decision, Policy policy, TargetRequest request) {}
