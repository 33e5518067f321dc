package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.GraphBuilder;
import io.github.weighbridge.family.TensorSpec;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The tensor graph of models whose constants have the names of Hugging Face. Everything else in them belongs to the graphs.
final class NamedConstants {
    private static final String HEAD = "lm_head.weight";
    private static final String WEIGHT = ".weight";
    private static final String KEY_SCALE = ".self_attn.k_cache_scale";
    private static final String VALUE_SCALE = ".self_attn.v_cache_scale";
    /// The columns of one layer, apart from the common table.
    private static final Pattern TABLE = Pattern.compile("(.*embed_tokens_per_layer)\\.(\\d{1,4})(\\.weight)");

    private final List<LitertReader.Model> models;
    private final Dialect dialect;
    private final Architecture architecture;
    private final Map<String, TensorSpec> specs = new HashMap<>();
    /// What is added to the graph, by its place: tensors are listed in the order of the file.
    private final List<Entry> entries = new ArrayList<>();
    private final Set<String> names = new HashSet<>();
    private final List<String> copies = new ArrayList<>();

    /// An addition to the graph, and the place that decides its turn.
    private record Entry(long offset, Runnable add) {}

    NamedConstants(List<LitertReader.Model> models, Dialect dialect, Architecture architecture) {
        this.models = models;
        this.dialect = dialect;
        this.architecture = architecture;
        dialect.tensors(architecture).forEach(spec -> specs.put(spec.name(), spec));
    }

    /// The name of the table of which a name is a part; any other name as it is.
    static String whole(String name) {
        Matcher table = TABLE.matcher(name);
        return table.matches() ? table.group(1) + table.group(3) : name;
    }

    GraphBuilder.Result build(GraphBuilder builder, String source, boolean passUnknown) throws CheckpointFormatException {
        for (LitertReader.Model model : models) {
            constants(model, builder);
        }
        for (LitertReader.Model model : models) {
            activations(model, builder);
            caches(model, builder);
        }
        entries.sort(Comparator.comparingLong(Entry::offset));
        entries.forEach(entry -> entry.add().run());
        GraphBuilder.Result result = builder.build(dialect, architecture, source, passUnknown, true);
        if (copies.isEmpty()) {
            return result;
        }
        List<Finding> findings = new ArrayList<>(result.findings());
        findings.add(Finding.info("tied-copies",
                copies.size() + " tensors are stored a second time, as sections share no bytes; the copies are no weights of their own",
                copies));
        return new GraphBuilder.Result(result.graph(), findings);
    }

    private static long offset(StoredTensor tensor) {
        return tensor.planes().getFirst().offset();
    }

    private void constants(LitertReader.Model model, GraphBuilder builder) {
        TreeMap<Integer, StoredTensor> tables = new TreeMap<>();
        String table = "";
        for (Constants.Constant constant : model.constants().list()) {
            Matcher part = TABLE.matcher(constant.name());
            String name = whole(constant.name());
            TensorSpec spec = specs.get(dialect.canonicalName(name));
            boolean head = spec == null && name.equals(HEAD);
            Optional<Encoder> row = row(name);
            if (row.isPresent() && names.add(name)) {
                StoredTensor end = new StoredTensor(name, constant.shape(), constant.encoding(), constant.planes());
                copies.add(name);
                entries.add(new Entry(offset(end),
                        () -> builder.addCopy(end, new Identity(Role.OTHER, row.get().tower(), Identity.NO_LAYER))));
                continue;
            }
            if (spec == null && !head || LitertReader.belongsToOperators(constant) && spec == null) {
                continue;
            }
            boolean again = !names.add(constant.name());
            String unique = again ? constant.name() + " (" + model.part().type() + ")" : constant.name();
            StoredTensor tensor = new StoredTensor(unique, constant.shape(), constant.encoding(), constant.planes());
            if (part.matches() && !again) {
                tables.put(Integer.parseInt(part.group(2)), tensor);
                table = name;
            } else if (head || again) {
                Identity identity = head ? new Identity(Role.OUTPUT_HEAD, Component.OUTPUT_HEAD, Identity.NO_LAYER)
                        : java.util.Objects.requireNonNull(spec).identity();
                copies.add(unique);
                names.add(unique);
                entries.add(new Entry(offset(tensor), () -> builder.addCopy(tensor, identity)));
            } else {
                entries.add(new Entry(offset(tensor), () -> add(builder, name, tensor, java.util.Objects.requireNonNull(spec))));
            }
        }
        if (!tables.isEmpty()) {
            String name = table;
            List<StoredTensor> parts = List.copyOf(tables.values());
            boolean side = parts.stream().allMatch(part -> part.shape().rank() == 2
                    && part.shape().dimension(0) == parts.getFirst().shape().dimension(0));
            if (side) {
                List<StoredTensor> placed = parts.stream().sorted(Comparator.comparingLong(NamedConstants::offset)).toList();
                entries.add(new Entry(offset(placed.getFirst()),
                        () -> builder.addParts(name, View.concat(1, parts.stream().map(View::of).toList()), placed)));
            } else {
                parts.forEach(part -> entries.add(new Entry(offset(part), () -> builder.add(part))));
            }
        }
    }

    private static void add(GraphBuilder builder, String name, StoredTensor tensor, TensorSpec spec) {
        Shape shape = spec.holding().shape();
        if (ConvolutionLayout.applies(spec.identity(), shape) && tensor.shape().equals(ConvolutionLayout.written(shape))) {
            builder.addParts(name, ConvolutionLayout.read(View.of(tensor), shape), List.of(tensor));
        } else {
            builder.add(tensor);
        }
    }

    /// The encoder whose end a constant is the embedding of.
    private static Optional<Encoder> row(String name) {
        return Arrays.stream(Encoder.values()).filter(encoder -> name.endsWith(EncoderTensors.END_ROW + encoder.part())).findFirst();
    }

    private void activations(LitertReader.Model model, GraphBuilder builder) {
        for (ActivationScales.Activation activation : ActivationScales.byName(model.part().begin(), model.model()).values()) {
            String weight = activation.module() + WEIGHT;
            if (names.contains(weight) && names.add(activation.scale().name())) {
                entries.add(new Entry(offset(activation.scale()),
                        () -> builder.addActivationScale(activation.scale(), weight, activation.input())));
            }
        }
    }

    private void caches(LitertReader.Model model, GraphBuilder builder) {
        Map<Integer, String> queries = queries();
        for (Map.Entry<ActivationScales.Cache, Span> cache : ActivationScales.caches(model.part().begin(), model.model()).entrySet()) {
            OptionalInt layer = ActivationScales.owner(cache.getKey().index(), architecture.layers());
            String query = layer.isEmpty() ? null : queries.get(layer.getAsInt());
            if (query == null) {
                continue;
            }
            String prefix = query.substring(0, query.lastIndexOf(".self_attn."));
            String name = prefix + (cache.getKey().keys() ? KEY_SCALE : VALUE_SCALE);
            if (names.add(name)) {
                StoredTensor scale = new StoredTensor(name, Shape.SCALAR, DenseEncoding.F32, List.of(cache.getValue()));
                entries.add(new Entry(cache.getValue().offset(), () -> builder.addCacheScale(scale, query)));
            }
        }
    }

    /// Stored names of the query projections, by layer.
    private Map<Integer, String> queries() {
        Map<Integer, String> queries = new HashMap<>();
        for (String name : names) {
            TensorSpec spec = specs.get(dialect.canonicalName(name));
            if (spec != null && spec.identity().role().equals(Role.ATTENTION_Q)
                    && spec.identity().component().equals(Component.TEXT_DECODER) && name.contains(".self_attn.")) {
                queries.put(spec.identity().layer(), name);
            }
        }
        return queries;
    }
}
