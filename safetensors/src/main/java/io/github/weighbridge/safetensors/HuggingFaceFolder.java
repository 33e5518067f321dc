package io.github.weighbridge.safetensors;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.GraphBuilder;
import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.model.FileSection;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.safetensors.file.SafetensorsEntry;
import io.github.weighbridge.safetensors.file.SafetensorsFolder;
import io.github.weighbridge.safetensors.file.SafetensorsFolder.Located;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/// A Hugging Face folder, or one safetensors file of it, while it is opened: the files with tensors, the documents beside them, and what config.json
/// says. Formats that differ in how weights are quantised share all of it and bring a [TensorReader].
public final class HuggingFaceFolder {
    /// The name of the document with the architecture.
    public static final String CONFIG = "config.json";
    /// The part of it that says how weights are quantised.
    public static final String QUANTIZATION = "quantization_config";
    /// What that part was called in old compressed-tensors.
    public static final String OLD_QUANTIZATION = "compression_config";
    /// The word for the kind of quantisation in that part.
    public static final String METHOD = "quant_method";
    /// Endings of the files that travel with a checkpoint; anything else in a folder is none of our business.
    private static final List<String> DOCUMENT_ENDINGS = List.of(".json", ".jinja", ".txt", ".md", ".model", ".yaml", "license", "notice");
    private static final int MOST_DOCUMENTS = 256;
    private static final String MODEL_TYPE = "model_type";
    private static final Pattern SHARD = Pattern.compile(".*-\\d{5}-of-\\d{5}\\.safetensors");
    /// Repositories on the web have their files under a revision.
    private static final Pattern REVISION = Pattern.compile("/resolve/[^/]+$");

    /// Makes stored tensors of a folder's entries.
    @FunctionalInterface
    public interface TensorReader {
        /// Adds all tensors of the folder.
        ///
        /// @param folder the folder
        /// @param builder takes the tensors
        /// @param findings takes what is noticed
        /// @throws CheckpointFormatException when the entries contradict the configuration
        /// @throws IOException when a file cannot be read
        void addTensors(HuggingFaceFolder folder, GraphBuilder builder, List<Finding> findings) throws IOException;
    }

    private final Source source;
    private final ReadOptions options;
    private final SafetensorsFolder tensors;
    private final Map<String, ByteSource> documents;
    private final Optional<Value.Fields> config;
    private final Parameters parameters;
    private final Optional<Dialect> dialect;
    private final Architecture architecture;

    private HuggingFaceFolder(Source source, ReadOptions options, SafetensorsFolder tensors, Map<String, ByteSource> documents)
            throws IOException {
        this.source = source;
        this.options = options;
        this.tensors = tensors;
        this.documents = documents;
        ByteSource file = documents.get(CONFIG);
        this.config = file == null ? Optional.empty() : Optional.of(Json.parseObject(file, options.limits()));
        this.parameters = new Parameters(file == null ? source.name() : file.name(), config.orElse(Value.Fields.EMPTY));
        Optional<Value> type = parameters.fields().get(MODEL_TYPE);
        if (type.isPresent() && !(type.get() instanceof Value.Text)) {
            throw parameters.wrong(MODEL_TYPE, Parameters.describe(type.get()), "a text");
        }
        this.dialect = config.isEmpty() ? Optional.empty() : options.families().describing(Dialect.HUGGING_FACE, parameters);
        this.architecture = dialect.isPresent() ? dialect.get().architecture(parameters, modelName())
                : Architecture.unknown(modelName(), config.orElse(Value.Fields.EMPTY));
    }

    /// Opens a checkpoint. Nothing stays open when that fails.
    ///
    /// @param format word of the format that the checkpoint is said to have
    /// @throws CheckpointFormatException when the files are bad
    /// @throws IOException when they cannot be read
    public static Checkpoint open(Source source, ReadOptions options, String format, TensorReader reader) throws IOException {
        SafetensorsFolder tensors = source.file().isPresent() ? SafetensorsFolder.open(source.tree(), source.file().get(), options.limits())
                : SafetensorsFolder.open(source.tree(), options.limits());
        Map<String, ByteSource> documents = new LinkedHashMap<>();
        try {
            // What lies beside a single file is the model's only where its configuration does too.
            if (source.file().isEmpty() || source.tree().has(CONFIG)) {
                openDocuments(source.tree(), documents);
            }
            return new HuggingFaceFolder(source, options, tensors, documents).checkpoint(format, reader);
        } catch (Throwable e) {
            // Whatever went wrong, no file stays open.
            for (ByteSource document : documents.values()) {
                closeQuietly(document, e);
            }
            closeQuietly(tensors, e);
            throw e;
        }
    }

    /// The kind of quantisation that the config.json of a source names: `quant_method`, or `compressed-tensors` for the part that this
    /// format had of its own once. Empty when there is no config.json, or none that can be read, or it names no kind.
    ///
    /// @throws IOException when the folder cannot be listed
    public static Optional<String> quantizationMethod(Source source, ReadOptions options) throws IOException {
        if (!source.tree().has(CONFIG)) {
            return Optional.empty();
        }
        try (ByteSource file = source.tree().open(CONFIG)) {
            Value.Fields config = Json.parseObject(file, options.limits());
            if (config.object(OLD_QUANTIZATION).isPresent() && config.object(QUANTIZATION).isEmpty()) {
                return Optional.of("compressed-tensors");
            }
            return config.object(QUANTIZATION).flatMap(part -> part.text(METHOD));
        } catch (CheckpointFormatException _) {
            // Whoever opens the checkpoint says it better.
            return Optional.empty();
        }
    }

    private static void closeQuietly(Closeable closeable, Throwable cause) {
        try {
            closeable.close();
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    private static void openDocuments(SourceTree tree, Map<String, ByteSource> documents) throws IOException {
        for (String file : tree.files()) {
            String lower = file.toLowerCase(Locale.ROOT);
            if (DOCUMENT_ENDINGS.stream().anyMatch(lower::endsWith) && !lower.endsWith(".safetensors.index.json")
                    && documents.size() < MOST_DOCUMENTS
                    && SourceTree.isPlainName(file)) {
                documents.put(file, tree.open(file));
            }
        }
    }

    private Checkpoint checkpoint(String format, TensorReader reader) throws IOException {
        List<CheckpointFile> files = tensors.shards().stream().map(shard -> new CheckpointFile(shard.file(), shard.source(),
                List.of(new FileSection(FileSection.HEADER, 0, shard.header().dataOffset())))).toList();
        List<Finding> findings = new ArrayList<>();
        tensors.warnings().forEach(warning -> findings.add(Finding.warning("index", warning, List.of())));
        GraphBuilder builder = new GraphBuilder(files);
        reader.addTensors(this, builder, findings);
        GraphBuilder.Result result;
        if (dialect.isPresent()) {
            boolean complete = source.file().isEmpty() || !SHARD.matcher(source.file().get()).matches();
            result = builder.build(dialect.get(), architecture, source.name(), options.passUnknown(), complete);
        } else {
            result = builder.withoutFamily();
            String word = config.flatMap(fields -> fields.text(MODEL_TYPE)).map(found -> "model type \"" + found + "\" is not known")
                    .orElse(config.isPresent() ? "config.json names no model type" : "there is no config.json");
            findings.add(Finding.warning("unknown-architecture",
                    word + ": tensors have no roles, and only conversions that need none are possible",
                    List.of()));
        }
        findings.addAll(result.findings());
        return new Checkpoint(format, Optional.empty(), files, architecture, result.graph(), new Documents(documents), findings,
                List.copyOf(documents.values()), metadata());
    }

    /// What the shards have under `__metadata__`; the first that has a key says what it is.
    private Value.Fields metadata() {
        Map<String, Value> fields = new LinkedHashMap<>();
        tensors.shards().forEach(shard -> shard.header().metadata().forEach((key, text) -> fields.putIfAbsent(key, Value.of(text))));
        return new Value.Fields(fields);
    }

    private String modelName() {
        String path = source.file().orElse(source.tree().name().isEmpty() ? source.name() : source.tree().name());
        String trimmed = REVISION.matcher(path.endsWith("/") ? path.substring(0, path.length() - 1) : path).replaceFirst("");
        String last = trimmed.substring(trimmed.lastIndexOf('/') + 1);
        return last.endsWith(SafetensorsFormat.EXTENSION) ? last.substring(0, last.length() - SafetensorsFormat.EXTENSION.length()) : last;
    }

    /// The files with tensors.
    public SafetensorsFolder tensors() {
        return tensors;
    }

    /// What config.json says; empty fields where there is none.
    public Parameters config() {
        return parameters;
    }

    /// What the model is.
    public Architecture architecture() {
        return architecture;
    }

    /// The family's names, where the family is known.
    public Optional<Dialect> dialect() {
        return dialect;
    }

    /// Columns of the tensors that the architecture has, by the names of its dialect.
    Map<String, Long> columns() {
        Map<String, Long> columns = new HashMap<>();
        dialect.ifPresent(d -> d.tensors(architecture).forEach(spec -> columns.put(spec.name(), spec.holding().shape().columns())));
        return columns;
    }

    /// An exception about an entry.
    public CheckpointFormatException wrong(Located located, Object found, String expected) {
        return CheckpointFormatException.malformed(tensors.shards().get(located.shard()).source().name(), located.entry().headerOffset(),
                "tensor \"" + located.name() + "\"", found, expected);
    }

    /// The bytes of an entry.
    public static Span span(Located located) {
        return new Span(located.shard(), located.entry().fileOffset(), located.entry().length());
    }

    /// An entry as a tensor of its own.
    public static StoredTensor stored(Located located) {
        SafetensorsEntry entry = located.entry();
        return new StoredTensor(entry.name(), entry.shape(), encoding(entry), List.of(span(located)));
    }

    /// The types that have a place among the dense ones are understood; packed floats, complex numbers and the "fnuz" kinds are carried.
    static Encoding encoding(SafetensorsEntry entry) {
        return dense(entry.type()).<Encoding>map(DenseEncoding::of)
                .orElseGet(() -> new OpaqueEncoding(entry.type().name(), entry.type().bits(), entry.length()));
    }

    /// The dense type of a type of safetensors, where there is one.
    public static Optional<DenseType> dense(SafetensorsType type) {
        return switch (type) {
            case BOOL -> Optional.of(DenseType.BOOL);
            case U8 -> Optional.of(DenseType.U8);
            case I8 -> Optional.of(DenseType.I8);
            case F8_E5M2 -> Optional.of(DenseType.F8_E5M2);
            case F8_E4M3 -> Optional.of(DenseType.F8_E4M3);
            case F8_E8M0 -> Optional.of(DenseType.F8_E8M0);
            case I16 -> Optional.of(DenseType.I16);
            case U16 -> Optional.of(DenseType.U16);
            case F16 -> Optional.of(DenseType.F16);
            case BF16 -> Optional.of(DenseType.BF16);
            case I32 -> Optional.of(DenseType.I32);
            case U32 -> Optional.of(DenseType.U32);
            case F32 -> Optional.of(DenseType.F32);
            case F64 -> Optional.of(DenseType.F64);
            case I64 -> Optional.of(DenseType.I64);
            case U64 -> Optional.of(DenseType.U64);
            case F4, F6_E2M3, F6_E3M2, F8_E4M3FNUZ, F8_E5M2FNUZ, C64 -> Optional.empty();
        };
    }
}
