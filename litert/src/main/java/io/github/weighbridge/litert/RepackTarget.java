package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.OutputRecord;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Stripping;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A bundle that is to become a bundle. Where every tensor keeps its encoding the file is [written again as it is][Repack]; where a policy changes
/// one, graphs are built anew, if the model is one that they can be built for.
final class RepackTarget implements Target {
    private final Checkpoint source;
    private final TargetRequest request;
    private final Optional<Target> anew;
    private final String refusal;
    private final List<TargetTensor> tensors;
    private final Stripping stripping;

    private RepackTarget(Checkpoint source, TargetRequest request, Optional<Target> anew, String refusal) throws PolicyException {
        this.source = source;
        this.request = request;
        this.anew = anew;
        this.refusal = refusal;
        this.stripping = Stripping.of(source, request);
        Set<StoredTensor> gone = new HashSet<>();
        stripping.removed().values().forEach(weights -> weights.forEach(weight -> gone.addAll(weight.tensors())));
        this.tensors = anew.map(Target::tensors).orElseGet(() -> source.graph().stored().stream().filter(tensor -> !gone.contains(tensor))
                .map(tensor -> new TargetTensor(tensor.name(), source.graph().identity(tensor), View.of(tensor), List.of())).toList());
    }

    /// A bundle whose graphs cannot be built anew can lose the models of parts all the same.
    static RepackTarget of(Checkpoint source, TargetRequest request) throws IOException, PolicyException {
        try {
            return new RepackTarget(source, request, Optional.of(LitertTarget.of(source, request, BundleForm.LITERTLM)), "");
        } catch (PolicyException e) {
            return new RepackTarget(source, request, Optional.empty(), String.valueOf(e.getMessage()));
        }
    }

    @Override
    public List<TargetTensor> tensors() {
        return tensors;
    }

    /// What is lost depends on the assignment: plans say it.
    @Override
    public List<Finding> findings() {
        return List.of();
    }

    @Override
    public List<List<String>> fused() {
        return anew.map(Target::fused).orElse(List.of());
    }

    @Override
    public Optional<Choice> fixed(TargetTensor tensor) {
        return anew.flatMap(target -> target.fixed(tensor));
    }

    @Override
    public Choice keep(TargetTensor tensor) throws PolicyException {
        return anew.isPresent() ? anew.get().keep(tensor) : Choice.of(stored(tensor).encoding(), "keep");
    }

    private StoredTensor stored(TargetTensor tensor) {
        return source.graph().stored(tensor.name()).orElseThrow();
    }

    @Override
    public Optional<Encoding> encoding(String word) {
        return anew.flatMap(target -> target.encoding(word));
    }

    @Override
    public Optional<Choice> choice(String word, TargetTensor tensor, String reason) {
        return anew.flatMap(target -> target.choice(word, tensor, reason));
    }

    @Override
    public Assignment type(String type, boolean pure) throws PolicyException {
        if (anew.isEmpty()) {
            throw new PolicyException("--type " + type + ": this bundle can only be written again as it is: " + refusal);
        }
        return anew.get().type(type, pure);
    }

    @Override
    public Optional<String> refuses(TargetTensor tensor, Encoding encoding) {
        if (anew.isPresent()) {
            return anew.get().refuses(tensor, encoding);
        }
        return encoding.equals(stored(tensor).encoding()) ? Optional.empty()
                : Optional.of("this bundle can only be written again as it is: " + refusal);
    }

    @Override
    public ConversionPlan plan(Assignment assignment) throws PolicyException {
        Map<String, Encoding> changed = new LinkedHashMap<>();
        for (TargetTensor tensor : tensors) {
            Encoding encoding = assignment.of(tensor).encoding();
            if (source.graph().stored(tensor.name()).filter(stored -> stored.encoding().equals(encoding)).isEmpty()) {
                changed.put(tensor.name(), encoding);
            }
        }
        if (!request.strip().isEmpty()) {
            try {
                return Repack.plan(source, request.name(), stripping.removed().keySet(), OutputRecord.of(source, request, stripping));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return changed.isEmpty() || anew.isEmpty() ? Repack.plan(source, request.name()) : anew.get().plan(assignment);
    }
}
