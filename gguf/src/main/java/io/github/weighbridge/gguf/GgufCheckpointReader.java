package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.GraphBuilder;
import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufKey;
import io.github.weighbridge.gguf.file.GgufSet;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.gguf.file.GgufText;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.TensorGraph;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Makes a checkpoint of a GGUF file or a split set.
final class GgufCheckpointReader {
    /// Arrays of numbers up to this length may be hyper-parameters, one for each layer; longer ones belong to the tokenizer.
    private static final int MOST_LAYERS = 4096;
    private static final String FIRST_LAYER = "blk.0.";
    private static final String ARCHITECTURE = "general.architecture";
    private static final String TOKENS = "tokenizer.ggml.tokens";

    private GgufCheckpointReader() {}

    static Checkpoint open(Source source, ReadOptions options) throws IOException {
        GgufSet set = GgufSet.open(source, options.limits());
        try {
            return checkpoint(source, options, set);
        } catch (Throwable e) {
            // Whatever went wrong, no file stays open.
            try {
                set.close();
            } catch (IOException suppressed) {
                e.addSuppressed(suppressed);
            }
            throw e;
        }
    }

    private static Checkpoint checkpoint(Source source, ReadOptions options, GgufSet set) throws IOException {
        List<CheckpointFile> files = new ArrayList<>();
        for (int i = 0; i < set.files().size(); i++) {
            GgufFile file = set.files().get(i);
            files.add(new CheckpointFile(set.names().get(i),
                    file.byteOrder() == ByteOrder.BIG_ENDIAN ? new LittleEndianSource(file) : file.source(), HeaderSections.of(file)));
        }
        Parameters metadata = new Parameters(set.first().source().name(), metadata(set));
        List<Finding> findings = new ArrayList<>();
        if (set.first().byteOrder() == ByteOrder.BIG_ENDIAN) {
            findings.add(Finding.warning("big-endian", "numbers are stored big-endian, which llama.cpp on ordinary machines refuses",
                    List.of()));
        }
        GraphBuilder builder = new GraphBuilder(files);
        for (GgufSet.Tensor tensor : set.tensors()) {
            builder.add(stored(set, tensor));
        }
        String architectureName = metadata.fields().text(ARCHITECTURE).orElse("");
        String name = metadata.fields().text("general.name")
                .orElse(architectureName.isEmpty() ? source.file().orElse(source.name()) : architectureName);
        Optional<Dialect> dialect = options.families().describing(Dialect.GGUF, metadata);
        GraphBuilder.Result result;
        Architecture architecture;
        if (dialect.isPresent()) {
            architecture = dialect.get().architecture(metadata, name);
            result = builder.build(dialect.get(), architecture, source.name(), options.passUnknown(), true);
        } else {
            architecture = Architecture.unknown(name, metadata.fields());
            result = builder.withoutFamily();
        }
        if (architectureName.equals(EncoderTensors.ARCHITECTURE)) {
            findings.add(Finding.info("encoders", "the file holds encoders of images or sound, to be used beside a text model", List.of()));
            result = encoders(result);
        } else if (dialect.isEmpty()) {
            findings.add(Finding.warning("unknown-architecture",
                    (architectureName.isEmpty() ? "the file names no architecture"
                            : "architecture \"" + architectureName + "\" is not known")
                            + ": tensors have no roles, and only conversions that need none are possible",
                    List.of()));
        }
        findings.addAll(result.findings());
        Documents documents = Documents.NONE;
        if (dialect.isPresent()) {
            documents = new Documents(HuggingFaceDocuments.of(set.first(), dialect.get().family(), architecture, findings));
        }
        return new Checkpoint(GgufFormat.NAME, Optional.of(Integer.toString(set.first().version())), files, architecture, result.graph(),
                documents,
                findings, List.of(), dialect.isPresent() ? ofFile(metadata.fields(), architectureName) : Value.Fields.EMPTY);
    }

    /// The keys that are neither hyper-parameters, which the architecture has, nor tokens, which documents have.
    private static Value.Fields ofFile(Value.Fields metadata, String architecture) {
        Map<String, Value> fields = new LinkedHashMap<>(metadata.fields());
        List<String> others = List.of(architecture + ".", "tokenizer.", "split.", Dialect.TENSOR);
        fields.keySet().removeIf(
                name -> name.equals(ARCHITECTURE) || name.equals(Dialect.TOKEN_COUNT) || others.stream().anyMatch(name::startsWith));
        return new Value.Fields(fields);
    }

    /// Names of encoders' tensors say what they are, whatever the family.
    private static GraphBuilder.Result encoders(GraphBuilder.Result plain) {
        Map<String, Identity> identities = new HashMap<>();
        List<Weight> weights = new ArrayList<>();
        for (Weight weight : plain.graph().weights()) {
            Identity identity = EncoderTensors.identity(weight.key());
            weight.stored().forEach(stored -> identities.put(stored.name(), identity));
            weights.add(Weight.of(weight.key(), identity, weight.view(), weight.stored()));
        }
        return new GraphBuilder.Result(new TensorGraph(List.copyOf(plain.graph().stored()), identities, weights), plain.findings());
    }

    private static StoredTensor stored(GgufSet set, GgufSet.Tensor tensor) {
        GgufTensorInfo info = tensor.info();
        Encoding encoding = GgmlEncodings.of(info.type());
        boolean swapped = set.files().get(tensor.file()).byteOrder() == ByteOrder.BIG_ENDIAN;
        if (swapped && !LittleEndianSource.understands(info.type())) {
            encoding = new OpaqueEncoding(encoding.name(), encoding.codeBits(), info.byteLength());
        }
        return new StoredTensor(info.name(), info.shape(), encoding, List.of(new Span(tensor.file(), info.position(), info.byteLength())));
    }

    /// The keys that can be hyper-parameters: scalars, short texts, and arrays of numbers or flags no longer than a model has layers. Of the
    /// tokens only the count is kept, under the name of their key with `.count`; without tokens it is the height of the embedding.
    private static Value.Fields metadata(GgufSet set) throws IOException {
        Map<String, Value> fields = new LinkedHashMap<>();
        GgufFile file = set.first();
        for (GgufKey key : file.keys().values()) {
            switch (key.value()) {
                case GgufValue.Whole(var _, long number) -> fields.put(key.name(), Value.of(number));
                case GgufValue.F32(float number) -> fields.put(key.name(), Value.of(decimal(number)));
                case GgufValue.F64(double number) -> fields.put(key.name(), Value.of(number));
                case GgufValue.Flag(boolean set_) -> fields.put(key.name(), Value.of(set_));
                case GgufText text -> {
                    if (text.byteLength() <= GgufText.KEPT_BYTES) {
                        fields.put(key.name(), Value.of(text.text()));
                    }
                }
                case GgufArray array -> {
                    if (array.count() <= MOST_LAYERS) {
                        items(array).ifPresent(items -> fields.put(key.name(), items));
                    }
                }
            }
        }
        long tokens = file.array(TOKENS).map(array -> (long) array.count())
                .or(() -> set.tensor("token_embd.weight").map(tensor -> tensor.info().shape().rows())).orElse(0L);
        fields.put(Dialect.TOKEN_COUNT, Value.of(tokens));
        fields.keySet().removeIf(name -> name.startsWith(Dialect.TENSOR));
        for (GgufSet.Tensor tensor : set.tensors()) {
            String name = tensor.info().name();
            if (name.equals("output.weight") || name.startsWith(FIRST_LAYER)) {
                fields.put(Dialect.TENSOR + name, Value.of(true));
            }
        }
        Optional<GgufSet.Tensor> factors = set.tensor("rope_freqs.weight");
        if (factors.isPresent()) {
            factors(set, factors.get()).ifPresent(items -> fields.put(Dialect.ROPE_FACTORS, items));
        }
        return new Value.Fields(fields);
    }

    /// The number a person would have written: keys are single precision, and 1e-6 stays 1e-6 in documents made of them.
    private static double decimal(float number) {
        double shortest = Float.isFinite(number) ? Double.parseDouble(Float.toString(number)) : number;
        return (float) shortest == number ? shortest : number;
    }

    /// The divisors of rotary frequencies stand for hyper-parameters that have no keys.
    private static Optional<Value> factors(GgufSet set, GgufSet.Tensor tensor) throws IOException {
        GgufTensorInfo info = tensor.info();
        if (info.type() != GgmlType.F32 || info.shape().elements() > MOST_LAYERS) {
            return Optional.empty();
        }
        GgufFile file = set.files().get(tensor.file());
        ByteBuffer bytes = ByteBuffer.wrap(file.data(info).readBytes(0, (int) info.byteLength())).order(file.byteOrder());
        List<Value> items = new ArrayList<>();
        while (bytes.hasRemaining()) {
            items.add(Value.of((double) bytes.getFloat()));
        }
        return Optional.of(new Value.Items(items));
    }

    private static Optional<Value> items(GgufArray array) throws IOException {
        List<Value> items = new ArrayList<>(array.count());
        switch (array.elementType()) {
            case BOOL -> {
                for (boolean flag : array.flags()) {
                    items.add(Value.of(flag));
                }
            }
            case F32, F64 -> {
                for (double number : array.doubles()) {
                    items.add(Value.of(number));
                }
            }
            case U8, I8, U16, I16, U32, I32, U64, I64 -> {
                for (long number : array.longs()) {
                    items.add(Value.of(number));
                }
            }
            case STRING, ARRAY -> {
                return Optional.empty();
            }
        }
        return Optional.of(new Value.Items(items));
    }
}
