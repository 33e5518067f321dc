package org.example.toy;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.TensorSpec;
import io.github.weighbridge.io.Value;
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
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// A checkpoint as this format would write it: dense numbers, under Hugging Face's names where a family knows them.
final class ToyTarget implements Target {
    private static final Map<String, DenseEncoding> TYPES =
            Map.of("f32", DenseEncoding.F32, "bf16", DenseEncoding.BF16, "f16", DenseEncoding.F16,
                    "toy32", DenseEncoding.F32, "toy16", DenseEncoding.BF16);

    /// The name of a model whose plans are wrong.
    static final String WRONG = "wrong";

    private final Checkpoint source;
    private final TargetRequest request;
    private final List<TargetTensor> tensors = new ArrayList<>();

    ToyTarget(Checkpoint source, TargetRequest request) throws PolicyException {
        this.source = source;
        this.request = request;
        if (!request.strip().isEmpty()) {
            throw new PolicyException("toy leaves nothing out");
        }
        Optional<Dialect> dialect =
                request.families().byName(source.architecture().family()).flatMap(family -> family.dialect(Dialect.HUGGING_FACE));
        if (dialect.isPresent()) {
            for (TensorSpec spec : dialect.get().tensors(source.architecture())) {
                List<String> keys = spec.holding().keys();
                if (!keys.isEmpty() && keys.stream().allMatch(key -> source.graph().weight(key).isPresent())) {
                    tensors.add(new TargetTensor(spec.name(), spec.identity(),
                            spec.holding().assemble(key -> source.graph().weight(key).orElseThrow().view()), keys));
                }
            }
            return;
        }
        for (Weight weight : source.graph().weights()) {
            tensors.add(new TargetTensor(weight.key(), weight.identity(), weight.view(), List.of(weight.key())));
        }
    }

    @Override
    public List<TargetTensor> tensors() {
        return tensors;
    }

    @Override
    public List<Finding> findings() {
        return List.of(Finding.warning("toy-loses", "documents such as the tokenizer have no place in toy files", List.of()));
    }

    @Override
    public Optional<Choice> fixed(TargetTensor tensor) {
        return Optional.empty();
    }

    @Override
    public Choice keep(TargetTensor tensor) throws PolicyException {
        Encoding stored = source.graph().weight(tensor.weights().getFirst()).orElseThrow().stored().getFirst().encoding();
        if (!(stored instanceof DenseEncoding) && stored.decoder().isEmpty()) {
            throw new PolicyException(tensor.name() + " is " + stored.name() + ", which toy cannot keep");
        }
        return Choice.of(stored instanceof DenseEncoding ? stored : DenseEncoding.F32, "keep");
    }

    @Override
    public Optional<Encoding> encoding(String word) {
        return Optional.ofNullable(TYPES.get(word.toLowerCase(Locale.ROOT)));
    }

    @Override
    public Assignment type(String type, boolean pure) throws PolicyException {
        Encoding encoding = encoding(type).orElseThrow(() -> new PolicyException("--type " + type + ": toy has no such type"));
        Map<String, Choice> choices = new LinkedHashMap<>();
        tensors.forEach(tensor -> choices.put(tensor.name(), Choice.of(encoding, "--type " + type)));
        return new Assignment(choices, List.of(), Optional.of(type));
    }

    @Override
    public Optional<String> refuses(TargetTensor tensor, Encoding encoding) {
        return encoding.misfit(tensor.shape());
    }

    @Override
    public ConversionPlan plan(Assignment assignment) {
        List<StoredTensor> stored = new ArrayList<>();
        Map<String, Identity> identities = new HashMap<>();
        for (TargetTensor tensor : tensors) {
            Encoding encoding = assignment.of(tensor).encoding();
            stored.add(new StoredTensor(tensor.name(), tensor.shape(), encoding, List.of(new Span(0, 0, encoding.bytes(tensor.shape())))));
            // A plan that is wrong about what its result is: someone has to notice.
            boolean wrong = source.architecture().name().equals(WRONG);
            identities.put(tensor.name(), wrong ? new Identity(Role.OTHER, Component.DRAFTER, Identity.NO_LAYER) : tensor.identity());
        }
        Value.Fields config = source.architecture().known() ? source.architecture().parameters() : Value.Fields.EMPTY;
        LayoutBuilder layout = new LayoutBuilder();
        layout.beginFile(request.name(), true);
        layout.rendered(Blob.of(ToyFormat.head(source.architecture().name(), config, stored)));
        tensors.forEach(tensor -> layout.tensor(tensor, assignment.of(tensor)));
        layout.endFile();
        List<Finding> findings = new ArrayList<>(source.findings());
        findings.addAll(findings());
        findings.addAll(assignment.findings());
        return new ConversionPlan("toy", Optional.of("1"), false, layout.files(), layout.jobs(), source.architecture(), identities,
                findings);
    }
}
