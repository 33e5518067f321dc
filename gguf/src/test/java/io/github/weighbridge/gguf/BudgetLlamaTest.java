package io.github.weighbridge.gguf;

import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.budget.Budget;
import io.github.weighbridge.policy.budget.BudgetRequest;
import io.github.weighbridge.policy.budget.BudgetResult;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// What a budget finds, against one encoding for all of the same size, in the real llama.cpp.
class BudgetLlamaTest {
    @TempDir private Path folder;

    private static double loss(Path gguf) throws IOException {
        try (LlamaModel model = LlamaCpp.find().orElseThrow().open(gguf)) {
            return model.evaluate(model.tokenize(TrainedCheckpoints.evalText(), true, false)).meanNll();
        }
    }

    private Path source(String name) throws IOException {
        if (TrainedCheckpoints.variants().contains(name)) {
            TrainedCheckpoints.unpack(folder.resolve(name), name);
            return folder.resolve(name);
        }
        Path shared = SharedData.find("tiny-gemma4/" + name).orElse(folder.resolve("absent"));
        if (shared.endsWith("absent")) {
            System.out.println("skipped: ../shared/data/tiny-gemma4/" + name + " is not there");
        }
        assumeTrue(!shared.endsWith("absent"), "../shared/data is not there");
        return shared;
    }

    @ParameterizedTest
    @CsvSource({"qat-q4_0-unquantized, Q3_K_S", "base, Q4_0"})
    void losesLessThanOneEncodingForAllOfTheSameSize(String name, String type) throws IOException, PolicyException {
        assumeTrue(LlamaCpp.find().isPresent(), LlamaCpp::whyAbsent);
        Path source = source(name);
        Path uniform = folder.resolve("uniform.gguf");
        long budget = Conversions.convert(source, uniform, Policy.KEEP.withType(type, true)).bytes();
        Path ours = folder.resolve("ours.gguf");
        try (Checkpoint checkpoint = Conversions.open(source)) {
            TargetRequest request = TargetRequest.named("ours.gguf");
            BudgetResult result = Budget.solve(Policy.KEEP, checkpoint, Conversions.gguf().target(checkpoint, request),
                    new BudgetRequest(budget, BudgetRequest.Measure.FILE, 0, 2));
            assertThat(Budget.solve(Policy.KEEP, checkpoint, Conversions.gguf().target(checkpoint, request),
                    new BudgetRequest(budget, BudgetRequest.Measure.FILE, 0, 1)).policy()).as("the same on one thread")
                    .extracting(Policy::rules).asString().isEqualTo(result.policy().rules().toString());
            ConversionPlan plan = Planner.plan(checkpoint, Conversions.gguf(), result.policy(), request);
            assertThat(plan.bytes()).isEqualTo(result.used()).isBetween(budget * 99 / 100, budget);
            assertThat(result.gap()).isLessThan(0.001);
            Engine.run(plan, checkpoint, ours, EngineOptions.defaults());
            double uniformLoss = loss(uniform);
            double loss = loss(ours);
            System.out.printf("%s in %d bytes: all %s %.5f, budget %.5f (%d bytes, gap %.6f)%n", name, budget, type, uniformLoss, loss,
                    result.used(), result.gap());
            assertThat(loss).isLessThan(uniformLoss);
        }
    }
}
