package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.Family;
import io.github.weighbridge.family.MetadataEntry;
import io.github.weighbridge.family.TensorSpec;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.gguf.file.GgufValueType;
import io.github.weighbridge.gguf.tokenizer.TokenizerKeys;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Blob;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A checkpoint as llama.cpp wants it: the tensors of the family's GGUF dialect, its keys, and the tokenizer's.
final class GgufTarget implements Target {
    private final Checkpoint source;
    private final Architecture architecture;
    private final Dialect dialect;
    private final TargetRequest request;
    private final List<TargetTensor> tensors;
    private final List<Finding> findings;
    private final Map<String, GgufValue> tokenizer;
    private final CodeCarriage carriage;
    private final Q4Evidence evidence;

    private GgufTarget(Checkpoint source, Architecture architecture, Dialect dialect, TargetRequest request, List<TargetTensor> tensors,
            List<Finding> findings, Map<String, GgufValue> tokenizer, CodeCarriage carriage) {
        this.source = source;
        this.architecture = architecture;
        this.dialect = dialect;
        this.request = request;
        this.tensors = List.copyOf(tensors);
        this.findings = List.copyOf(findings);
        this.tokenizer = tokenizer;
        this.carriage = carriage;
        this.evidence = new Q4Evidence(source);
    }

    static GgufTarget of(Checkpoint source, TargetRequest request) throws IOException, PolicyException {
        Architecture architecture = source.architecture();
        Family family = request.families().byName(architecture.family()).orElseThrow(() -> new PolicyException(
                "gguf needs to know the architecture: " + source.architecture().name() + " is of no known family"));
        Dialect dialect = family.dialect(Dialect.GGUF)
                .orElseThrow(() -> new PolicyException("gguf: nothing is known of how GGUF files hold " + family.name()));
        for (String part : request.strip()) {
            if (!family.parts().contains(part)) {
                throw new PolicyException("--strip " + part + ": " + architecture.name() + " (" + family.name() + ") has no such part");
            }
            architecture = family.without(architecture, part);
        }
        Map<String, Weight> weights = new LinkedHashMap<>();
        for (Weight weight : source.graph().weights()) {
            if (request.strip().stream().noneMatch(part -> family.belongsTo(part, weight.key(), weight.identity()))) {
                weights.put(weight.key(), weight);
            }
        }
        List<Finding> findings = new ArrayList<>();
        List<TargetTensor> tensors = tensors(source, dialect, architecture, weights, findings);
        scalesLost(source, weights, findings);
        CodeCarriage carriage = CodeCarriage.of(source, tensors);
        return new GgufTarget(source, architecture, dialect, request, tensors, findings,
                TokenizerKeys.of(source, architecture, request.limits()), carriage);
    }

    private static List<TargetTensor> tensors(Checkpoint source, Dialect dialect, Architecture architecture, Map<String, Weight> weights,
            List<Finding> findings) throws PolicyException {
        Set<String> unused = new HashSet<>(weights.keySet());
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

    /// Activations of a checkpoint trained with static scales are clamped and rounded where the scales say so; llama.cpp does neither.
    private static void scalesLost(Checkpoint source, Map<String, Weight> weights, List<Finding> findings) {
        List<String> activation = new ArrayList<>();
        for (Weight weight : weights.values()) {
            weight.inputScale().ifPresent(scale -> activation.add(scale.name()));
            weight.outputScale().ifPresent(scale -> activation.add(scale.name()));
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

    @Override
    public List<TargetTensor> tensors() {
        return tensors;
    }

    @Override
    public List<Finding> findings() {
        return findings;
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

    /// Matrices that llama-quantize leaves in the type they have. (llama.cpp `src/llama-quant.cpp`.)
    private static boolean quantised(TargetTensor tensor) {
        return !tensor.name().contains("per_layer_model_proj");
    }

    @Override
    public Choice keep(TargetTensor tensor) throws PolicyException {
        Optional<Choice> carried = carriage.choice(tensor);
        if (carried.isPresent()) {
            return carried.get();
        }
        if (tensor.view() instanceof View.Stored(StoredTensor stored) && stored.encoding().dense().isEmpty()
                && GgmlType.ofName(stored.encoding().name()).map(GgmlEncodings::of).filter(stored.encoding()::equals).isPresent()) {
            return Choice.of(stored.encoding(), "keep");
        }
        DenseType type =
                Exact.denseType(tensor.view()).orElseThrow(() -> new PolicyException(tensor.name() + ": its numbers are not understood"));
        return Choice.of(GgmlEncodings.of(holding(type)), "keep");
    }

    private static GgmlType holding(DenseType type) {
        return switch (type) {
            case F64 -> GgmlType.F64;
            case BF16 -> GgmlType.BF16;
            case F16 -> GgmlType.F16;
            case F8_E4M3, F8_E5M2, F8_E8M0 -> GgmlType.BF16;
            case F32, U16, I16, U8, I8, BOOL -> GgmlType.F32;
            case I32 -> GgmlType.I32;
            case I64, U32, U64 -> GgmlType.I64;
        };
    }

    @Override
    public Optional<Encoding> encoding(String word) {
        String plain = word.startsWith("gguf:") ? word.substring("gguf:".length()) : word;
        return GgmlType.ofName(plain).filter(type -> !type.runtimeOnly()).map(GgmlEncodings::of);
    }

    /// `exact` alone is the only type that has such a recipe. Where no recipe is named, Q4_0 finds a grid again that is there.
    @Override
    public Optional<Choice> choice(String word, TargetTensor tensor, String reason) {
        String full = word.equals(Q4Evidence.EXACT) ? "Q4_0:" + word : word;
        Optional<Choice> choice = Target.super.choice(full, tensor, reason);
        return encoding(full).isEmpty() ? choice : choice.map(found -> evidence.choice(tensor, found));
    }

    @Override
    public Optional<String> refuses(TargetTensor tensor, Encoding encoding) {
        Optional<String> misfit = encoding.misfit(tensor.shape());
        if (misfit.isPresent()) {
            return misfit;
        }
        if (Exact.denseType(tensor.view()).isEmpty()) {
            return Optional.of("its numbers are not understood");
        }
        boolean same = tensor.view() instanceof View.Stored(StoredTensor stored) && stored.encoding().equals(encoding);
        if (!same && encoding.encoder(io.github.weighbridge.encoding.EncoderInputs.PLAIN).isEmpty()) {
            return Optional.of("this version does not write " + encoding.name());
        }
        return Optional.empty();
    }

    @Override
    public Assignment type(String type, boolean pure) throws PolicyException {
        int colon = type.indexOf(':');
        Optional<String> method = colon < 0 ? Optional.empty() : Optional.of(type.substring(colon + 1));
        GgufFileType fileType = GgufFileType.named(colon < 0 ? type : type.substring(0, colon))
                .orElseThrow(() -> new PolicyException("--type " + type + ": gguf has " + String.join(", ", GgufFileType.names())));
        Map<String, Choice> choices = new LinkedHashMap<>();
        List<TargetTensor> mixed = new ArrayList<>();
        for (TargetTensor tensor : tensors) {
            Optional<Choice> fixed = fixed(tensor);
            if (fixed.isPresent()) {
                choices.put(tensor.name(), fixed.get());
            } else if (!fileType.dense() && !quantised(tensor)) {
                Choice kept = keep(tensor);
                choices.put(tensor.name(), new Choice(kept.encoding(), kept.method(), "llama-quantize leaves it as it is"));
            } else {
                mixed.add(tensor);
            }
        }
        QuantizationMix mix = new QuantizationMix(fileType, pure || fileType.dense(), architecture, tensors, false);
        Map<String, QuantizationMix.Chosen> chosen = mix.assign(mixed);
        List<String> fallbacks = new ArrayList<>();
        for (TargetTensor tensor : mixed) {
            QuantizationMix.Chosen one = java.util.Objects.requireNonNull(chosen.get(tensor.name()));
            Encoding encoding = GgmlEncodings.of(one.type());
            Optional<String> refusal = refuses(tensor, encoding);
            if (refusal.isPresent()) {
                throw new PolicyException(
                        "--type " + fileType + ": " + tensor.name() + " cannot be " + encoding.name() + ": " + refusal.get());
            }
            Choice choice = Choice.of(encoding, one.fallback() ? "fallback of type " + fileType : "type " + fileType);
            choices.put(tensor.name(), Q4Evidence.choice(choice, method, () -> evidence.choice(tensor, choice)));
            if (one.fallback()) {
                fallbacks.add(tensor.name());
            }
        }
        List<Finding> noted = fallbacks.isEmpty() ? List.of()
                : List.of(Finding.info("fallback", fallbacks.size()
                        + " tensors whose rows are no multiple of the block have another type, as llama-quantize gives it", fallbacks));
        Q4Evidence.check(fileType.name(), method, choices.values());
        return new Assignment(choices, noted, Optional.of(fileType.name()));
    }

    @Override
    public ConversionPlan plan(Assignment assignment) throws PolicyException {
        GgufHeader.Builder builder = GgufHeader.builder();
        keys(builder, assignment);
        Map<String, Identity> identities = new HashMap<>();
        for (TargetTensor tensor : tensors) {
            identities.put(tensor.name(), tensor.identity());
            builder.tensor(tensor.name(), tensor.shape(), typeOf(assignment.of(tensor).encoding()));
        }
        GgufHeader header = builder.build();
        LayoutBuilder layout = new LayoutBuilder();
        layout.beginFile(request.name(), true);
        try {
            layout.rendered(Blob.of(header.toBytes()));
        } catch (IOException e) {
            throw new UncheckedIOException("the header is rendered in memory", e);
        }
        for (TargetTensor tensor : tensors) {
            // A scalar is written as a vector of one.
            TargetTensor stored = tensor.shape().rank() == 0
                    ? new TargetTensor(tensor.name(), tensor.identity(), View.reshape(tensor.view(), Shape.of(1)), tensor.weights())
                    : tensor;
            layout.tensor(stored, assignment.of(tensor));
            layout.align(header.alignment());
        }
        layout.endFile();
        if (layout.files().getFirst().length() != header.fileLength()) {
            throw new IllegalStateException(
                    "laid out " + layout.files().getFirst().length() + " bytes, the header says " + header.fileLength());
        }
        List<Finding> all = new ArrayList<>(source.findings());
        all.removeIf(finding -> finding.code().equals("dead-weights"));
        all.addAll(findings);
        if (tensors.stream().anyMatch(tensor -> assignment.of(tensor).equals(carriage.choice(tensor).orElse(null)))) {
            all.addAll(carriage.findings());
        }
        all.addAll(assignment.findings());
        return new ConversionPlan(GgufFormat.NAME, Optional.of(Integer.toString(GgufHeader.VERSION)), false, layout.files(), layout.jobs(),
                architecture,
                identities, all);
    }

    private static GgmlType typeOf(Encoding encoding) {
        return GgmlType.ofName(encoding.name()).orElseThrow(() -> new IllegalArgumentException("GGUF has no type " + encoding.name()));
    }

    private void keys(GgufHeader.Builder builder, Assignment assignment) throws PolicyException {
        List<MetadataEntry> entries = dialect.metadata(architecture);
        String prefix = entries.getFirst().name();
        builder.put("general.architecture", prefix.substring(0, prefix.indexOf('.')));
        builder.put("general.type", "model");
        GeneralKeys.add(source, request.limits(), builder);
        for (MetadataEntry entry : entries) {
            builder.put(entry.name(), value(entry));
        }
        tokenizer.forEach(builder::put);
        builder.putU32("general.quantization_version", 2);
        builder.putU32("general.file_type", fileType(assignment));
    }

    private static GgufValue value(MetadataEntry entry) {
        if (entry.value() instanceof Value.Items(List<Value> items)) {
            return switch (entry.type()) {
                case BOOL -> {
                    boolean[] flags = new boolean[items.size()];
                    for (int i = 0; i < flags.length; i++) {
                        flags[i] = ((Value.Flag) items.get(i)).set();
                    }
                    yield GgufArray.ofFlags(flags);
                }
                case I32, U32 -> GgufArray.ofWhole(entry.type() == MetadataEntry.Type.I32 ? GgufValueType.I32 : GgufValueType.U32,
                        items.stream().mapToLong(item -> ((Value.Whole) item).number()).toArray());
                case F32 -> {
                    float[] numbers = new float[items.size()];
                    for (int i = 0; i < numbers.length; i++) {
                        numbers[i] = (float) number(items.get(i));
                    }
                    yield GgufArray.ofFloats(numbers);
                }
                case TEXT -> GgufArray.ofStrings(items.stream().map(item -> ((Value.Text) item).text()).toList());
            };
        }
        return switch (entry.type()) {
            case TEXT -> GgufValue.text(((Value.Text) entry.value()).text());
            case U32 -> GgufValue.u32(((Value.Whole) entry.value()).number());
            case I32 -> GgufValue.i32(Math.toIntExact(((Value.Whole) entry.value()).number()));
            case F32 -> GgufValue.f32((float) number(entry.value()));
            case BOOL -> GgufValue.flag(((Value.Flag) entry.value()).set());
        };
    }

    private static double number(Value value) {
        return value instanceof Value.Whole(long number) ? number : ((Value.Real) value).number();
    }

    /// The named type, or the file type of the tensor type that most parameters have.
    private long fileType(Assignment assignment) {
        Optional<GgufFileType> named = assignment.type().flatMap(GgufFileType::named);
        if (named.isPresent()) {
            return named.get().id();
        }
        Map<GgmlType, Long> counts = new HashMap<>();
        for (TargetTensor tensor : tensors) {
            if (fixed(tensor).isEmpty()) {
                counts.merge(typeOf(assignment.of(tensor).encoding()), tensor.shape().elements(), Long::sum);
            }
        }
        return counts.entrySet().stream().max(Map.Entry.comparingByValue()).flatMap(entry -> GgufFileType.mostly(entry.getKey()))
                .map(GgufFileType::id).orElse(GgufFileType.F32.id());
    }
}
