package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// What is worth knowing about a plan: what was lost, what runtimes will do to scales. For use by one thread.
final class PlanFindings {
    private final Map<DenseType, List<String>> scales = new TreeMap<>();
    private final List<String> requantised = new ArrayList<>();
    private final List<String> signed = new ArrayList<>();
    private final List<String> lost = new ArrayList<>();
    private final List<String> idle = new ArrayList<>();
    private final boolean vllm;

    PlanFindings(boolean vllm) {
        this.vllm = vllm;
    }

    void quantised(TargetTensor tensor, Choice choice, GridEncoding encoding) {
        scales.computeIfAbsent(encoding.grid().scale(), _ -> new ArrayList<>()).add(tensor.name());
        boolean codes = View.stored(tensor.view()).stream().anyMatch(stored -> stored.encoding().dense().isEmpty());
        boolean unchanged = choice.method().equals(CodeChoices.CARRY) || choice.method().equals("keep");
        if (codes && !unchanged) {
            requantised.add(tensor.name());
        }
        boolean halves = choice.method().equals(CodeChoices.CARRY) && encoding.grid().scale() == DenseType.F16;
        if (choice.method().equals(CodeChoices.EXACT) || halves) {
            signed.add(tensor.name());
        }
    }

    /// A scale of a static activation that has no place.
    ///
    /// @param quantised whether its module is quantised
    void dropped(String scale, boolean quantised) {
        (quantised ? lost : idle).add(scale);
    }

    List<Finding> all(Optional<String> modelType) {
        List<Finding> findings = new ArrayList<>();
        if (!lost.isEmpty()) {
            findings.add(Finding.warning("activation-scales-lost",
                    lost.size() + " scales of static activations are left out, as the type leaves activations as they are or finds scales "
                            + "while the model runs",
                    lost));
        }
        if (!idle.isEmpty()) {
            findings.add(Finding.info("activation-scales-idle",
                    idle.size() + " scales belong to modules that are not quantised and are left out", idle));
        }
        if (!requantised.isEmpty()) {
            findings.add(Finding.warning("requantised", requantised.size()
                    + " tensors were quantised already: their numbers were decoded and encoded anew, so that the errors of both add up",
                    requantised));
        }
        if (!signed.isEmpty()) {
            findings.add(Finding.info("signed-scales", signed.size()
                    + " tensors may have scales below 0, as Q4_0 has; compressed-tensors multiplies by them, whether all kernels of vLLM do "
                    + "is not known",
                    signed));
        }
        scales.forEach((type, tensors) -> rounding(type, modelType).ifPresent(text -> findings.add(
                vllm ? Finding.warning("scale-type", tensors.size() + text, tensors) : Finding.info("scale-type", tensors.size() + text,
                        tensors))));
        return findings;
    }

    /// vLLM makes room for scales in the type that the model runs in.
    private static Optional<String> rounding(DenseType scale, Optional<String> modelType) {
        String model = modelType.orElse("bfloat16");
        boolean narrower = switch (scale) {
            case F32 -> model.equals("bfloat16") || model.equals("float16");
            case F16 -> model.equals("bfloat16");
            case BF16 -> model.equals("float16");
            case F64, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> false;
        };
        String bound = model.equals("bfloat16") ? "2^-9" : "2^-12";
        return narrower ? Optional.of(" tensors have scales of type " + scale + ", which keeps them as they were; vLLM rounds them to the "
                + "model's type " + model + ", by " + bound + " of their size at most") : Optional.empty();
    }
}
