package io.github.weighbridge.litert;

import io.github.weighbridge.family.GraphBuilder;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.litert.tflite.BuiltinOperator;
import io.github.weighbridge.litert.tflite.TfliteModel;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The tensor graph of models whose constants are no one's weights by name: each is a tensor of its own, with a role where the names of Google's
/// graphs tell.
final class UnnamedConstants {
    private static final String PREFIX = "tf_lite_";
    private static final int MOST_NAMED = 300;

    private final List<LitertReader.Model> models;
    private final Map<String, Integer> names = new HashMap<>();
    private final Map<String, Identity> identities = new HashMap<>();
    /// Scales by place: what leaves one product may enter the next.
    private final Map<Long, StoredTensor> placedScales = new HashMap<>();

    UnnamedConstants(List<LitertReader.Model> models) {
        this.models = models;
    }

    private record Placed(StoredTensor tensor, List<ActivationScales.Activation> scales) {}

    GraphBuilder.Result build(GraphBuilder builder, List<Finding> findings) throws CheckpointFormatException {
        List<Placed> placed = new ArrayList<>();
        for (LitertReader.Model model : models) {
            collect(model, placed);
        }
        placed.sort(Comparator.comparingLong(one -> one.tensor().planes().getFirst().offset()));
        for (Placed one : placed) {
            builder.add(one.tensor());
            for (ActivationScales.Activation scale : one.scales()) {
                builder.addActivationScale(scale.scale(), one.tensor().name(), scale.input());
            }
        }
        List<String> unmapped =
                placed.stream().map(one -> one.tensor().name()).filter(name -> identity(name).role().equals(Role.OTHER)).toList();
        findings.add(Finding.warning("unknown-architecture", "no config.json with the names of its weights lies in the file:"
                + " only conversions that need no roles are possible", List.of()));
        if (!unmapped.isEmpty()) {
            findings.add(Finding.info("constants-without-role", unmapped.size() + " constants have names that tell no role", unmapped));
        }
        return builder.withoutFamily(identities);
    }

    private Identity identity(String name) {
        return identities.getOrDefault(name, Identity.NONE);
    }

    private void collect(LitertReader.Model model, List<Placed> placed) {
        String type = model.part().type();
        String prefix = models.size() == 1 ? "" : (type.startsWith(PREFIX) ? type.substring(PREFIX.length()) : type) + "/";
        Map<Long, Uses> uses = uses(model.model());
        Map<Integer, Map<Integer, List<TfliteModel.Operator>>> products = new HashMap<>();
        for (Constants.Constant constant : model.constants().list()) {
            if (LitertReader.belongsToOperators(constant)) {
                continue;
            }
            String name = unique(prefix + (constant.name().isEmpty() ? "constant" : constant.name()));
            StoredTensor tensor = new StoredTensor(name, constant.shape(), constant.encoding(), constant.planes());
            List<String> told = new ArrayList<>();
            told.add(constant.name());
            Uses use = uses.getOrDefault(key(constant.graph(), constant.tensor()), new Uses(List.of(), false));
            told.addAll(use.results());
            Identity identity = GoogleNames.identify(type, told, constant.shape().rank(), use.table());
            if (!identity.equals(Identity.NONE)) {
                identities.put(name, identity);
            }
            placed.add(new Placed(tensor, constant.planes().size() < 2 ? List.of() : scales(model, constant, name, products)));
        }
    }

    private List<ActivationScales.Activation> scales(LitertReader.Model model, Constants.Constant constant, String name,
            Map<Integer, Map<Integer, List<TfliteModel.Operator>>> products) {
        TfliteModel.Subgraph graph = model.model().subgraphs().get(constant.graph());
        List<TfliteModel.Operator> operators =
                products.computeIfAbsent(constant.graph(), _ -> ActivationScales.products(graph, model.model()))
                        .getOrDefault(constant.tensor(), List.of());
        List<ActivationScales.Activation> scales = new ArrayList<>();
        for (ActivationScales.Activation one : ActivationScales.byOperators(model.part().begin(), graph, operators, name).values()) {
            StoredTensor scale = one.scale();
            long place = scale.planes().getFirst().offset();
            StoredTensor known = placedScales.computeIfAbsent(place,
                    _ -> new StoredTensor(unique(scale.name()), scale.shape(), scale.encoding(), scale.planes()));
            scales.add(new ActivationScales.Activation(one.module(), one.input(), known));
        }
        return scales;
    }

    private static long key(int graph, int tensor) {
        return (long) graph << 32 | tensor;
    }

    /// What operators make of a tensor.
    ///
    /// @param results names of the results
    /// @param table whether rows of it are looked up
    private record Uses(List<String> results, boolean table) {}

    private static Map<Long, Uses> uses(TfliteModel model) {
        Map<Long, Uses> uses = new HashMap<>();
        for (int g = 0; g < model.subgraphs().size(); g++) {
            TfliteModel.Subgraph graph = model.subgraphs().get(g);
            for (TfliteModel.Operator operator : graph.operators()) {
                for (int i = 0; i < operator.inputs().size(); i++) {
                    int input = operator.inputs().get(i);
                    if (input >= 0 && operator.outputs().size() > 0 && operator.outputs().get(0) >= 0) {
                        int code = model.code(operator).code();
                        boolean table = i == 1 && code == BuiltinOperator.EMBEDDING_LOOKUP.code()
                                || i == 0 && code == BuiltinOperator.GATHER.code();
                        Uses known = uses.get(key(g, input));
                        List<String> results = known == null ? new ArrayList<>(1) : known.results();
                        if (results.size() < MOST_NAMED) {
                            results.add(graph.tensors().get(operator.outputs().get(0)).name());
                        }
                        uses.put(key(g, input), new Uses(results, table || known != null && known.table()));
                    }
                }
            }
        }
        return uses;
    }

    /// Names may repeat in a file: the second is called `name#2`.
    private String unique(String name) {
        int count = names.merge(name, 1, Integer::sum);
        if (count == 1) {
            return name;
        }
        String candidate = name + "#" + count;
        while (names.containsKey(candidate)) {
            count = names.merge(name, 1, Integer::sum);
            candidate = name + "#" + count;
        }
        names.put(candidate, 1);
        return candidate;
    }
}
