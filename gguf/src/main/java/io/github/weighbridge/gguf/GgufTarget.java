package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufSplit;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Blob;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.Importance;
import io.github.weighbridge.plan.ImportanceMatrix;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// A checkpoint as llama.cpp wants it: a text model in one file or a set of shards, and where it is asked for, the encoders of images and
/// sound in a file of their own.
final class GgufTarget implements Target {
    private static final List<String> CANDIDATES = List.of("gguf:Q2_K", "gguf:Q3_K", "gguf:Q4_0", "gguf:Q4_K", "gguf:Q5_0", "gguf:Q5_K",
            "gguf:Q6_K", "gguf:Q8_0", "gguf:F16", "gguf:BF16");

    private final Checkpoint source;
    private final TargetRequest request;
    private final Optional<Part> model;
    private final Optional<Part> encoders;
    private final List<TargetTensor> tensors;
    private final Map<String, Part> partOf = new HashMap<>();
    private final CodeCarriage carriage;
    private final Q4Evidence evidence;
    private final GgufOptions options;

    private GgufTarget(Checkpoint source, TargetRequest request, GgufOptions options, Optional<Part> model, Optional<Part> encoders)
            throws IOException {
        this.source = source;
        this.request = request;
        this.options = options;
        this.model = model;
        this.encoders = encoders;
        List<TargetTensor> all = new ArrayList<>();
        for (Part part : parts()) {
            part.tensors().forEach(tensor -> partOf.put(tensor.name(), part));
            all.addAll(part.tensors());
        }
        this.tensors = List.copyOf(all);
        this.carriage = CodeCarriage.of(source, tensors);
        this.evidence = new Q4Evidence(source);
    }

    static GgufTarget of(Checkpoint source, TargetRequest request) throws IOException, PolicyException {
        GgufOptions options = GgufOptions.of(request);
        Optional<String> mmproj = options.mmproj();
        if (source.format().equals(GgufFormat.NAME) && request.strip().isEmpty()) {
            if (mmproj.isPresent()) {
                throw new PolicyException("--mmproj \"" + mmproj.get() + "\": a GGUF source has no encoders beside its text model");
            }
            return new GgufTarget(source, request, options, Optional.of(CarriedPart.of(source, request)), Optional.empty());
        }
        if (mmproj.isEmpty()) {
            return new GgufTarget(source, request, options, Optional.of(TextPart.of(source, request, Set.of())), Optional.empty());
        }
        if (!SourceTree.isPlainName(mmproj.get())) {
            throw new PolicyException(
                    "--mmproj \"" + mmproj.get() + "\": a plain file name is needed; the file is written beside the target");
        }
        EncoderPart encoders = EncoderPart.of(source, request);
        Optional<Part> text = mmproj.get().equals(request.name()) ? Optional.empty()
                : Optional.of(TextPart.of(source, request, encoders.weights()));
        return new GgufTarget(source, request, options, text, Optional.of(encoders));
    }

    private List<Part> parts() {
        List<Part> parts = new ArrayList<>();
        model.ifPresent(parts::add);
        encoders.ifPresent(parts::add);
        return parts;
    }

    private Part part(TargetTensor tensor) {
        return Objects.requireNonNull(partOf.get(tensor.name()));
    }

    @Override
    public List<TargetTensor> tensors() {
        return tensors;
    }

    @Override
    public List<Finding> findings() {
        return parts().stream().flatMap(part -> part.findings().stream()).toList();
    }

    @Override
    public Optional<Choice> fixed(TargetTensor tensor) {
        return part(tensor).fixed(tensor);
    }

    @Override
    public Choice keep(TargetTensor tensor) throws PolicyException {
        Optional<Choice> carried = carriage.kept(tensor);
        if (carried.isPresent()) {
            return carried.get();
        }
        Optional<Encoding> own = CarriedPart.own(tensor);
        if (own.isPresent() && (own.get().dense().isEmpty() || source.format().equals(GgufFormat.NAME))) {
            return Choice.of(own.get(), "keep");
        }
        DenseType type =
                Exact.denseType(tensor.view()).orElseThrow(() -> new PolicyException(tensor.name() + ": its numbers are not understood"));
        return Choice.of(GgmlEncodings.of(holding(type)), "keep");
    }

    private static GgmlType holding(DenseType type) {
        return switch (type) {
            case F64 -> GgmlType.F64;
            case BF16 -> GgmlType.BF16;
            case F16 -> GgmlType.F16;
            case F8_E4M3, F8_E5M2, F8_E8M0 -> GgmlType.BF16;
            case F32, U16, I16, U8, I8, BOOL -> GgmlType.F32;
            case I32 -> GgmlType.I32;
            case I64, U32, U64 -> GgmlType.I64;
        };
    }

    @Override
    public Optional<Encoding> encoding(String word) {
        String plain = word.startsWith("gguf:") ? word.substring("gguf:".length()) : word;
        return GgmlType.ofName(plain).filter(type -> !type.runtimeOnly()).or(() -> NeutralWords.type(word)).map(GgmlEncodings::of);
    }

    /// `exact` alone is the only type that has such a recipe. Where no recipe is named, codes stay what they are if the encoding holds them, and
    /// Q4_0 finds a grid again that is there.
    @Override
    public Optional<Choice> choice(String word, TargetTensor tensor, String reason) {
        String full = word.equals(Q4Evidence.EXACT) ? "Q4_0:" + word : word;
        Optional<Choice> choice = Target.super.choice(full, tensor, reason);
        return encoding(full).isEmpty() ? choice.map(found -> exact(tensor, found)) : choice.map(found -> onItsGrid(tensor, found));
    }

    private Choice onItsGrid(TargetTensor tensor, Choice plain) {
        return carriage.into(tensor, plain).orElseGet(() -> evidence.choice(tensor, plain));
    }

    /// Nothing is more exact than codes that stay what they are.
    private Choice exact(TargetTensor tensor, Choice choice) {
        return choice.method().equals(Q4Evidence.EXACT) ? carriage.into(tensor, choice).orElse(choice) : choice;
    }

    @Override
    public Optional<String> refuses(TargetTensor tensor, Encoding encoding) {
        Optional<String> misfit = encoding.misfit(tensor.shape());
        if (misfit.isPresent()) {
            return misfit;
        }
        if (Exact.denseType(tensor.view()).isEmpty()) {
            return Optional.of("its numbers are not understood");
        }
        boolean same = tensor.view() instanceof View.Stored(StoredTensor stored) && stored.encoding().equals(encoding);
        if (!same && encoding.encoder(EncoderInputs.PLAIN).isEmpty()) {
            return Optional.of("this version does not write " + encoding.name());
        }
        return Optional.empty();
    }

    @Override
    public Assignment type(String type, boolean pure) throws PolicyException {
        int colon = type.indexOf(':');
        Optional<String> method = colon < 0 ? Optional.empty() : Optional.of(type.substring(colon + 1));
        GgufFileType fileType = GgufFileType.named(colon < 0 ? type : type.substring(0, colon))
                .orElseThrow(() -> new PolicyException("--type " + type + ": gguf has " + String.join(", ", GgufFileType.names())));
        Map<String, Choice> choices = new LinkedHashMap<>();
        List<String> fallbacks = new ArrayList<>();
        for (Part part : parts()) {
            List<TargetTensor> mixed = new ArrayList<>();
            for (TargetTensor tensor : part.tensors()) {
                Optional<Choice> fixed = part.fixed(tensor);
                if (fixed.isPresent()) {
                    choices.put(tensor.name(), fixed.get());
                } else if (part.follows(fileType, tensor)) {
                    mixed.add(tensor);
                } else {
                    Choice kept = keep(tensor);
                    choices.put(tensor.name(), new Choice(kept.encoding(), kept.method(), "llama-quantize leaves it as it is"));
                }
            }
            if (!mixed.isEmpty()) {
                Map<String, QuantizationMix.Chosen> chosen = new QuantizationMix(fileType, pure || fileType.dense(), mixModel(),
                        part.tensors(), options).assign(mixed);
                for (TargetTensor tensor : mixed) {
                    QuantizationMix.Chosen one = Objects.requireNonNull(chosen.get(tensor.name()));
                    Choice choice = typed(fileType, tensor, one);
                    choices.put(tensor.name(), exact(tensor, Q4Evidence.choice(choice, method, () -> onItsGrid(tensor, choice))));
                    if (one.fallback()) {
                        fallbacks.add(tensor.name());
                    }
                }
            }
        }
        List<Finding> noted = fallbacks.isEmpty() ? List.of()
                : List.of(Finding.info("fallback", fallbacks.size()
                        + " tensors whose rows are no multiple of the block have another type, as llama-quantize gives it", fallbacks));
        Q4Evidence.check(fileType.name(), method, choices.values());
        return new Assignment(choices, noted, Optional.of(fileType.name()));
    }

    private QuantizationMix.Model mixModel() {
        Architecture architecture = source.architecture();
        return architecture.layers().isEmpty() ? QuantizationMix.Model.of(architecture.parameters())
                : QuantizationMix.Model.of(architecture);
    }

    private Choice typed(GgufFileType fileType, TargetTensor tensor, QuantizationMix.Chosen chosen) throws PolicyException {
        Encoding encoding = GgmlEncodings.of(chosen.type());
        Optional<String> refusal = refuses(tensor, encoding);
        if (refusal.isPresent()) {
            throw new PolicyException("--type " + fileType + ": " + tensor.name() + " cannot be " + encoding.name() + ": " + refusal.get());
        }
        if (QuantizationMix.needsImportance(fileType, tensor.name(), chosen.type())
                && options.importance().flatMap(matrix -> matrix.entry(tensor.name())).isEmpty()) {
            throw new PolicyException("--type " + fileType + ": " + tensor.name() + " as " + encoding.name() + " needs an importance matrix"
                    + (options.importance().isPresent() ? ", and " + options.importance().get().name() + " has no weights for it" : ""));
        }
        return Choice.of(encoding, chosen.fallback() ? "fallback of type " + fileType : "type " + fileType);
    }

    /// The types that recipes without an importance matrix are known for. MXFP4 and NVFP4 are for rules to name: offered here, they lower the sum of
    /// errors and raise the loss of a trained model (`BudgetLlamaTest`: 3.849 with them, 3.835 without, in the bytes of Q3_K_S).
    @Override
    public List<String> candidates() {
        return CANDIDATES;
    }

    @Override
    public Optional<Importance> importance(TargetTensor tensor) throws PolicyException {
        return importance(tensor, GgmlEncodings.of(GgmlType.Q4_K));
    }

    @Override
    public ConversionPlan plan(Assignment assignment) throws PolicyException {
        Optional<String> misuse = GgufOptions.misuse(request.options(), assignment.type());
        if (misuse.isPresent()) {
            throw new PolicyException(misuse.get());
        }
        LayoutBuilder layout = new LayoutBuilder();
        if (model.isPresent()) {
            write(model.get(), request.name(), options.splitSize(), assignment, layout);
        }
        if (encoders.isPresent()) {
            write(encoders.get(), options.mmproj().orElseThrow(), OptionalLong.empty(), assignment, layout);
        }
        Map<String, Identity> identities = new HashMap<>();
        tensors.forEach(tensor -> identities.put(tensor.name(), tensor.identity()));
        List<Finding> all = new ArrayList<>(source.findings());
        all.removeIf(finding -> finding.code().equals("dead-weights"));
        all.addAll(findings());
        all.addAll(carriage.findings(assignment, tensors));
        all.addAll(assignment.findings());
        requantised(layout).ifPresent(all::add);
        Architecture architecture = model.isEmpty() ? Architecture.unknown(source.architecture().name(), Value.Fields.EMPTY)
                : model.get() instanceof TextPart text ? text.architecture() : source.architecture();
        return new ConversionPlan(GgufFormat.NAME, Optional.of(Integer.toString(GgufHeader.VERSION)), false, layout.files(), layout.jobs(),
                architecture, identities, all)
                .withCache(model.flatMap(part -> CacheChoice.recorded(word -> Optional.ofNullable(part.record().get(word)))));
    }

    /// Lays out the file of a part, or its shards.
    private void write(Part part, String name, OptionalLong most, Assignment assignment, LayoutBuilder layout) throws PolicyException {
        List<List<TargetTensor>> shards = most.isEmpty() ? List.of(part.tensors()) : shards(part.tensors(), most.getAsLong(), assignment);
        if (shards.size() > GgufSplit.MOST) {
            throw new PolicyException("--" + GgufOptions.SPLIT_MAX_SIZE + ": that would be " + shards.size() + " files; a set has at most "
                    + GgufSplit.MOST);
        }
        for (int shard = 0; shard < shards.size(); shard++) {
            GgufHeader.Builder builder = GgufHeader.builder();
            if (shard == 0) {
                part.keys(builder, new Part.Made(fileType(part, assignment), unchanged(part, assignment)));
                options.importance().filter(_ -> part.tensors().stream().anyMatch(tensor -> !dense(assignment.of(tensor).encoding())))
                        .ifPresent(matrix -> importanceKeys(matrix, builder));
            }
            String file = name;
            if (most.isPresent()) {
                builder.put(GgufSplit.NUMBER_KEY, GgufValue.u16(shard)).put(GgufSplit.COUNT_KEY, GgufValue.u16(shards.size()))
                        .put(GgufSplit.TENSORS_KEY, GgufValue.i32(part.tensors().size()));
                file = new GgufSplit(GgufSplit.prefixOf(name), shard + 1, shards.size()).fileName();
            }
            write(builder, shards.get(shard), file, assignment, layout);
        }
    }

    private void write(GgufHeader.Builder builder, List<TargetTensor> shard, String file, Assignment assignment, LayoutBuilder layout)
            throws PolicyException {
        for (TargetTensor tensor : shard) {
            builder.tensor(tensor.name(), tensor.shape(), typeOf(assignment.of(tensor).encoding()));
        }
        GgufHeader header = builder.build();
        layout.beginFile(file, true);
        try {
            layout.rendered(Blob.of(header.toBytes()));
            layout.sections(HeaderSections.of(header));
        } catch (IOException e) {
            throw new UncheckedIOException("the header is rendered in memory", e);
        }
        for (TargetTensor tensor : shard) {
            // A scalar is written as a vector of one.
            TargetTensor stored = tensor.shape().rank() == 0
                    ? new TargetTensor(tensor.name(), tensor.identity(), View.reshape(tensor.view(), Shape.of(1)), tensor.weights())
                    : tensor;
            Choice choice = assignment.of(tensor);
            layout.tensor(stored, choice, importance(stored, choice.encoding()));
            layout.align(header.alignment());
        }
        layout.endFile();
        if (layout.files().getLast().length() != header.fileLength()) {
            throw new IllegalStateException(
                    "laid out " + layout.files().getLast().length() + " bytes, the header says " + header.fileLength());
        }
    }

    /// The tensors of each shard: a shard ends before the tensor that would take it past the size, padding counted, keys not (llama.cpp
    /// `tools/gguf-split`). A tensor that is larger by itself has a shard of its own.
    private static List<List<TargetTensor>> shards(List<TargetTensor> tensors, long most, Assignment assignment) {
        List<List<TargetTensor>> shards = new ArrayList<>();
        shards.add(new ArrayList<>());
        long size = 0;
        for (TargetTensor tensor : tensors) {
            long alignment = GgufHeader.DEFAULT_ALIGNMENT;
            long bytes = (assignment.of(tensor).encoding().bytes(tensor.shape()) + alignment - 1) / alignment * alignment;
            if (!shards.getLast().isEmpty() && bytes > most - size) {
                shards.add(new ArrayList<>());
                size = 0;
            }
            shards.getLast().add(tensor);
            size += bytes;
        }
        return shards;
    }

    private static boolean dense(Encoding encoding) {
        return encoding.dense().isPresent();
    }

    /// The weights of a tensor's columns. llama-quantize refuses a matrix that was made for other shapes, except for the embedding's.
    private Optional<Importance> importance(TargetTensor tensor, Encoding encoding) throws PolicyException {
        Optional<float[]> entry = options.importance().flatMap(matrix -> matrix.entry(tensor.name()));
        if (entry.isEmpty() || dense(encoding)) {
            return Optional.empty();
        }
        Shape shape = tensor.shape();
        long matrices = shape.rank() < 3 ? 1 : shape.elements() / Math.max(1, shape.dimension(shape.rank() - 2) * shape.columns());
        if (entry.get().length == matrices * shape.columns()) {
            return Optional.of(Importance.of(entry.get(), Math.toIntExact(shape.columns())));
        }
        if (tensor.name().equals("token_embd.weight") || tensor.name().equals("per_layer_token_embd.weight")) {
            return Optional.empty();
        }
        throw new PolicyException("importance matrix " + options.importance().get().name() + ": " + entry.get().length + " weights for "
                + tensor.name() + " of " + shape + ", which has " + matrices * shape.columns());
    }

    /// (llama.cpp `tools/quantize/quantize.cpp`.) Texts are named by the first.
    private static void importanceKeys(ImportanceMatrix matrix, GgufHeader.Builder builder) {
        builder.put("quantize.imatrix.file", matrix.name());
        if (!matrix.datasets().isEmpty()) {
            builder.put("quantize.imatrix.dataset", matrix.datasets().getFirst());
        }
        builder.putU32("quantize.imatrix.entries_count", matrix.entries().size());
        if (matrix.chunks() > 0) {
            builder.putU32("quantize.imatrix.chunks_count", matrix.chunks());
        }
    }

    /// What was rounded once and is rounded again.
    private static Optional<Finding> requantised(LayoutBuilder layout) {
        List<String> names = new ArrayList<>();
        for (Job job : layout.jobs()) {
            if (job.mode() == Job.Mode.ENCODE && !dense(job.target().encoding())
                    && View.stored(job.view()).stream().anyMatch(stored -> !dense(stored.encoding()))) {
                names.add(job.target().name());
            }
        }
        return names.isEmpty() ? Optional.empty()
                : Optional
                        .of(Finding.warning("requantised", names.size() + " tensors were quantised already: their numbers were decoded and"
                                + " encoded anew, so that the errors of both encodings add up", names));
    }

    private static GgmlType typeOf(Encoding encoding) {
        return GgmlType.ofName(encoding.name()).orElseThrow(() -> new IllegalArgumentException("GGUF has no type " + encoding.name()));
    }

    private static boolean unchanged(Part part, Assignment assignment) {
        return assignment.type().isEmpty() && part.tensors().stream()
                .allMatch(tensor -> CarriedPart.own(tensor).filter(assignment.of(tensor).encoding()::equals).isPresent());
    }

    /// The named type, or the file type of the tensor type that most parameters have.
    private static long fileType(Part part, Assignment assignment) {
        Optional<GgufFileType> named = assignment.type().flatMap(GgufFileType::named);
        if (named.isPresent() && part.tensors().stream().anyMatch(tensor -> part.follows(named.get(), tensor))) {
            return named.get().id();
        }
        // By type, so that of equal counts it is always the same one that is named.
        Map<GgmlType, Long> counts = new EnumMap<>(GgmlType.class);
        for (TargetTensor tensor : part.tensors()) {
            if (part.fixed(tensor).isEmpty()) {
                counts.merge(typeOf(assignment.of(tensor).encoding()), tensor.shape().elements(), Long::sum);
            }
        }
        return counts.entrySet().stream().max(Map.Entry.comparingByValue()).flatMap(entry -> GgufFileType.mostly(entry.getKey()))
                .map(GgufFileType::id).orElse(GgufFileType.F32.id());
    }
}
