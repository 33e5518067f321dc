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
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.safetensors.file.SafetensorsEntry;
import io.github.weighbridge.safetensors.file.SafetensorsFolder;
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

/// Makes a checkpoint of a Hugging Face folder or a single safetensors file.
final class SafetensorsReader {
    static final String CONFIG = "config.json";
    private static final String MODEL_TYPE = "model_type";
    /// Endings of the files that travel with a checkpoint; anything else in a folder is none of our business.
    private static final List<String> DOCUMENT_ENDINGS = List.of(".json", ".jinja", ".txt", ".md", ".model", ".yaml", "license", "notice");
    private static final int MOST_DOCUMENTS = 256;
    private static final Pattern SHARD = Pattern.compile(".*-\\d{5}-of-\\d{5}\\.safetensors");

    /// Repositories on the web have their files under a revision.
    private static final Pattern REVISION = Pattern.compile("/resolve/[^/]+$");

    private final Source source;
    private final ReadOptions options;
    private final SafetensorsFolder folder;
    private final List<CheckpointFile> files;
    private final Map<String, ByteSource> documents;

    private SafetensorsReader(Source source, ReadOptions options, SafetensorsFolder folder, Map<String, ByteSource> documents) {
        this.source = source;
        this.options = options;
        this.folder = folder;
        this.files = folder.shards().stream().map(shard -> new CheckpointFile(shard.file(), shard.source())).toList();
        this.documents = documents;
    }

    static Checkpoint open(Source source, ReadOptions options) throws IOException {
        SafetensorsFolder folder = source.file().isPresent() ? SafetensorsFolder.open(source.tree(), source.file().get(), options.limits())
                : SafetensorsFolder.open(source.tree(), options.limits());
        Map<String, ByteSource> documents = new LinkedHashMap<>();
        try {
            openDocuments(source.tree(), documents);
            return new SafetensorsReader(source, options, folder, documents).checkpoint();
        } catch (Throwable e) {
            // Whatever went wrong, no file stays open.
            for (ByteSource document : documents.values()) {
                closeQuietly(document, e);
            }
            closeQuietly(folder, e);
            throw e;
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

    private Checkpoint checkpoint() throws IOException {
        List<Finding> findings = new ArrayList<>();
        folder.warnings().forEach(warning -> findings.add(Finding.warning("index", warning, List.of())));
        Optional<Value.Fields> config = Optional.empty();
        ByteSource file = documents.get(CONFIG);
        if (file != null) {
            config = Optional.of(Json.parseObject(file, options.limits()));
        }
        String name = modelName();
        Parameters parameters = new Parameters(file == null ? source.name() : file.name(), config.orElse(Value.Fields.EMPTY));
        Optional<Value> type = parameters.fields().get(MODEL_TYPE);
        if (type.isPresent() && !(type.get() instanceof Value.Text)) {
            throw parameters.wrong(MODEL_TYPE, Parameters.describe(type.get()), "a text");
        }
        Optional<Dialect> dialect = config.isEmpty() ? Optional.empty() : options.families().describing(Dialect.HUGGING_FACE, parameters);
        Architecture architecture = dialect.isPresent() ? dialect.get().architecture(parameters, name)
                : Architecture.unknown(name, config.orElse(Value.Fields.EMPTY));
        GraphBuilder builder = new GraphBuilder(files);
        addTensors(builder, parameters, dialect, architecture);
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
        return new Checkpoint(SafetensorsFormat.NAME, Optional.empty(), files, architecture, result.graph(), new Documents(documents),
                findings,
                List.copyOf(documents.values()));
    }

    private String modelName() {
        String path = source.file().orElse(source.tree().name().isEmpty() ? source.name() : source.tree().name());
        String trimmed = REVISION.matcher(path.endsWith("/") ? path.substring(0, path.length() - 1) : path).replaceFirst("");
        String last = trimmed.substring(trimmed.lastIndexOf('/') + 1);
        return last.endsWith(SafetensorsFormat.EXTENSION) ? last.substring(0, last.length() - SafetensorsFormat.EXTENSION.length()) : last;
    }

    private void addTensors(GraphBuilder builder, Parameters config, Optional<Dialect> dialect, Architecture architecture)
            throws IOException {
        Optional<Parameters> quantisation = config.object("quantization_config");
        Optional<String> method = quantisation.flatMap(q -> q.fields().text("quant_method"));
        // A configuration without a method comes with weights that only lie on a grid: they are plain numbers.
        if (method.isEmpty()) {
            folder.tensors().forEach(located -> builder.add(stored(located)));
            return;
        }
        if (!method.get().equals(GemmaQuantization.METHOD)) {
            throw CheckpointFormatException.unsupported(config.file(), -1, "quantization_config.quant_method", "\"" + method.get() + "\"",
                    "\"" + GemmaQuantization.METHOD + "\", or plain weights");
        }
        Map<String, Long> columns = new HashMap<>();
        if (dialect.isPresent()) {
            dialect.get().tensors(architecture).forEach(spec -> columns.put(spec.name(), spec.holding().shape().columns()));
        }
        new GemmaQuantization(quantisation.get()).addTensors(folder,
                name -> dialect.map(d -> columns.get(d.canonicalName(name))), SafetensorsReader::stored, builder);
    }

    private static StoredTensor stored(SafetensorsFolder.Located located) {
        SafetensorsEntry entry = located.entry();
        return new StoredTensor(entry.name(), entry.shape(), encoding(entry),
                List.of(new Span(located.shard(), entry.fileOffset(), entry.length())));
    }

    /// The types that have a place among the dense ones are understood; packed floats, complex numbers and the "fnuz" kinds are carried.
    static Encoding encoding(SafetensorsEntry entry) {
        return dense(entry.type()).<Encoding>map(DenseEncoding::of)
                .orElseGet(() -> new OpaqueEncoding(entry.type().name(), entry.type().bits(), entry.length()));
    }

    static Optional<DenseType> dense(SafetensorsType type) {
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
