package io.github.weighbridge.safetensors;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.FileSection;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Blob;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.safetensors.file.SafetensorsIndex;
import io.github.weighbridge.safetensors.file.SafetensorsLayout;
import io.github.weighbridge.safetensors.file.SafetensorsShards;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.spi.FittingDocuments;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.OutputRecord;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Lays out a Hugging Face folder: shards with an index, config.json as the result needs it, and all other documents carried over. A tensor
/// has an entry for each plane of its encoding. For use by one thread.
public final class FolderLayout {
    /// The option for the size of shards.
    public static final String MAX_SHARD_SIZE = "max-shard-size";
    /// How that option is offered.
    public static final FormatOption SHARD_OPTION = new FormatOption(MAX_SHARD_SIZE, FormatOption.Kind.VALUE, "SIZE",
            "Begin a new file before one has more than so many bytes of tensors: N, NKB, NMB or NGB (powers of 10), NKiB, NMiB or NGiB; 5GB "
                    + "unless told otherwise.");
    private static final long DEFAULT_SHARD_BYTES = 5_000_000_000L;
    private static final Pattern SIZE = Pattern.compile("(\\d{1,18})\\s*([KMGT]?)(i?)B?", Pattern.CASE_INSENSITIVE);

    /// An entry of a safetensors file, and the plane that it holds.
    ///
    /// @param plane index of the plane
    /// @param type type of the elements
    /// @param shape dimensions of the entry
    public record Entry(String name, int plane, SafetensorsType type, Shape shape) {}

    private record Placed(int tensor, int plane) {}

    private record Wanted(TargetTensor tensor, Choice choice) {}

    private final HuggingFaceTensors model;
    private final long shardBytes;
    private final Limits limits;
    private final Map<String, String> record;
    private final LayoutBuilder layout = new LayoutBuilder();
    private final List<SafetensorsLayout.Tensor> entries = new ArrayList<>();
    private final List<Wanted> wanted = new ArrayList<>();
    private final Map<String, Placed> places = new HashMap<>();
    private final Map<String, Identity> identities = new HashMap<>();
    private final Map<DenseType, Long> denseNumbers = new HashMap<>();
    private long parameters;
    private Optional<Value.Fields> quantization = Optional.empty();

    /// A layout of a model's tensors.
    ///
    /// @throws PolicyException when the size of shards makes no sense
    public FolderLayout(HuggingFaceTensors model, TargetRequest request) throws PolicyException {
        this.model = model;
        this.shardBytes = shardBytes(request.option(MAX_SHARD_SIZE));
        this.limits = request.limits();
        this.record = OutputRecord.of(model.source(), request, model.stripping());
    }

    /// Reads a size of shards.
    ///
    /// @throws PolicyException when it is none
    public static long shardBytes(Optional<String> text) throws PolicyException {
        if (text.isEmpty()) {
            return DEFAULT_SHARD_BYTES;
        }
        Matcher size = SIZE.matcher(text.get().strip());
        if (size.matches()) {
            int power = " KMGT".indexOf(Character.toUpperCase(size.group(2).isEmpty() ? ' ' : size.group(2).charAt(0)));
            long number = Long.parseLong(size.group(1));
            long unit = 1;
            for (int i = 0; i < power; i++) {
                unit *= size.group(3).isEmpty() ? 1000 : 1024;
            }
            if (number > 0 && number <= Long.MAX_VALUE / unit) {
                return number * unit;
            }
        }
        throw new PolicyException("--" + MAX_SHARD_SIZE + " \"" + text.get() + "\": a number of bytes is needed, such as 5GB or 500MB");
    }

    /// Adds a tensor in a dense type, or with bytes that are not understood.
    public void dense(TargetTensor tensor, Choice choice) {
        denseNumbers.merge(choice.encoding().dense().orElse(DenseType.U8), tensor.shape().elements(), Long::sum);
        add(tensor, choice, List.of(new Entry(tensor.name(), 0, type(choice.encoding()), tensor.shape())));
    }

    /// Adds a tensor with an entry for each plane, whose lengths must be those of the planes.
    public void add(TargetTensor tensor, Choice choice, List<Entry> planes) {
        for (Entry entry : planes) {
            long expected = choice.encoding().planeBytes(entry.plane(), tensor.shape());
            if (entry.type().bytes(entry.shape()) != expected) {
                throw new IllegalArgumentException(entry + " has not the " + expected + " bytes of its plane");
            }
            entries.add(new SafetensorsLayout.Tensor(entry.name(), entry.type(), entry.shape()));
            places.put(entry.name(), new Placed(wanted.size(), entry.plane()));
        }
        wanted.add(new Wanted(tensor, choice));
        identities.put(tensor.name(), tensor.identity());
        parameters += tensor.shape().elements();
    }

    private static SafetensorsType type(Encoding encoding) {
        return SafetensorsType.named(encoding instanceof OpaqueEncoding opaque ? opaque.name() : encoding.dense().orElseThrow().name())
                .orElseThrow();
    }

    /// The type of a plane's numbers.
    public static SafetensorsType type(DenseType type) {
        return SafetensorsType.named(type.name()).orElseThrow();
    }

    /// Says how weights are quantised; without it, config.json says nothing of that.
    public void quantization(Value.Fields value) {
        quantization = Optional.of(value);
    }

    /// The plan for all that was added.
    ///
    /// @param format word of the target format
    /// @param findings what the target noticed
    public ConversionPlan plan(String format, Assignment assignment, List<Finding> findings) throws PolicyException {
        SafetensorsShards shards = SafetensorsShards.plan(entries, record, shardBytes, OptionalLong.of(parameters));
        // Jobs have the order in which readers meet the tensors: that of their codes.
        int[] jobs = new int[wanted.size()];
        shards.files().stream().flatMap(planned -> planned.layout().entries().stream()).map(entry -> place(entry.name()))
                .filter(place -> place.plane() == 0).map(Placed::tensor)
                .forEach(tensor -> jobs[tensor] = layout.reserve(wanted.get(tensor).tensor(), wanted.get(tensor).choice(),
                        Optional.empty()));
        for (SafetensorsShards.Planned planned : shards.files()) {
            layout.beginFile(planned.file(), true);
            byte[] prefix = planned.layout().prefix();
            layout.rendered(Blob.of(prefix));
            layout.sections(List.of(new FileSection(FileSection.HEADER, 0, prefix.length)));
            planned.layout().entries().forEach(entry -> {
                Placed place = place(entry.name());
                layout.plane(jobs[place.tensor()], place.plane());
            });
            layout.endFile();
        }
        shards.index().ifPresent(index -> {
            layout.beginFile(SafetensorsIndex.FILE, false);
            layout.rendered(Blob.of(index.bytes()));
            layout.endFile();
        });
        documents();
        List<Finding> all = new ArrayList<>(model.source().findings());
        all.addAll(findings);
        all.addAll(assignment.findings());
        return new ConversionPlan(format, Optional.empty(), true, layout.files(), layout.jobs(), model.architecture(), identities, all)
                .withCache(CacheChoice.recorded(word -> Optional.ofNullable(record.get(word))));
    }

    private Placed place(String entry) {
        return Objects.requireNonNull(places.get(entry));
    }

    private void documents() throws PolicyException {
        Checkpoint source = model.source();
        FittingDocuments fitting = FittingDocuments.of(source, model.architecture(), limits);
        for (String name : fitting.names()) {
            ByteSource document = source.documents().get(name).orElseThrow();
            layout.beginFile(name, false);
            Optional<Value.Fields> changed = name.equals(HuggingFaceFolder.CONFIG) ? changedConfig(document) : fitting.change(name);
            if (changed.isPresent()) {
                layout.rendered(Blob.of(Json.prettyBytes(changed.get())));
            } else {
                layout.document(name, document.length());
            }
            layout.endFile();
        }
        if (quantization.isPresent() && !source.documents().names().contains(HuggingFaceFolder.CONFIG)) {
            layout.beginFile(HuggingFaceFolder.CONFIG, false);
            layout.rendered(Blob.of(Json.prettyBytes(new Value.Fields(Map.of(HuggingFaceFolder.QUANTIZATION, quantization.get())))));
            layout.endFile();
        }
    }

    /// config.json as the result needs it; empty when the source's own is right.
    private Optional<Value.Fields> changedConfig(ByteSource document) throws PolicyException {
        Value.Fields config;
        try {
            config = Json.parseObject(document, limits);
        } catch (IOException e) {
            throw new PolicyException(document.name() + ": cannot be read again: " + e.getMessage());
        }
        Value.Fields changed = model.config(config).without(HuggingFaceFolder.OLD_QUANTIZATION);
        changed = quantization.isPresent() ? changed.with(HuggingFaceFolder.QUANTIZATION, quantization.get())
                : changed.without(HuggingFaceFolder.QUANTIZATION);
        Optional<String> dtype = commonType();
        if (dtype.isPresent()) {
            Value word = Value.of(dtype.get());
            for (String key : List.of("dtype", "torch_dtype")) {
                if (changed.get(key).isPresent()) {
                    changed = changed.with(key, word);
                }
                Optional<Value.Fields> text = changed.object("text_config");
                if (text.isPresent() && text.get().get(key).isPresent()) {
                    changed = changed.with("text_config", text.get().with(key, word));
                }
            }
        }
        return changed.equals(config) ? Optional.empty() : Optional.of(changed);
    }

    /// The type that most plain numbers have, as config.json names it.
    public Optional<String> commonType() {
        return denseNumbers.entrySet().stream().max(Map.Entry.comparingByValue()).flatMap(entry -> switch (entry.getKey()) {
            case BF16 -> Optional.of("bfloat16");
            case F16 -> Optional.of("float16");
            case F32 -> Optional.of("float32");
            case F64, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> Optional.<String>empty();
        });
    }
}
