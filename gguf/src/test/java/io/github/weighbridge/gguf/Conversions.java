package io.github.weighbridge.gguf;

import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.Path;

/// Conversions as a user of the library writes them.
final class Conversions {
    private Conversions() {}

    static Format gguf() {
        return Formats.installed().byName("gguf").orElseThrow();
    }

    static Checkpoint open(Path source) throws IOException {
        return Formats.installed().open(Source.of(source), ReadOptions.defaults());
    }

    static ConversionPlan convert(Path source, Path target, Policy policy) throws IOException, PolicyException {
        return convert(source, target, policy, TargetRequest.named(target.getFileName().toString()));
    }

    static ConversionPlan convert(Path source, Path target, Policy policy, TargetRequest request) throws IOException, PolicyException {
        try (Checkpoint checkpoint = open(source)) {
            ConversionPlan plan = Planner.plan(checkpoint, gguf(), policy, request);
            Engine.run(plan, checkpoint, target, EngineOptions.defaults());
            return plan;
        }
    }
}
