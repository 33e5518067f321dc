package io.github.weighbridge.gguf;

import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.Family;
import io.github.weighbridge.family.MetadataEntry;
import io.github.weighbridge.family.TensorSpec;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.gguf.tokenizer.TokenizerKeys;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.OutputRecord;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Stripping;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A text model as llama.cpp wants it: the tensors of the family's GGUF dialect, its keys, and the tokenizer's.
record TextPart(Checkpoint source, Map<String, String> record, Limits limits, Architecture architecture, Dialect dialect,
        List<TargetTensor> tensors,
        List<Finding> findings, Map<String, GgufValue> tokenizer) implements Part {
    /// @param elsewhere keys of weights that another file of the same conversion holds
    static TextPart of(Checkpoint source, TargetRequest request, Set<String> elsewhere) throws IOException, PolicyException {
        Stripping stripping = Stripping.of(source, request);
        Family family = request.families().byName(source.architecture().family()).orElseThrow(() -> new PolicyException(
                "gguf needs to know the architecture: " + source.architecture().name() + " is of no known family"));
        Dialect dialect = family.dialect(Dialect.GGUF)
                .orElseThrow(() -> new PolicyException("gguf: nothing is known of how GGUF files hold " + family.name()));
        Architecture architecture = stripping.architecture();
        Map<String, Weight> weights = weights(stripping);
        List<Finding> findings = new ArrayList<>();
        List<TargetTensor> tensors = tensors(source, dialect, architecture, weights, elsewhere, findings);
        scalesLost(source, weights, findings);
        Map<String, String> record = OutputRecord.of(source, request, stripping);
        CacheChoice.recorded(word -> Optional.ofNullable(record.get(word))).ifPresent(choice -> cache(choice, findings));
        return new TextPart(source, record, request.limits(), architecture, dialect,
                List.copyOf(tensors), List.copyOf(findings),
                TokenizerKeys.of(source, architecture, request.limits()));
    }

    /// The weights that are not stripped, by key.
    static Map<String, Weight> weights(Stripping stripping) {
        Map<String, Weight> weights = new LinkedHashMap<>();
        stripping.weights().forEach(weight -> weights.put(weight.key(), weight));
        return weights;
    }

    private static List<TargetTensor> tensors(Checkpoint source, Dialect dialect, Architecture architecture, Map<String, Weight> weights,
            Set<String> elsewhere, List<Finding> findings) throws PolicyException {
        Set<String> unused = new HashSet<>(weights.keySet());
        unused.removeAll(elsewhere);
        boolean tied = architecture.parameters().flag("tie_word_embeddings").orElse(true) && !source.format().equals(GgufFormat.NAME);
        List<TargetTensor> tensors = new ArrayList<>();
        for (TensorSpec spec : dialect.tensors(architecture)) {
            List<String> keys = spec.holding().keys();
            if (spec.presence() == TensorSpec.Presence.DEAD || spec.identity().role().equals(Role.OUTPUT_HEAD) && tied) {
                continue;
            }
            if (!weights.keySet().containsAll(keys)) {
                if (spec.presence() == TensorSpec.Presence.REQUIRED) {
                    throw new PolicyException("gguf needs " + spec.name() + ", for which the source has no weights");
                }
                continue;
            }
            View view = spec.holding().assemble(key -> java.util.Objects.requireNonNull(weights.get(key)).view());
            tensors.add(new TargetTensor(spec.name(), spec.identity(), view, keys));
            keys.forEach(unused::remove);
        }
        leftOut(weights, unused, findings);
        return tensors;
    }

    /// Everything that the text file has no place for is a finding.
    private static void leftOut(Map<String, Weight> weights, Set<String> unused, List<Finding> findings) {
        List<String> encoders = new ArrayList<>();
        List<String> heads = new ArrayList<>();
        List<String> dead = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (Weight weight : weights.values()) {
            if (!unused.contains(weight.key())) {
                continue;
            }
            Component component = weight.identity().component();
            List<String> names = weight.stored().stream().map(StoredTensor::name).toList();
            if (component.equals(Component.VISION_ENCODER) || component.equals(Component.AUDIO_ENCODER)
                    || component.equals(Component.PROJECTOR)) {
                encoders.addAll(names);
            } else if (weight.identity().role().equals(Role.OUTPUT_HEAD)) {
                heads.addAll(names);
            } else if (weight.identity().layer() != Identity.NO_LAYER) {
                dead.addAll(names);
            } else {
                others.addAll(names);
            }
        }
        add(findings, "encoders-left-out", encoders,
                "tensors of the vision and audio encoders are left out: a GGUF text model has no place for them");
        add(findings, "tied-head-left-out", heads, "tensor of the output head is left out: the model ties it to the token embedding");
        add(findings, "dead-weights-left-out", dead,
                "tensors of layers that read another layer's key/value cache are left out: llama.cpp does not use them");
        add(findings, "tensors-left-out", others, "tensors are left out: GGUF has no place for them");
    }

    /// A GGUF file has no place for the type of a cache; llama.cpp is told when it starts.
    private static void cache(CacheChoice choice, List<Finding> findings) {
        boolean uniform = choice.sliding().equals(choice.full());
        String wider = uniform ? choice.full() : "f16";
        String type = wider.equals("int8") ? "q8_0" : wider;
        findings.add(Finding.info(
                "kv-cache-at-start", "llama.cpp is told the type of the key/value cache when it starts, one for all layers:"
                        + " --cache-type-k " + type + " --cache-type-v " + type
                        + (uniform && type.equals(choice.full()) ? ""
                                : " is the nearest it has to " + choice.sliding() + " in sliding layers and " + choice.full()
                                        + " in full ones"),
                List.of()));
    }

    /// Activations of a checkpoint trained with static scales are clamped and rounded where the scales say so; llama.cpp does neither.
    private static void scalesLost(Checkpoint source, Map<String, Weight> weights, List<Finding> findings) {
        List<String> activation = new ArrayList<>();
        for (Weight weight : weights.values()) {
            weight.activationScales().forEach(scale -> activation.add(scale.name()));
        }
        List<String> cache = source.graph().stored().stream().filter(tensor -> source.graph().identity(tensor).role().equals(Role.KV_SCALE))
                .map(StoredTensor::name).toList();
        add(findings, "activation-scales-lost", activation,
                "trained scales of static activations are lost: GGUF has no place for them. Compare the"
                        + " perplexity of the result with that of the source to measure what that costs");
        add(findings, "cache-scales-lost", cache, "trained scales of the key/value cache are lost: GGUF has no place for them");
    }

    private static void add(List<Finding> findings, String code, List<String> names, String text) {
        if (!names.isEmpty()) {
            findings.add(Finding.warning(code, names.size() + " " + text, names));
        }
    }

    /// llama.cpp computes with these in single precision and its converter writes them so: everything of one dimension, norms, routers, and
    /// whatever is not named a weight. (llama.cpp `conversion/base.py`.)
    @Override
    public Optional<Choice> fixed(TargetTensor tensor) {
        String name = tensor.name();
        boolean vector = tensor.shape().rank() <= 1;
        if (vector || name.endsWith("_norm.weight") || !name.endsWith(".weight") || name.endsWith("ffn_gate_inp.weight")) {
            return Optional.of(Choice.of(GgmlEncodings.of(GgmlType.F32), "llama.cpp keeps it in single precision"));
        }
        return Optional.empty();
    }

    /// A dense type is what llama.cpp's converter is asked for, and it gives it to all; quantised types are llama-quantize's.
    @Override
    public boolean follows(GgufFileType type, TargetTensor tensor) {
        return type.dense() || !Untouched.byQuantize(tensor.name(), tensor.shape());
    }

    @Override
    public void keys(GgufHeader.Builder builder, Made made) throws PolicyException {
        List<MetadataEntry> entries = dialect.metadata(architecture);
        String prefix = entries.getFirst().name();
        builder.put("general.architecture", prefix.substring(0, prefix.indexOf('.')));
        builder.put("general.type", "model");
        GeneralKeys.add(source, limits, builder);
        for (MetadataEntry entry : entries) {
            builder.put(entry.name(), Metadata.value(entry));
        }
        tokenizer.forEach(builder::put);
        builder.putU32(GeneralKeys.QUANTIZATION_VERSION, GeneralKeys.CURRENT_QUANTIZATION_VERSION);
        builder.putU32(GeneralKeys.FILE_TYPE, made.fileType());
        record.forEach(builder::put);
    }
}
