package io.github.weighbridge.audit;

import io.github.weighbridge.audit.Audited.AuditedFile;
import io.github.weighbridge.audit.Audited.AuditedTensor;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.scan.GridFinding;
import io.github.weighbridge.scan.ValueSums;
import io.github.weighbridge.view.StoredTensor;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The report as JSON, schemas `weighbridge.inspect/1` and `weighbridge.plan/1`.
public final class AuditJson {
    /// The field that only models have of which figures were published.
    public static final String PUBLISHED = "published_figures";

    private AuditJson() {}

    /// The whole report. Bytes and counts are whole numbers, bits per weight have at most four decimals.
    public static Value.Fields report(Audited audited, AuditOptions options) {
        return report(audited, options, Map.of());
    }

    /// The whole report, with the grids that dense tensors were found to lie on.
    ///
    /// @param grids by name of the tensor: a finding, or empty where there is no grid; tensors that are not among them were not looked at
    public static Value.Fields report(Audited audited, AuditOptions options, Map<String, Optional<GridFinding>> grids) {
        return report(audited, options, grids, Map.of());
    }

    /// The whole report, with what numbers of tensors are like.
    ///
    /// @param grids as in [#report(Audited, AuditOptions, Map)]
    /// @param values by name of the tensor, as [ValueReport#tensors] has them; tensors that are not among them were not looked at
    public static Value.Fields report(Audited audited, AuditOptions options, Map<String, Optional<GridFinding>> grids,
            Map<String, ValueSums> values) {
        Footprint footprint = Footprint.of(audited);
        Ordered report = new Ordered();
        report.put("schema", Value.of(audited.planned() ? "weighbridge.plan/1" : "weighbridge.inspect/1"));
        report.put("source", source(audited));
        report.put("architecture", architecture(audited));
        report.put("totals", new Ordered().put("tensors", Value.of(footprint.tensors())).put("parameters", Value.of(footprint.parameters()))
                .put("tensor_bytes", Value.of(footprint.tensorBytes())).put("code_bytes", Value.of(footprint.codeBytes()))
                .put("overhead_bytes", Value.of(footprint.overheadBytes()))
                .put("bits_per_weight", bits(footprint.bitsPerWeight())).fields());
        report.put("overhead", overhead(audited.overhead()));
        report.put("components", list(footprint.components(), AuditJson::component));
        report.put("layers", list(footprint.layers(), (Footprint.LayerShare share) -> layer(share, audited.architecture())));
        if (options.tensors() || audited.planned()) {
            report.put("tensors", list(audited.tensors(), (AuditedTensor tensor) -> tensor(tensor, grids, values)));
        }
        report.put("memory", memory(audited, options));
        report.put("findings", list(audited.findings(), AuditJson::finding));
        PublishedFigures published = PublishedFigures.of(audited);
        if (published.known()) {
            report.put(PUBLISHED, published(published));
        }
        return report.fields();
    }

    /// Format and files of a checkpoint.
    static Value source(Audited audited) {
        Ordered source = new Ordered().put("format", Value.of(audited.format()));
        audited.formatVersion().ifPresent(version -> source.put("format_version", Value.of(version)));
        source.put("files", list(audited.files(), (AuditedFile file) -> new Ordered().put("name", Value.of(file.name()))
                .put("bytes", Value.of(file.bytes())).fields()));
        return source.put("bytes", Value.of(audited.bytes())).fields();
    }

    private static Value architecture(Audited audited) {
        Architecture architecture = audited.architecture();
        Ordered result = new Ordered().put("family", Value.of(architecture.family())).put("name", Value.of(architecture.name()));
        if (architecture.known()) {
            List<Layer> layers = architecture.layers();
            result.put("layers", Value.of(layers.size())).put("hidden_size", Value.of(architecture.hiddenSize()))
                    .put("vocabulary_size", Value.of(architecture.vocabularySize()))
                    .put("context_length", Value.of(architecture.contextLength()))
                    .put("sliding_layers", Value.of(layers.stream().filter(layer -> layer.attention() == Layer.Attention.SLIDING).count()))
                    .put("sliding_window", Value.of(layers.stream().mapToLong(Layer::window).max().orElse(0)))
                    .put("layers_with_cache", Value.of(layers.stream().filter(Layer::ownsCache).count()))
                    .put("tied_head", new Value.Flag(audited.tiedHead()));
        }
        return result.fields();
    }

    private static Value published(PublishedFigures figures) {
        return new Ordered().put("model", Value.of(figures.model()))
                .put("variants", list(figures.variants(), variant -> new Ordered().put("name", Value.of(variant.name()))
                        .put("leaves_out", Value.of(variant.leavesOut())).put("bytes", Value.of(variant.bytes())).fields()))
                .put("cells", list(figures.cells(), cell -> new Ordered().put("table", Value.of(cell.table()))
                        .put("published", Value.of(cell.published())).put("variant", Value.of(cell.variant()))
                        .put("factor", Value.of(cell.factor()))
                        .put("computed_gib",
                                Value.of(BigDecimal.valueOf(cell.computed()).setScale(4, RoundingMode.HALF_EVEN).doubleValue()))
                        .put("equal", new Value.Flag(cell.equal())).fields()))
                .fields();
    }

    private static Value overhead(Overhead overhead) {
        return new Ordered().put("header_bytes", Value.of(overhead.header())).put("metadata_bytes", Value.of(overhead.metadata()))
                .put("tokenizer_bytes", Value.of(overhead.tokenizer())).put("graph_bytes", Value.of(overhead.graph()))
                .put("padding_bytes", Value.of(overhead.padding()))
                .put("other_bytes", Value.of(overhead.other()))
                .put("documents", list(overhead.documents(), (Overhead.Document document) -> new Ordered()
                        .put("name", Value.of(document.name())).put("bytes", Value.of(document.bytes())).fields()))
                .fields();
    }

    private static Value component(Footprint.ComponentShare share) {
        return new Ordered().put("component", Value.of(share.component().word())).put("parameters", Value.of(share.parameters()))
                .put("bytes", Value.of(share.bytes())).put("code_bytes", Value.of(share.codeBytes()))
                .put("bits_per_weight", bits(share.bitsPerWeight()))
                .put("encodings", list(share.encodings(), (Footprint.EncodingShare encoding) -> new Ordered()
                        .put("encoding", Value.of(encoding.encoding())).put("tensors", Value.of(encoding.tensors()))
                        .put("parameters", Value.of(encoding.parameters())).put("bytes", Value.of(encoding.bytes())).fields()))
                .fields();
    }

    private static Value layer(Footprint.LayerShare share, Architecture architecture) {
        Ordered layer = new Ordered().put("component", Value.of(share.component().word())).put("layer", Value.of(share.layer()));
        share.attention().ifPresent(attention -> layer.put("attention", Value.of(attention.word())));
        if (share.attention().isPresent() && architecture.layers().get(share.layer()).cacheOwner() != share.layer()) {
            long owner = architecture.layers().get(share.layer()).cacheOwner();
            layer.put("cache_owner", owner == Layer.NO_CACHE ? new Value.Nothing() : Value.of(owner));
        }
        Ordered parts = new Ordered();
        share.bits().forEach((part, value) -> parts.put(part, bits(value)));
        return layer.put("parameters", Value.of(share.parameters())).put("bytes", Value.of(share.bytes()))
                .put("code_bytes", Value.of(share.codeBytes())).put("dead_bytes", Value.of(share.deadBytes()))
                .put("bits_per_weight", bits(share.bitsPerWeight())).put("bits", parts.fields()).fields();
    }

    /// `null` says that a grid was looked for in vain.
    private static Value grid(Optional<GridFinding> found, Shape shape) {
        return found.<Value>map(grid -> new Ordered().put("bits", Value.of(grid.bits())).put("group", Value.of(grid.group()))
                .put("symmetric", new Value.Flag(grid.symmetric())).put("exact_blocks", Value.of(grid.exactBlocks()))
                .put("max_residual", Value.of(grid.maxResidual())).put("kept_by", Value.ofTexts(GridKeepers.of(grid, shape)))
                .fields()).orElseGet(Value.Nothing::new);
    }

    private static Value tensor(AuditedTensor audited, Map<String, Optional<GridFinding>> grids, Map<String, ValueSums> values) {
        StoredTensor tensor = audited.tensor();
        Identity identity = audited.identity();
        Encoding encoding = tensor.encoding();
        Ordered result = new Ordered().put("name", Value.of(tensor.name())).put("role", Value.of(identity.role().word()))
                .put("component", Value.of(identity.component().word()));
        if (identity.layer() != Identity.NO_LAYER) {
            result.put("layer", Value.of(identity.layer()));
        }
        result.put("shape", new Value.Items(tensor.shape().toList().stream().map(dimension -> Value.of((long) dimension)).toList()))
                .put("encoding", Value.of(encoding.name())).put("code_bits", Value.of(encoding.codeBits()))
                .put("bits_per_weight", bits(Footprint.bits(tensor.bytes(), tensor.shape().elements())))
                .put("bytes", Value.of(tensor.bytes()))
                .put("file", Value.of(tensor.planes().getFirst().file())).put("offset", Value.of(tensor.planes().getFirst().offset()));
        Optional<GridFinding> found = grids.get(tensor.name());
        if (found != null) {
            result.put("grid", grid(found, tensor.shape()));
        }
        ValueSums sums = values.get(tensor.name());
        if (sums != null) {
            result.put("values", values(sums));
        }
        return result.fields();
    }

    /// Numbers that are not known, because no number is finite, are `null`.
    private static Value values(ValueSums sums) {
        Ordered json = new Ordered().put("min", sums.smallest()).put("max", sums.largest()).put("rms", sums.rms())
                .put("zeros", Value.of(sums.zeros())).put("nan", Value.of(sums.nan())).put("infinite", Value.of(sums.infinite()))
                .put("beyond_half", Value.of(sums.beyondHalf())).put("outliers", Value.of(sums.outliers()))
                .put("zero_rows", Value.of(sums.zeroRows()));
        ValueSums.CodeSums codes = sums.codes();
        if (codes.count() > 0) {
            json.put("codes", new Ordered().put("lowest", Value.of(codes.atLeast())).put("highest", Value.of(codes.atMost()))
                    .put("at_bounds", codes.atBounds()).put("scales", Value.of(codes.scales()))
                    .put("zero_scales", Value.of(codes.zeroScales()))
                    .put("negative_scales", Value.of(codes.negativeScales())).put("smallest_scale", codes.smallestScale())
                    .put("largest_scale", codes.largestScale()).fields());
        }
        return json.fields();
    }

    private static Value memory(Audited audited, AuditOptions options) {
        ConversationMemory memory = ConversationMemory.of(audited);
        Ordered json = new Ordered().put("resident_bytes", Value.of(memory.residentBytes()))
                .put("streamable_bytes", Value.of(memory.streamableBytes()))
                .put("streamed_bytes_per_token", Value.of(memory.streamedPerToken())).put("dead_bytes", Value.of(memory.deadBytes()))
                .put("encoder_bytes", Value.of(memory.encoderBytes())).put("drafter_bytes", Value.of(memory.drafterBytes()));
        memory.logitsBytes().ifPresent(bytes -> json.put("logits_bytes", Value.of(bytes)));
        memory.widestActivationBytes().ifPresent(bytes -> json.put("widest_activation_bytes", Value.of(bytes)));
        json.put("per_layer_input_bytes", Value.of(memory.perLayerInputBytes()));
        Architecture architecture = audited.architecture();
        json.put("kv_layers", list(memory.layersWithCache(), AuditJson::cacheLayer));
        memory.choice().ifPresent(choice -> json.put("kv_cache_own", new Ordered().put("sliding", Value.of(choice.sliding()))
                .put("full", Value.of(choice.full())).put("said_by", Value.of(choice.source())).fields()));
        json.put("kv_cache", list(memory.caches(options), (ConversationMemory.Cache cache) -> cache(cache, memory)));
        if (options.limit().isPresent()) {
            json.put("fits", list(options.fits(memory), AuditJson::fit));
        }
        return json.fields();
    }

    private static Value cacheLayer(Layer layer) {
        Ordered json = new Ordered().put("layer", Value.of(layer.index())).put("attention", Value.of(layer.attention().word()));
        if (layer.attention() == Layer.Attention.SLIDING) {
            json.put("window", Value.of(layer.window()));
        }
        return json.put("key_numbers", Value.of((long) layer.keyValueHeads() * layer.keyLength()))
                .put("value_numbers", Value.of((long) layer.keyValueHeads() * layer.valueLength())).fields();
    }

    private static Value cache(ConversationMemory.Cache cache, ConversationMemory memory) {
        Ordered json = types(new Ordered().put("context", Value.of(cache.context())), cache.types())
                .put("bytes", Value.of(cache.bytes().least()));
        if (memory.own().filter(cache.types()::equals).isPresent()) {
            json.put("own", new Value.Flag(true));
        }
        if (cache.bytes().most() > cache.bytes().least()) {
            json.put("most_bytes", Value.of(cache.bytes().most()));
        }
        if (cache.accounting() != Accounting.ARCHITECTURE) {
            json.put("accounting", Value.of(cache.accounting().word()));
        }
        return json.fields();
    }

    /// The type of all layers, or that of sliding ones and of full ones.
    private static Ordered types(Ordered json, KeyValueCache.Types types) {
        json.put("type", Value.of(types.sliding().word()));
        return types.uniform() ? json : json.put("full_type", Value.of(types.full().word()));
    }

    private static Value fit(ConversationMemory.Fit fit) {
        Ordered json = types(new Ordered().put("limit", Value.of(fit.limit())), fit.types());
        if (fit.accounting() != Accounting.ARCHITECTURE) {
            json.put("accounting", Value.of(fit.accounting().word()));
        }
        json.put("streamed", Value.of(fit.streamed()));
        return json.put("context", fit.context().isPresent() ? Value.of(fit.context().getAsLong()) : new Value.Nothing()).fields();
    }

    static Value finding(Finding finding) {
        Ordered result = new Ordered().put("code", Value.of(finding.code())).put("severity", Value.of(finding.severity().word()))
                .put("message", Value.of(finding.message()));
        if (!finding.tensors().isEmpty()) {
            result.put("tensors", Value.ofTexts(finding.tensors()));
        }
        return result.fields();
    }

    private static Value bits(double bits) {
        return Value.of(BigDecimal.valueOf(bits).setScale(4, RoundingMode.HALF_EVEN).doubleValue());
    }

    private static <T> Value list(List<T> items, java.util.function.Function<? super T, Value> json) {
        return Ordered.list(items, json);
    }
}
