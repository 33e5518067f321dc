package io.github.weighbridge.safetensors;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.TensorSpec;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.scan.DecodedType;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Stripping;
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
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/// The tensors that a Hugging Face folder of a checkpoint has, whatever their encodings, and what is left of the model when parts are left out.
///
/// Tensors of a known family get the names of its Hugging Face dialect; where the source already has that name in another spelling, or the
/// family is not known, tensors keep theirs. A quantised weight has the name of the plain one.
public final class HuggingFaceTensors {
    private static final String TABLE = ".embedding_quantized";
    private static final String WEIGHT = ".weight";

    private final Checkpoint source;
    private final Stripping stripping;
    private final Optional<Dialect> text;
    private final List<TargetTensor> tensors;
    private final Map<String, Weight> single;
    private final Map<String, TargetTensor> wholes;

    private HuggingFaceTensors(Checkpoint source, Stripping stripping, Optional<Dialect> text, List<TargetTensor> tensors,
            Map<String, TargetTensor> wholes) {
        this.source = source;
        this.stripping = stripping;
        this.text = text;
        this.tensors = List.copyOf(tensors);
        this.wholes = Map.copyOf(wholes);
        Map<String, Weight> byKey = new HashMap<>();
        stripping.weights().forEach(weight -> byKey.put(weight.key(), weight));
        this.single = new HashMap<>();
        for (TargetTensor tensor : tensors) {
            if (tensor.weights().size() == 1) {
                single.put(tensor.name(), Objects.requireNonNull(byKey.get(tensor.weights().getFirst())));
            }
        }
    }

    /// The tensors of a checkpoint without the parts that a request leaves out.
    ///
    /// @throws PolicyException when there is no such part
    public static HuggingFaceTensors of(Checkpoint source, TargetRequest request) throws PolicyException {
        return of(source, request, false);
    }

    /// The same with what the family's own files hold together apart, where there are files that have it so: each expert a module. [#whole] gives
    /// what they are parts of.
    ///
    /// @throws PolicyException when there is no such part
    public static HuggingFaceTensors apart(Checkpoint source, TargetRequest request) throws PolicyException {
        return of(source, request, true);
    }

    private static HuggingFaceTensors of(Checkpoint source, TargetRequest request, boolean apart) throws PolicyException {
        Optional<Dialect> dialect = request.families().byName(source.architecture().family())
                .flatMap(family -> family.dialect(Dialect.HUGGING_FACE));
        Stripping stripping = Stripping.of(source, request);
        boolean text = stripping.leavesTextAlone(source);
        Map<String, TargetTensor> wholes = new HashMap<>();
        return new HuggingFaceTensors(source, stripping, text ? dialect : Optional.empty(),
                tensors(source, dialect, text, stripping.weights(), apart, wholes), wholes);
    }

    private static List<TargetTensor> tensors(Checkpoint source, Optional<Dialect> dialect, boolean text, List<Weight> kept, boolean apart,
            Map<String, TargetTensor> wholes) {
        Map<String, Weight> byKey = new LinkedHashMap<>();
        kept.forEach(weight -> byKey.put(weight.key(), weight));
        Set<String> left = new HashSet<>(byKey.keySet());
        List<TargetTensor> tensors = new ArrayList<>();
        if (dialect.isPresent()) {
            Map<String, String> storedNames = new HashMap<>();
            source.graph().stored()
                    .forEach(tensor -> storedNames.put(dialect.get().canonicalName(tensor.name()), plainName(tensor.name())));
            for (TensorSpec spec : dialect.get().tensors(source.architecture())) {
                List<String> keys = spec.holding().keys();
                if (!keys.isEmpty() && left.containsAll(keys)) {
                    TargetTensor whole = target(source, dialect.get(), text, spec, storedNames, byKey);
                    List<TensorSpec> parts = apart ? dialect.get().apart(spec) : List.of();
                    for (TensorSpec part : parts) {
                        TargetTensor tensor = target(source, dialect.get(), text, part, storedNames, byKey);
                        tensors.add(tensor);
                        wholes.put(tensor.name(), whole);
                    }
                    if (parts.isEmpty()) {
                        tensors.add(whole);
                    }
                    keys.forEach(left::remove);
                }
            }
        }
        for (Weight weight : kept) {
            if (left.contains(weight.key())) {
                tensors.add(new TargetTensor(plainName(weight.key()), weight.identity(), weight.view(), List.of(weight.key())));
            }
        }
        return tensors;
    }

    private static TargetTensor target(Checkpoint source, Dialect dialect, boolean text, TensorSpec spec, Map<String, String> storedNames,
            Map<String, Weight> byKey) {
        View view = spec.holding().assemble(key -> Objects.requireNonNull(byKey.get(key)).view());
        String name = text ? dialect.textName(spec.name())
                : storedNames.getOrDefault(spec.name(), dialect.writtenName(spec.name(), source.architecture()));
        return new TargetTensor(name, spec.identity(), view, spec.holding().keys());
    }

    /// The name that a quantised table has when it is plain.
    private static String plainName(String stored) {
        return stored.endsWith(TABLE) ? stored.substring(0, stored.length() - TABLE.length()) + WEIGHT : stored;
    }

    /// The checkpoint that is converted.
    public Checkpoint source() {
        return source;
    }

    /// The source's files, by index.
    public List<ByteSource> files() {
        return source.files().stream().map(CheckpointFile::source).toList();
    }

    /// What is left of the model, and what was left out.
    public Stripping stripping() {
        return stripping;
    }

    /// What the model is without the parts that are left out.
    public Architecture architecture() {
        return stripping.architecture();
    }

    /// The weights that are left.
    public List<Weight> weights() {
        return stripping.weights();
    }

    /// The config.json of the result for that of the source, before its quantization: that of the text model alone where the last encoder is left
    /// out.
    Value.Fields config(Value.Fields config) {
        Value.Fields changed = text.flatMap(dialect -> dialect.textConfig(config)).orElse(config);
        for (String part : stripping.removed().keySet()) {
            String section = part + "_config";
            if (changed.get(section).isPresent()) {
                changed = changed.with(section, new Value.Nothing());
            }
            if (part.equals("ple")) {
                changed = withText(changed, "hidden_size_per_layer_input", Value.of(0));
            }
        }
        return changed;
    }

    private static Value.Fields withText(Value.Fields config, String key, Value value) {
        Optional<Value.Fields> inner = config.object("text_config");
        return inner.isPresent() ? config.with("text_config", inner.get().with(key, value)) : config.with(key, value);
    }

    /// The tensors, in the order of the dialect.
    public List<TargetTensor> tensors() {
        return tensors;
    }

    /// The tensor that one is a part of, where the family's own files hold these together; see [#apart].
    public Optional<TargetTensor> whole(TargetTensor part) {
        return Optional.ofNullable(wholes.get(part.name()));
    }

    /// The weight that a tensor is, where it is one alone.
    public Optional<Weight> weight(TargetTensor tensor) {
        return Optional.ofNullable(single.get(tensor.name()));
    }

    /// The scales of key/value caches in the source.
    public List<StoredTensor> cacheScales() {
        return source.graph().stored().stream().filter(tensor -> source.graph().identity(tensor).role().equals(Role.KV_SCALE)).toList();
    }

    /// The name of a number beside the weights, as the names of weights are written.
    ///
    /// @param stored in a folder that has the whole model
    public String name(String stored) {
        return text.map(dialect -> dialect.textName(dialect.canonicalName(stored))).orElse(stored);
    }

    /// A stored number as a tensor of a folder.
    ///
    /// @param shape of one element
    public TargetTensor number(StoredTensor stored, String name, Shape shape) {
        return new TargetTensor(name, source.graph().identity(stored), View.reshape(View.of(stored), shape), List.of());
    }

    /// The encoding that a tensor has whatever is asked for: integers and bytes that are not understood stay what they are.
    public static Optional<Choice> fixed(TargetTensor tensor) {
        if (tensor.view() instanceof View.Stored(StoredTensor stored)) {
            boolean number = stored.encoding().dense().map(DenseType::floatingPoint).orElse(stored.encoding().decoder().isPresent());
            boolean held = !(stored.encoding() instanceof OpaqueEncoding opaque) || SafetensorsType.named(opaque.name()).isPresent();
            if (!number && held) {
                return Optional.of(Choice.of(stored.encoding(), "not a floating point type"));
            }
        }
        return Optional.empty();
    }

    /// The smallest dense type that holds a tensor's numbers.
    ///
    /// @throws PolicyException when they are not understood
    public Choice keepDense(TargetTensor tensor) throws PolicyException {
        DenseType type =
                Exact.denseType(tensor.view()).orElseThrow(() -> new PolicyException(tensor.name() + ": its numbers are not understood"));
        List<StoredTensor> stored = View.stored(tensor.view());
        if (stored.isEmpty() || stored.stream().anyMatch(one -> one.encoding().dense().isPresent())) {
            return Choice.of(DenseEncoding.of(type), "keep");
        }
        try {
            DenseType decoded = DecodedType.of(tensor.view(), files());
            return Choice.of(DenseEncoding.of(decoded), "keep: codes and scales decode to " + decoded + " exactly");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
