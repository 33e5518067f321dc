package org.example.toy;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.GraphBuilder;
import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.io.ByteCursor;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Checkpoints in one file: `TOY1`, length of the head (u32), the head in JSON, tensors one behind the other.
///
/// The head has `name`, `config` (that of Hugging Face, or nothing) and `tensors`, a list of `name`, `type`, `shape`. Numbers are dense.
public final class ToyFormat implements Format {
    static final byte[] MAGIC = "TOY1".getBytes(StandardCharsets.US_ASCII);
    static final int PREFIX = 8;

    @Override
    public String name() {
        return "toy";
    }

    @Override
    public String description() {
        return "the checkpoints of a plugin's example";
    }

    @Override
    public boolean reads() {
        return true;
    }

    @Override
    public boolean writes() {
        return true;
    }

    @Override
    public List<Encoding> encodings() {
        return List.of(DenseEncoding.F32, DenseEncoding.BF16, DenseEncoding.F16);
    }

    @Override
    public List<String> types() {
        return List.of("TOY32", "TOY16");
    }

    @Override
    public Claim probe(Source source) throws IOException {
        if (source.file().isEmpty()) {
            return Claim.NO;
        }
        try (ByteSource bytes = source.open()) {
            return bytes.length() >= MAGIC.length && java.util.Arrays.equals(bytes.readBytes(0, MAGIC.length), MAGIC) ? Claim.CERTAIN
                    : Claim.NO;
        }
    }

    @Override
    public Checkpoint open(Source source, ReadOptions options) throws IOException {
        ByteSource bytes = source.open();
        try {
            return read(source, bytes, options);
        } catch (IOException | RuntimeException | Error e) {
            bytes.close();
            throw e;
        }
    }

    private static Checkpoint read(Source source, ByteSource bytes, ReadOptions options) throws IOException {
        ByteCursor cursor = new ByteCursor(bytes, 0, bytes.length(), ByteOrder.LITTLE_ENDIAN);
        cursor.skip(MAGIC.length, "magic");
        long length = cursor.u32("length of the head");
        if (length > bytes.length() - PREFIX) {
            throw CheckpointFormatException.malformed(bytes.name(), MAGIC.length, "length of the head", length,
                    "at most " + (bytes.length() - PREFIX));
        }
        Value.Fields head = Json.parseObject(ByteSource.slice(bytes, bytes.name(), PREFIX, length), options.limits());
        CheckpointFile file = new CheckpointFile(source.file().orElseThrow(), bytes);
        GraphBuilder builder = new GraphBuilder(List.of(file));
        tensors(bytes, head, PREFIX + length).forEach(builder::add);
        String name = head.text("name").orElse(file.name());
        Value.Fields config = head.object("config").orElse(Value.Fields.EMPTY);
        Parameters parameters = new Parameters(bytes.name(), config);
        Optional<Dialect> dialect = options.families().describing(Dialect.HUGGING_FACE, parameters);
        Architecture architecture = dialect.isPresent() ? dialect.get().architecture(parameters, name) : Architecture.unknown(name, config);
        GraphBuilder.Result result =
                dialect.isPresent() ? builder.build(dialect.get(), architecture, source.name(), options.passUnknown(), true)
                        : builder.withoutFamily();
        return new Checkpoint("toy", Optional.of("1"), List.of(file), architecture, result.graph(), Documents.NONE, result.findings(),
                List.of());
    }

    private static List<StoredTensor> tensors(ByteSource bytes, Value.Fields head, long begin) throws IOException {
        List<StoredTensor> tensors = new ArrayList<>();
        Set<String> names = new HashSet<>();
        long at = begin;
        for (Value item : head.list("tensors").orElse(List.of())) {
            Value.Fields tensor = item instanceof Value.Fields fields ? fields : Value.Fields.EMPTY;
            String name = tensor.text("name").orElse("");
            if (!names.add(name)) {
                throw CheckpointFormatException.malformed(bytes.name(), PREFIX, "tensor \"" + name + "\"", "a second time",
                        "each name once");
            }
            DenseEncoding encoding = DenseEncoding.of(DenseType.valueOf(tensor.text("type").orElse("F32")));
            long[] shape = tensor.list("shape").orElse(List.of()).stream()
                    .mapToLong(size -> size instanceof Value.Whole(long number) ? number : -1)
                    .toArray();
            if (!Shape.fits(shape) || Shape.of(shape).elements() > bytes.length()) {
                throw CheckpointFormatException.malformed(bytes.name(), PREFIX, "shape of tensor \"" + name + "\"",
                        tensor.list("shape").orElse(List.of()),
                        "dimensions whose bytes are in the file");
            }
            long size = encoding.bytes(Shape.of(shape));
            if (size > bytes.length() - at) {
                throw CheckpointFormatException.malformed(bytes.name(), at, "tensor \"" + name + "\"", (bytes.length() - at) + " bytes",
                        size + " bytes");
            }
            tensors.add(new StoredTensor(name, Shape.of(shape), encoding, List.of(new Span(0, at, size))));
            at += size;
        }
        return tensors;
    }

    @Override
    public Target target(Checkpoint checkpoint, TargetRequest request) throws PolicyException {
        return new ToyTarget(checkpoint, request);
    }

    /// The head of a file.
    static byte[] head(String name, Value.Fields config, List<StoredTensor> tensors) {
        List<Value> list = new ArrayList<>();
        for (StoredTensor tensor : tensors) {
            list.add(new Value.Fields(Map.of()).with("name", Value.of(tensor.name())).with("type", Value.of(tensor.encoding().name())).with(
                    "shape",
                    new Value.Items(tensor.shape().toList().stream().map(size -> Value.of((long) size)).toList())));
        }
        byte[] json = Json.bytes(
                new Value.Fields(Map.of()).with("name", Value.of(name)).with("config", config).with("tensors", new Value.Items(list)));
        return java.nio.ByteBuffer.allocate(PREFIX + json.length).order(ByteOrder.LITTLE_ENDIAN).put(MAGIC).putInt(json.length).put(json)
                .array();
    }
}
