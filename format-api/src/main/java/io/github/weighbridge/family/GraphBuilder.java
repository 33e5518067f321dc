package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.TensorGraph;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Makes the tensor graph of a checkpoint out of its stored tensors and a dialect's table: every reader uses it. For use by one thread.
public final class GraphBuilder {
    /// A graph, and what was noticed while it was built.
    ///
    /// @param graph the graph
    /// @param findings dead weights, tensors passed through
    public record Result(TensorGraph graph, List<Finding> findings) {}

    /// One of a dialect's tensors, as the checkpoint holds it: a stored tensor, or a view of several.
    private record Unit(String name, View view, List<StoredTensor> tensors) {}

    private final List<CheckpointFile> files;
    private final List<StoredTensor> stored = new ArrayList<>();
    private final List<Unit> units = new ArrayList<>();
    private final Map<String, Identity> copies = new LinkedHashMap<>();
    private final Map<String, StoredTensor> inputScales = new HashMap<>();
    private final Map<String, StoredTensor> outputScales = new HashMap<>();
    private final Map<String, String> owners = new LinkedHashMap<>();
    private final Map<String, Role> ownerRoles = new HashMap<>();

    /// A builder for a checkpoint of these files.
    public GraphBuilder(List<CheckpointFile> files) {
        this.files = List.copyOf(files);
    }

    /// Adds a stored tensor.
    public void add(StoredTensor tensor) {
        stored.add(tensor);
        units.add(new Unit(tensor.name(), View.of(tensor), List.of(tensor)));
    }

    /// Adds stored tensors that together are one of the dialect's.
    ///
    /// @param name name of that tensor
    /// @param view its numbers
    /// @param parts the stored tensors that the view reads
    public void addParts(String name, View view, List<StoredTensor> parts) {
        stored.addAll(parts);
        units.add(new Unit(name, view, List.copyOf(parts)));
    }

    /// Adds a stored tensor that repeats the numbers of another: it is weighed, and is no weight.
    ///
    /// @param identity what it is
    public void addCopy(StoredTensor tensor, Identity identity) {
        stored.add(tensor);
        copies.put(tensor.name(), identity);
    }

    /// Adds a stored tensor that is the scale of a static activation before or after the product with another. Where what leaves one product enters
    /// the next, the scale is added for both, and stored once.
    ///
    /// @param of name of the tensor with the weights, or of the parts that make it up
    public void addActivationScale(StoredTensor scale, String of, boolean input) {
        (input ? inputScales : outputScales).put(of, scale);
        if (owners.putIfAbsent(scale.name(), of) == null) {
            stored.add(scale);
            ownerRoles.put(scale.name(), Role.ACTIVATION_SCALE);
        }
    }

    /// Adds a stored tensor that is the scale of a layer's key or value cache.
    ///
    /// @param beside name of a tensor of the same layer
    public void addCacheScale(StoredTensor scale, String beside) {
        stored.add(scale);
        owners.put(scale.name(), beside);
        ownerRoles.put(scale.name(), Role.KV_SCALE);
    }

    /// Adds a stored tensor that belongs to another and is no weight: the zero point of a static activation.
    ///
    /// @param of name of the tensor with the weights, or of the parts that make it up
    public void addBeside(StoredTensor tensor, String of, Role role) {
        stored.add(tensor);
        owners.put(tensor.name(), of);
        ownerRoles.put(tensor.name(), role);
    }

    /// The graph of a checkpoint that no family describes: each stored tensor is a weight of its own.
    ///
    /// @throws CheckpointFormatException when two tensors have one name
    public Result withoutFamily() throws CheckpointFormatException {
        return withoutFamily(Map.of());
    }

    /// The graph of a checkpoint that no family describes, of some of whose tensors it is known what they are.
    ///
    /// @param known what tensors are, by name
    /// @throws CheckpointFormatException when two tensors have one name
    public Result withoutFamily(Map<String, Identity> known) throws CheckpointFormatException {
        checkNames(Set.of());
        Map<String, Identity> identities = new HashMap<>(known);
        List<Weight> weights = new ArrayList<>();
        for (Unit unit : units) {
            weights.add(weight(unit.name(), known.getOrDefault(unit.name(), Identity.NONE), unit.view(), unit));
        }
        identities.putAll(copies);
        identifyOwned(identities);
        return new Result(new TensorGraph(stored, identities, weights), List.of());
    }

    /// Scales belong where the tensors belong that they stand beside.
    private void identifyOwned(Map<String, Identity> identities) {
        owners.forEach((name, owner) -> {
            Identity of = identities.getOrDefault(owner, Identity.NONE);
            identities.put(name, new Identity(java.util.Objects.requireNonNull(ownerRoles.get(name)), of.component(), of.layer()));
        });
    }

    /// The graph of a checkpoint of a family.
    ///
    /// @param source name of the checkpoint, for messages
    /// @param passUnknown whether tensors that the dialect does not know are passed through instead of refused
    /// @param complete whether every required tensor must be there; a single shard of a set is not complete
    /// @throws CheckpointFormatException when a tensor is unknown, missing, or of the wrong shape, naming it
    public Result build(Dialect dialect, Architecture architecture, String source, boolean passUnknown, boolean complete)
            throws CheckpointFormatException {
        List<TensorSpec> specs = dialect.tensors(architecture);
        Map<String, TensorSpec> byName = HashMap.newHashMap(specs.size());
        specs.forEach(spec -> byName.put(spec.name(), spec));
        Set<String> keys = new HashSet<>();
        specs.forEach(spec -> keys.addAll(spec.holding().keys()));
        checkNames(keys);
        Map<String, Identity> identities = HashMap.newHashMap(stored.size());
        List<Weight> weights = new ArrayList<>(specs.size());
        List<String> dead = new ArrayList<>();
        List<String> passed = new ArrayList<>();
        Set<String> found = HashSet.newHashSet(specs.size());
        addApart(dialect, specs, byName);
        Set<String> held = new HashSet<>();
        for (Unit unit : units) {
            StoredTensor tensor = unit.tensors().getFirst();
            String canonical = dialect.canonicalName(unit.name());
            TensorSpec spec = byName.get(canonical);
            if (spec == null) {
                if (!passUnknown) {
                    throw CheckpointFormatException.malformed(file(tensor), offset(tensor), "tensor \"" + unit.name() + "\"",
                            "a name that no rule of " + architecture.name() + " (" + architecture.family() + ") knows",
                            "a tensor of that architecture, or the option to pass unknown tensors through");
                }
                passed.add(unit.name());
                weights.add(weight(unit.name(), Identity.NONE, unit.view(), unit));
                continue;
            }
            if (!found.add(canonical)) {
                throw CheckpointFormatException.malformed(file(tensor), offset(tensor), "tensor \"" + unit.name() + "\"",
                        "a second tensor for " + canonical, "one");
            }
            for (String key : spec.holding().keys()) {
                if (!held.add(key)) {
                    throw CheckpointFormatException.malformed(file(tensor), offset(tensor), "tensor \"" + unit.name() + "\"",
                            "weights that another tensor has as well (" + key + ")", "all in one tensor, or each in its own");
                }
            }
            Shape shape = unit.view().shape();
            if (!withoutLeadingOnes(shape).equals(withoutLeadingOnes(spec.holding().shape()))) {
                throw CheckpointFormatException.malformed(file(tensor), offset(tensor), "shape of tensor \"" + unit.name() + "\"", shape,
                        spec.holding().shape() + " as the hyper-parameters demand");
            }
            unit.tensors().forEach(part -> identities.put(part.name(), spec.identity()));
            if (spec.presence() == TensorSpec.Presence.DEAD) {
                dead.add(unit.name());
            }
            spec.holding().split(View.reshape(unit.view(), spec.holding().shape()),
                    (key, view) -> weights.add(weight(key, identityOf(spec, key), view, unit)));
        }
        for (TensorSpec spec : specs) {
            if (complete && spec.presence() == TensorSpec.Presence.REQUIRED && !spec.holding().keys().isEmpty()
                    && !held.containsAll(spec.holding().keys())) {
                throw CheckpointFormatException.malformed(source, -1, "tensor \"" + spec.name() + "\"", "nothing",
                        "a tensor of shape " + spec.holding().shape() + ", which " + architecture.name() + " (" + architecture.family()
                                + ") needs");
            }
        }
        identities.putAll(copies);
        identifyOwned(identities);
        List<Finding> findings = new ArrayList<>();
        if (!dead.isEmpty()) {
            findings.add(Finding.info("dead-weights",
                    dead.size() + " tensors belong to layers that read another layer's key/value cache; no runtime uses them", dead));
        }
        if (!passed.isEmpty()) {
            findings.add(Finding.warning("unknown-tensors", passed.size() + " tensors are not known to " + architecture.family()
                    + " and were passed through: " + String.join(", ", passed.subList(0, Math.min(5, passed.size()))), passed));
        }
        return new Result(new TensorGraph(stored, identities, weights), findings);
    }

    /// Where a tensor has a name that the dialect's own list has not, those that other files have apart are known too.
    private void addApart(Dialect dialect, List<TensorSpec> specs, Map<String, TensorSpec> byName) {
        if (units.stream().allMatch(unit -> byName.containsKey(dialect.canonicalName(unit.name())))) {
            return;
        }
        for (TensorSpec spec : specs) {
            dialect.apart(spec).forEach(part -> byName.putIfAbsent(part.name(), part));
        }
    }

    /// Names must differ, also from the keys of the family's weights, as tensors passed through are weights by their name.
    private void checkNames(Set<String> keys) throws CheckpointFormatException {
        Set<String> names = HashSet.newHashSet(stored.size());
        for (StoredTensor tensor : stored) {
            if (!names.add(tensor.name())) {
                throw CheckpointFormatException.malformed(file(tensor), offset(tensor), "tensor \"" + tensor.name() + "\"",
                        "its name a second time", "each name once");
            }
            if (keys.contains(tensor.name())) {
                throw CheckpointFormatException.malformed(file(tensor), offset(tensor), "tensor \"" + tensor.name() + "\"",
                        "the key of one of the family's weights", "another name");
            }
        }
    }

    /// Gate and up of a fused tensor have roles of their own, by which policies know them.
    private static Identity identityOf(TensorSpec spec, String key) {
        if (!spec.identity().role().equals(Role.EXPERT_GATE_UP)) {
            return spec.identity();
        }
        Role role = key.contains("." + Role.EXPERT_GATE.word() + ".") ? Role.EXPERT_GATE : Role.EXPERT_UP;
        return new Identity(role, spec.identity().component(), spec.identity().layer());
    }

    private Weight weight(String key, Identity identity, View view, Unit unit) {
        return new Weight(key, identity, view, unit.tensors(), Optional.ofNullable(inputScales.get(unit.name())),
                Optional.ofNullable(outputScales.get(unit.name())));
    }

    private String file(StoredTensor tensor) {
        return files.get(tensor.planes().getFirst().file()).source().name();
    }

    private static long offset(StoredTensor tensor) {
        return tensor.planes().getFirst().offset();
    }

    /// GGUF drops ones in front of a shape.
    private static Shape withoutLeadingOnes(Shape shape) {
        int first = 0;
        while (first < shape.rank() && shape.dimension(first) == 1) {
            first++;
        }
        return Shape.of(java.util.Arrays.copyOfRange(shape.dimensions(), first, shape.rank()));
    }
}
