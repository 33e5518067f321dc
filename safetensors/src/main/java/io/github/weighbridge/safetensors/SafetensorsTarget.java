package io.github.weighbridge.safetensors;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.Family;
import io.github.weighbridge.family.TensorSpec;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Blob;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.safetensors.file.SafetensorsIndex;
import io.github.weighbridge.safetensors.file.SafetensorsLayout;
import io.github.weighbridge.safetensors.file.SafetensorsShards;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.scan.DecodedType;
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
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// A folder of plain numbers in Hugging Face's form: every tensor dense, shards with an index, config.json and all other documents carried over.
///
/// Tensors of a known family get the names of its Hugging Face dialect; where the source already has that name, or the family is not known,
/// tensors keep theirs.
final class SafetensorsTarget implements Target {
    /// Shards are at most this long unless told otherwise: 5 GB, as transformers writes them.
    private static final long DEFAULT_SHARD_BYTES = 5_000_000_000L;

    private final Checkpoint source;
    private final Architecture architecture;
    private final List<TargetTensor> tensors;
    private final List<Finding> findings;
    private final Set<String> strip;
    private final Map<String, String> record;
    private final long shardBytes;
    private final Limits limits;

    private SafetensorsTarget(Checkpoint source, Architecture architecture, List<TargetTensor> tensors, List<Finding> findings,
            Set<String> strip, Map<String, String> record, long shardBytes, Limits limits) {
        this.source = source;
        this.architecture = architecture;
        this.tensors = List.copyOf(tensors);
        this.findings = List.copyOf(findings);
        this.strip = strip;
        this.record = record;
        this.shardBytes = shardBytes;
        this.limits = limits;
    }

    static SafetensorsTarget of(Checkpoint source, TargetRequest request) throws PolicyException {
        Optional<Family> family = request.families().byName(source.architecture().family());
        List<Finding> findings = new ArrayList<>();
        Architecture architecture = source.architecture();
        for (String part : request.strip()) {
            if (family.isEmpty() || !family.get().parts().contains(part)) {
                throw new PolicyException(
                        "--strip " + part + ": " + architecture.name() + " (" + architecture.family() + ") has no such part");
            }
            architecture = family.get().without(architecture, part);
        }
        Set<String> strip = request.strip();
        List<Weight> kept = source.graph().weights().stream()
                .filter(weight -> strip.stream().noneMatch(part -> family.orElseThrow().belongsTo(part, weight.key(), weight.identity())))
                .toList();
        long shardBytes = DEFAULT_SHARD_BYTES;
        Optional<String> asked = request.option("max-shard-size");
        if (asked.isPresent()) {
            shardBytes = Long.parseLong(asked.get());
        }
        List<TargetTensor> tensors = tensors(source, family.flatMap(f -> f.dialect(Dialect.HUGGING_FACE)), kept, findings);
        return new SafetensorsTarget(source, architecture, tensors, findings, strip, record(request), shardBytes, request.limits());
    }

    /// Texts for `__metadata__`: what was taken out of the model, the cache it is meant for, and notes. Empty where nothing was asked of the kind.
    private static Map<String, String> record(TargetRequest request) {
        Map<String, String> record = new LinkedHashMap<>();
        if (!request.strip().isEmpty()) {
            record.put("weighbridge.stripped", String.join(",", new TreeSet<>(request.strip())));
        }
        request.option(TargetRequest.CACHE_SLIDING).ifPresent(type -> record.put("weighbridge.kv_cache.sliding", type));
        request.option(TargetRequest.CACHE_FULL).ifPresent(type -> record.put("weighbridge.kv_cache.full", type));
        new TreeMap<>(request.options()).forEach((word, text) -> {
            if (word.startsWith(TargetRequest.NOTE)) {
                record.put("weighbridge." + word, text);
            }
        });
        return record;
    }

    private static List<TargetTensor> tensors(Checkpoint source, Optional<Dialect> dialect, List<Weight> kept, List<Finding> findings) {
        Map<String, Weight> byKey = new LinkedHashMap<>();
        kept.forEach(weight -> byKey.put(weight.key(), weight));
        Set<String> left = new HashSet<>(byKey.keySet());
        List<TargetTensor> tensors = new ArrayList<>();
        if (dialect.isPresent()) {
            Map<String, String> storedNames = new HashMap<>();
            source.graph().stored().stream().filter(tensor -> tensor.encoding().dense().isPresent())
                    .forEach(tensor -> storedNames.put(dialect.get().canonicalName(tensor.name()), tensor.name()));
            for (TensorSpec spec : dialect.get().tensors(source.architecture())) {
                List<String> keys = spec.holding().keys();
                if (!keys.isEmpty() && left.containsAll(keys)) {
                    View view = spec.holding().assemble(key -> java.util.Objects.requireNonNull(byKey.get(key)).view());
                    tensors.add(new TargetTensor(
                            storedNames.getOrDefault(spec.name(), dialect.get().writtenName(spec.name(), source.architecture())),
                            spec.identity(), view, keys));
                    keys.forEach(left::remove);
                }
            }
        }
        for (Weight weight : kept) {
            if (left.contains(weight.key())) {
                tensors.add(new TargetTensor(weight.key(), weight.identity(), weight.view(), List.of(weight.key())));
            }
        }
        List<String> scales = new ArrayList<>();
        for (Weight weight : kept) {
            weight.inputScale().ifPresent(scale -> scales.add(scale.name()));
            weight.outputScale().ifPresent(scale -> scales.add(scale.name()));
        }
        if (!scales.isEmpty()) {
            findings.add(Finding.warning("activation-scales-lost",
                    scales.size() + " scales of static activations have no place in a folder of plain numbers", scales));
        }
        return tensors;
    }

    @Override
    public List<TargetTensor> tensors() {
        return tensors;
    }

    @Override
    public List<Finding> findings() {
        return findings;
    }

    /// Integers and bytes that are not understood stay what they are.
    @Override
    public Optional<Choice> fixed(TargetTensor tensor) {
        if (tensor.view() instanceof View.Stored(StoredTensor stored)) {
            boolean number = stored.encoding().dense().map(DenseType::floatingPoint).orElse(stored.encoding().decoder().isPresent());
            if (!number) {
                return Optional.of(Choice.of(stored.encoding(), "not a floating point type"));
            }
        }
        return Optional.empty();
    }

    @Override
    public Choice keep(TargetTensor tensor) throws PolicyException {
        DenseType type =
                Exact.denseType(tensor.view()).orElseThrow(() -> new PolicyException(tensor.name() + ": its numbers are not understood"));
        List<StoredTensor> stored = View.stored(tensor.view());
        if (stored.isEmpty() || stored.stream().anyMatch(one -> one.encoding().dense().isPresent())) {
            return Choice.of(DenseEncoding.of(type), "keep");
        }
        try {
            DenseType decoded = DecodedType.of(tensor.view(), source.files().stream().map(CheckpointFile::source).toList());
            return Choice.of(DenseEncoding.of(decoded), "keep: codes and scales decode to " + decoded + " exactly");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public Optional<Encoding> encoding(String word) {
        String plain = word.startsWith("safetensors:") ? word.substring("safetensors:".length()) : word;
        return switch (plain.toLowerCase(Locale.ROOT)) {
            case "bf16" -> Optional.of(DenseEncoding.BF16);
            case "f16" -> Optional.of(DenseEncoding.F16);
            case "f32" -> Optional.of(DenseEncoding.F32);
            default -> Optional.empty();
        };
    }

    @Override
    public Assignment type(String type, boolean pure) throws PolicyException {
        Encoding encoding = encoding(type)
                .orElseThrow(() -> new PolicyException("--type " + type + ": safetensors has BF16, F16 and F32"));
        Map<String, Choice> choices = new LinkedHashMap<>();
        tensors.forEach(tensor -> choices.put(tensor.name(), Choice.of(encoding, "type " + type)));
        return new Assignment(choices, List.of(), Optional.empty());
    }

    @Override
    public Optional<String> refuses(TargetTensor tensor, Encoding encoding) {
        if (encoding.dense().isEmpty()) {
            return Optional.of("a folder of plain numbers holds dense types only");
        }
        return Exact.denseType(tensor.view()).isPresent() ? Optional.empty() : Optional.of("its numbers are not understood");
    }

    @Override
    public ConversionPlan plan(Assignment assignment) throws PolicyException {
        Map<String, TargetTensor> byName = new HashMap<>();
        List<SafetensorsLayout.Tensor> entries = new ArrayList<>();
        Map<String, Identity> identities = new HashMap<>();
        long parameters = 0;
        for (TargetTensor tensor : tensors) {
            byName.put(tensor.name(), tensor);
            identities.put(tensor.name(), tensor.identity());
            entries.add(new SafetensorsLayout.Tensor(tensor.name(), type(assignment.of(tensor).encoding()), tensor.shape()));
            parameters += tensor.shape().elements();
        }
        SafetensorsShards shards = SafetensorsShards.plan(entries, record, shardBytes, OptionalLong.of(parameters));
        LayoutBuilder layout = new LayoutBuilder();
        for (SafetensorsShards.Planned planned : shards.files()) {
            layout.beginFile(planned.file(), true);
            layout.rendered(Blob.of(planned.layout().prefix()));
            planned.layout().entries().forEach(entry -> {
                TargetTensor tensor = java.util.Objects.requireNonNull(byName.get(entry.name()));
                layout.tensor(tensor, assignment.of(tensor));
            });
            layout.endFile();
        }
        shards.index().ifPresent(index -> {
            layout.beginFile(SafetensorsIndex.FILE, false);
            layout.rendered(Blob.of(index.bytes()));
            layout.endFile();
        });
        documents(assignment, layout);
        List<Finding> all = new ArrayList<>(source.findings());
        all.addAll(findings);
        all.addAll(assignment.findings());
        return new ConversionPlan(SafetensorsFormat.NAME, Optional.empty(), true, layout.files(), layout.jobs(), architecture, identities,
                all);
    }

    private static SafetensorsType type(Encoding encoding) {
        if (encoding instanceof OpaqueEncoding opaque) {
            return SafetensorsType.named(opaque.name()).orElseThrow();
        }
        return SafetensorsType.named(encoding.dense().orElseThrow().name()).orElseThrow();
    }

    private void documents(Assignment assignment, LayoutBuilder layout) throws PolicyException {
        for (String name : source.documents().names()) {
            ByteSource document = source.documents().get(name).orElseThrow();
            layout.beginFile(name, false);
            Optional<Value.Fields> config = name.equals(HuggingFaceFolder.CONFIG) ? changedConfig(document, assignment) : Optional.empty();
            if (config.isPresent()) {
                layout.rendered(Blob.of(Json.prettyBytes(config.get())));
            } else {
                layout.document(name, document.length());
            }
            layout.endFile();
        }
    }

    /// config.json as the result needs it; empty when the source's own is right.
    private Optional<Value.Fields> changedConfig(ByteSource document, Assignment assignment) throws PolicyException {
        Value.Fields config;
        try {
            config = Json.parseObject(document, limits);
        } catch (IOException e) {
            throw new PolicyException(document.name() + ": cannot be read again: " + e.getMessage());
        }
        Value.Fields changed = config.without("quantization_config");
        for (String part : strip) {
            String section = part + "_config";
            if (changed.get(section).isPresent()) {
                changed = changed.with(section, new Value.Nothing());
            }
            if (part.equals("ple")) {
                changed = withText(changed, "hidden_size_per_layer_input", Value.of(0));
            }
        }
        Optional<String> dtype = commonType(assignment);
        if (dtype.isPresent()) {
            Value word = Value.of(dtype.get());
            for (String key : List.of("dtype", "torch_dtype")) {
                if (changed.get(key).isPresent()) {
                    changed = changed.with(key, word);
                }
                Optional<Value.Fields> text = changed.object("text_config");
                if (text.isPresent() && text.get().get(key).isPresent()) {
                    changed = changed.with("text_config", text.get().with(key, word));
                }
            }
        }
        return changed.equals(config) ? Optional.empty() : Optional.of(changed);
    }

    private static Value.Fields withText(Value.Fields config, String key, Value value) {
        Optional<Value.Fields> text = config.object("text_config");
        return text.isPresent() ? config.with("text_config", text.get().with(key, value)) : config.with(key, value);
    }

    /// The type that most parameters have, as config.json names it.
    private Optional<String> commonType(Assignment assignment) {
        Map<DenseType, Long> counts = new HashMap<>();
        for (TargetTensor tensor : tensors) {
            assignment.of(tensor).encoding().dense().ifPresent(type -> counts.merge(type, tensor.shape().elements(), Long::sum));
        }
        return counts.entrySet().stream().max(Map.Entry.comparingByValue()).flatMap(entry -> switch (entry.getKey()) {
            case BF16 -> Optional.of("bfloat16");
            case F16 -> Optional.of("float16");
            case F32 -> Optional.of("float32");
            case F64, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> Optional.<String>empty();
        });
    }
}
