package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.config.Args;
import io.github.weighbridge.compressedtensors.config.Args.Dynamic;
import io.github.weighbridge.compressedtensors.config.Args.Strategy;
import io.github.weighbridge.compressedtensors.config.Args.Type;
import io.github.weighbridge.compressedtensors.config.Group.Scheme;
import io.github.weighbridge.compressedtensors.config.PackFormat;
import io.github.weighbridge.compressedtensors.config.QuantizationConfig;
import io.github.weighbridge.model.Finding;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What vLLM would not load. (vLLM, `layers/quantization/compressed_tensors/`, the dispatcher of September 2026.)
final class VllmRules {
    private static final Pattern FUSED = Pattern.compile("(.*\\.)?(q|k|v|gate|up)_proj\\.weight");
    private static final Set<Integer> SHIFTED_BITS = Set.of(4, 8);
    private static final Set<Integer> TABLE_BITS = Set.of(2, 4, 8);
    private static final Set<Integer> EXPERT_BITS = Set.of(4, 8);

    private VllmRules() {}

    /// Findings, each naming the tensors it is about.
    ///
    /// @param experts names of the weights of each layer's experts
    static List<Finding> check(List<Module> modules, List<List<String>> experts) {
        Map<String, List<String>> refused = new LinkedHashMap<>();
        for (Module module : modules) {
            Optional<String> reason = module.scheme().flatMap(scheme -> refusal(module, scheme));
            reason.ifPresent(text -> refused.computeIfAbsent(text, _ -> new ArrayList<>()).add(module.tensor().name()));
        }
        List<Finding> findings = new ArrayList<>();
        refused.forEach((reason, tensors) -> findings.add(Finding.warning("vllm-scheme",
                "vLLM does not load " + tensors.size() + " modules: " + reason + " (" + some(tensors) + ")", tensors)));
        fused(modules, experts).ifPresent(findings::add);
        return findings;
    }

    private static String some(List<String> tensors) {
        return String.join(", ", tensors.subList(0, Math.min(3, tensors.size()))) + (tensors.size() > 3 ? ", ..." : "");
    }

    /// Why a module's scheme is not loaded; empty where it is.
    private static Optional<String> refusal(Module module, Scheme scheme) {
        Args weights = scheme.weights().orElseThrow();
        if (weights.order() == Args.Order.GROUP) {
            return Optional.of("columns have an order of their own (actorder group)");
        }
        if (weights.strategy() == Strategy.GROUP && module.tensor().shape().columns() % weights.groupSize() != 0) {
            return Optional.of("groups of " + weights.groupSize() + " do not divide rows of " + module.tensor().shape().columns());
        }
        if (module.className().equals(QuantizationConfig.EMBEDDING)) {
            return table(weights, scheme);
        }
        Optional<String> reason = weights.type() == Type.INT ? integers(weights, scheme) : floats(weights, scheme);
        return reason.isEmpty() && Experts.isExpert(module.tensor()) ? experts(weights, scheme) : reason;
    }

    /// Fewer schemes than for other modules.
    private static Optional<String> experts(Args weights, Scheme scheme) {
        boolean alone = scheme.input().isEmpty() && scheme.output().isEmpty();
        boolean bothStatic = weights.type() == Type.INT && isStaticInt8(scheme.input());
        boolean packed = scheme.format().equals(Optional.of(PackFormat.PACK_QUANTIZED));
        boolean right = weights.type() == Type.FLOAT
                || (packed ? alone && EXPERT_BITS.contains(weights.bits()) : !bothStatic && scheme.output().isEmpty());
        return right ? Optional.empty()
                : Optional.of(weights.bits()
                        + "-bit integers of experts; packed ones have 4 or 8 bits, others activations quantised as they come");
    }

    private static Optional<String> table(Args weights, Scheme scheme) {
        boolean right = weights.type() == Type.INT && weights.symmetric() && rowsOrGroups(weights) && TABLE_BITS.contains(weights.bits())
                && scheme.format().equals(Optional.of(PackFormat.PACK_QUANTIZED)) && scheme.input().isEmpty();
        return right ? Optional.empty()
                : Optional.of("a table must be pack-quantized with symmetric integers of 2, 4 or 8 bits for rows or groups, weights alone");
    }

    private static boolean rowsOrGroups(Args weights) {
        return weights.strategy() == Strategy.CHANNEL || weights.strategy() == Strategy.GROUP;
    }

    private static boolean isStaticInt8(Optional<Args> args) {
        return args.filter(known -> known.type() == Type.INT && known.bits() == 8 && known.dynamic() == Dynamic.STATIC
                && known.strategy() == Strategy.TENSOR).isPresent();
    }

    private static boolean isDynamicInt(Optional<Args> args, Set<Integer> bits) {
        return args.filter(known -> known.type() == Type.INT && bits.contains(known.bits()) && known.dynamic() == Dynamic.DYNAMIC)
                .isPresent();
    }

    private static Optional<String> integers(Args weights, Scheme scheme) {
        boolean packed = scheme.format().equals(Optional.of(PackFormat.PACK_QUANTIZED));
        String what = weights.bits() + "-bit integers" + (weights.symmetric() ? "" : " with zero points") + " of strategy "
                + weights.strategy().word() + " as " + scheme.format().map(PackFormat::word).orElse("nothing");
        if (weights.bits() < 2 || weights.bits() > 8) {
            return Optional.of(what + " have no kernel, which there are for 2 to 8 bits");
        }
        if (rowsOrGroups(weights) && isStaticInt8(scheme.input()) && isStaticInt8(scheme.output())) {
            return Optional.empty();
        }
        if (packed && scheme.input().isEmpty() && scheme.output().isEmpty()) {
            boolean right = rowsOrGroups(weights) && (weights.symmetric() || SHIFTED_BITS.contains(weights.bits()));
            return right ? Optional.empty()
                    : Optional.of(what + "; packed weights need scales for rows or groups, and zero points 4 or 8 bits");
        }
        if (packed && rowsOrGroups(weights) && isDynamicInt(scheme.input(), SHIFTED_BITS)) {
            return Optional.empty();
        }
        boolean bytes = !packed && weights.symmetric() && weights.bits() == 8 && scheme.output().isEmpty()
                && (weights.strategy() == Strategy.TENSOR || weights.strategy() == Strategy.CHANNEL)
                && (isStaticInt8(scheme.input()) || isDynamicInt(scheme.input(), Set.of(8)));
        boolean nibbles = !packed && weights.symmetric() && weights.bits() == 4 && rowsOrGroups(weights)
                && isDynamicInt(scheme.input(), Set.of(8));
        if (bytes || nibbles) {
            return Optional.empty();
        }
        return Optional.of(what + (scheme.input().isEmpty() ? " without quantised activations"
                : " with activations quantised " + (scheme.output().isEmpty() ? "on one side" : "so")));
    }

    private static Optional<String> floats(Args weights, Scheme scheme) {
        boolean known = weights.symmetric() && (weights.bits() == 4 && (weights.strategy() == Strategy.TENSOR_GROUP
                || weights.strategy() == Strategy.GROUP && weights.groupSize() == 32)
                || weights.bits() == 8 && (weights.strategy() == Strategy.TENSOR || weights.strategy() == Strategy.CHANNEL
                        || weights.strategy() == Strategy.BLOCK
                        || weights.groupSize() == 32 && weights.scaleType().equals(Optional.of("torch.uint8"))));
        return known ? Optional.empty()
                : Optional.of(weights.bits() + "-bit floats of strategy " + weights.strategy().word() + " as "
                        + scheme.format().map(PackFormat::word).orElse("nothing"));
    }

    /// Names of weights that belong to one merged module, for each of these that has several.
    static List<List<String>> fusedNames(List<String> weights) {
        Map<String, List<String>> merged = new LinkedHashMap<>();
        for (String weight : weights) {
            Matcher name = FUSED.matcher(weight);
            if (name.matches()) {
                String kind = name.group(2).length() == 1 ? "qkv" : "gate_up";
                merged.computeIfAbsent((name.group(1) == null ? "" : name.group(1)) + kind, _ -> new ArrayList<>()).add(weight);
            }
        }
        return merged.values().stream().filter(parts -> parts.size() > 1).map(List::copyOf).toList();
    }

    /// Parts that are merged must share a scheme, or all be plain.
    private static Optional<Finding> fused(List<Module> modules, List<List<String>> experts) {
        Map<String, Optional<Scheme>> schemes = new LinkedHashMap<>();
        modules.forEach(module -> schemes.put(module.tensor().name(), module.scheme()));
        List<List<String>> merged = new ArrayList<>(experts);
        Set<String> ofExperts = new HashSet<>();
        experts.forEach(ofExperts::addAll);
        merged.addAll(fusedNames(schemes.keySet().stream().filter(name -> !ofExperts.contains(name)).toList()));
        List<String> mixed = new ArrayList<>();
        merged.stream().filter(parts -> parts.stream().map(schemes::get).distinct().count() > 1).forEach(mixed::addAll);
        return mixed.isEmpty() ? Optional.empty()
                : Optional.of(Finding.warning("vllm-fused",
                        "vLLM merges q, k and v, gate and up, and all experts of a layer, and refuses parts of different schemes: "
                                + some(mixed),
                        mixed));
    }
}
