package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.GraphBuilder;
import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.family.TensorSpec;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.flat.Allowance;
import io.github.weighbridge.litert.tflite.TfliteModel;
import io.github.weighbridge.litert.tflite.TfliteReader;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Makes a checkpoint of a bundle, an archive or a single model.
///
/// Bundles that we wrote carry a config.json, and their constants the names of Hugging Face: they are full sources. Of others, constants are weighed
/// and, where names tell, known by role.
final class LitertReader {
    private static final String CONFIG = "config.json";
    /// Constants without scales that are as short as a shape may be belong to operators.
    private static final int MOST_OPERANDS = 16;

    /// A model with its constants.
    record Model(Container.Part part, TfliteModel model, Constants constants) {}

    private final Source source;
    private final ByteSource file;
    private final ReadOptions options;
    private final String format;
    private final Container container;
    private final List<CheckpointFile> files;

    private LitertReader(Source source, ByteSource file, ReadOptions options, String format, Container container) {
        this.source = source;
        this.file = file;
        this.options = options;
        this.format = format;
        this.container = container;
        this.files = List.of(new CheckpointFile(source.file().orElseThrow(), file));
    }

    static Checkpoint open(Source source, ReadOptions options, String format) throws IOException {
        ByteSource file = source.open();
        try {
            Container container = switch (format) {
                case LitertlmFormat.NAME -> Container.bundle(file, options.limits());
                case TaskFormat.NAME -> Container.task(file, options.limits());
                default -> Container.tflite(file);
            };
            return new LitertReader(source, file, options, format, container).checkpoint();
        } catch (Throwable e) {
            // Whatever went wrong, the file does not stay open.
            try {
                file.close();
            } catch (IOException failure) {
                e.addSuppressed(failure);
            }
            throw e;
        }
    }

    private Checkpoint checkpoint() throws IOException {
        List<Model> models = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        Allowance allowance = new Allowance(options.limits());
        for (Container.Part part : container.models()) {
            TfliteModel model = TfliteReader.read(file, part.begin(), part.length(), allowance);
            Constants constants = Constants.of(file, part, model, allowance);
            models.add(new Model(part, model, constants));
            missing.addAll(constants.missing());
        }
        List<Finding> findings = new ArrayList<>(container.findings());
        if (!missing.isEmpty()) {
            findings.add(Finding.warning("external-constants", missing.size() + " constants lie in files that are not read here", missing));
        }
        Optional<Value.Fields> config = config();
        String name = modelName();
        Parameters parameters = new Parameters(file.name() + " (" + CONFIG + ")", config.orElse(Value.Fields.EMPTY));
        Optional<Dialect> dialect = config.isEmpty() ? Optional.empty() : options.families().describing(Dialect.HUGGING_FACE, parameters);
        Architecture architecture = dialect.isPresent() ? dialect.get().architecture(parameters, name)
                : Architecture.unknown(name, config.orElse(Value.Fields.EMPTY));
        GraphBuilder builder = new GraphBuilder(files);
        GraphBuilder.Result result;
        if (dialect.isPresent() && named(models, dialect.get(), architecture)) {
            result = new NamedConstants(models, dialect.get(), architecture).build(builder, source.name(), options.passUnknown());
        } else {
            architecture = Architecture.unknown(name, config.orElse(Value.Fields.EMPTY));
            result = new UnnamedConstants(models).build(builder, findings);
        }
        check(result);
        findings.addAll(result.findings());
        opaque(result, findings);
        int tensors = result.graph().stored().size();
        List<Span> places = result.graph().stored().stream().flatMap(tensor -> tensor.planes().stream()).toList();
        CheckpointFile told = new CheckpointFile(files.getFirst().name(), file, container.areas(file.length(), places));
        List<Closeable> resources = new ArrayList<>();
        container.header().ifPresent(header -> resources.add(new Repack.Original(header, tensors)));
        Value.Fields metadata = metadata();
        List<Layer> layers = architecture.layers();
        Optional<CacheChoice> cache = models.stream().flatMap(model -> ActivationScales.choice(model.model(), layers).stream()).findFirst()
                .or(() -> CacheChoice.recorded(metadata::text));
        return new Checkpoint(format, container.version(), List.of(told), architecture, result.graph(),
                new Documents(container.documents()), findings, resources, metadata, cache);
    }

    /// What a bundle's header says of the whole, or the record among the documents of an archive.
    private Value.Fields metadata() throws IOException {
        if (container.header().isPresent()) {
            return metadata(container.header().get());
        }
        return container.record().isPresent() ? Json.parseObject(container.record().get(), options.limits()) : Value.Fields.EMPTY;
    }

    private static Value.Fields metadata(BundleHeader header) {
        Map<String, Value> fields = new LinkedHashMap<>();
        header.system().forEach(item -> fields.putIfAbsent(item.key(), item.value()));
        return new Value.Fields(fields);
    }

    private Optional<Value.Fields> config() throws IOException {
        ByteSource document = container.documents().get(CONFIG);
        return document == null ? Optional.empty() : Optional.of(Json.parseObject(document, options.limits()));
    }

    private String modelName() {
        String name = source.file().orElseThrow();
        int dot = name.lastIndexOf('.');
        return dot > 0 ? name.substring(0, dot) : name;
    }

    /// Whether the constants have a dialect's names: all that an architecture needs are there.
    private static boolean named(List<Model> models, Dialect dialect, Architecture architecture) {
        java.util.Set<String> names = new java.util.HashSet<>();
        models.forEach(model -> model.constants().list()
                .forEach(constant -> names.add(dialect.canonicalName(NamedConstants.whole(constant.name())))));
        return dialect.tensors(architecture).stream()
                .filter(spec -> spec.presence() == TensorSpec.Presence.REQUIRED && !spec.holding().keys().isEmpty())
                .allMatch(spec -> names.contains(spec.name()));
    }

    /// Constants that a graph needs, and that weigh nothing worth counting: shapes, axes, factors.
    static boolean belongsToOperators(Constants.Constant constant) {
        return constant.planes().size() == 1 && constant.shape().elements() <= MOST_OPERANDS;
    }

    /// No byte may be counted twice: what is weighed would pass the file.
    private void check(GraphBuilder.Result result) throws CheckpointFormatException {
        List<Span> codes = new ArrayList<>();
        long sum = 0;
        for (StoredTensor tensor : result.graph().stored()) {
            codes.add(tensor.planes().getFirst());
            sum += tensor.bytes();
        }
        codes.sort(Comparator.comparingLong(Span::offset).thenComparingLong(Span::length));
        for (int i = 1; i < codes.size(); i++) {
            if (codes.get(i).offset() < codes.get(i - 1).end()) {
                throw CheckpointFormatException.malformed(file.name(), codes.get(i).offset(), "constant",
                        "bytes of another, which ends at " + codes.get(i - 1).end(), "constants apart");
            }
        }
        if (sum > file.length()) {
            throw CheckpointFormatException.malformed(file.name(), -1, "constants", sum + " bytes", "no more than the file has");
        }
    }

    private static void opaque(GraphBuilder.Result result, List<Finding> findings) {
        List<String> names = result.graph().stored().stream().filter(tensor -> tensor.encoding() instanceof OpaqueEncoding)
                .map(StoredTensor::name).toList();
        if (!names.isEmpty()) {
            findings.add(Finding.info("opaque-constants",
                    names.size()
                            + " constants are weighed and not decoded: their codes have zero points, scales along an inner dimension, or"
                            + " another form that no encoding here has",
                    names));
        }
    }

}
