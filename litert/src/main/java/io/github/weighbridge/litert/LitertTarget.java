package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.litert.encoding.LitertEncodings;
import io.github.weighbridge.litert.graph.DecoderGraph;
import io.github.weighbridge.litert.graph.DecoderSpec;
import io.github.weighbridge.litert.graph.EmbedderGraph;
import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Stripping;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A text decoder as LiteRT-LM wants it: graphs that call for the weights, the tables of embeddings in sections of their own, the tokenizer, and
/// what the runtime must know.
final class LitertTarget implements Target {
    private static final String CARRY = "carry";
    private static final String SCALES_ROUNDED = ", codes unchanged, scales rounded";
    private static final Pattern GROUP = Pattern.compile("(?:litertlm:|task:)?int([248])/group(\\d{1,9})");
    private static final Set<Role> TABLES = Set.of(Role.TOKEN_EMBEDDING, Role.PER_LAYER_EMBEDDING);
    private static final Set<Role> SCALES = Set.of(Role.ACTIVATION_SCALE, Role.KV_SCALE);
    private static final Set<Component> ENCODERS = Set.of(Component.VISION_ENCODER, Component.AUDIO_ENCODER);
    private static final String DESCRIPTION = "Weighbridge";

    private final Checkpoint source;
    private final TargetRequest request;
    private final BundleForm form;
    private final BundleTensors bundle;
    private final LitertOptions options;
    private final BundleDocuments documents;
    private final Carried carried;
    private final List<TargetTensor> tensors;

    private LitertTarget(Checkpoint source, TargetRequest request, BundleForm form, BundleTensors bundle, LitertOptions options,
            BundleDocuments documents, Carried carried) {
        this.source = source;
        this.request = request;
        this.form = form;
        this.bundle = bundle;
        this.options = options;
        this.documents = documents;
        this.carried = carried;
        this.tensors = List.copyOf(bundle.all());
    }

    static LitertTarget of(Checkpoint source, TargetRequest request, BundleForm form) throws IOException, PolicyException {
        Stripping stripping = Stripping.of(source, request);
        LitertOptions options = LitertOptions.of(source, stripping, request);
        BundleTensors bundle = BundleTensors.of(source, stripping, request, options);
        return new LitertTarget(source, request, form, bundle, options, BundleDocuments.of(source, bundle, options, form, request),
                Carried.of(source, bundle.all()));
    }

    @Override
    public List<TargetTensor> tensors() {
        return tensors;
    }

    @Override
    public List<Finding> findings() {
        List<Finding> all = new ArrayList<>(bundle.findings());
        all.addAll(documents.findings());
        return all;
    }

    /// Norms, factors, windows and tables of positions are computed with in single precision, and scales of activations and caches are single precision numbers in a model.
    @Override
    public Optional<Choice> fixed(TargetTensor tensor) {
        return tensor.shape().rank() != 2 || EncoderTensors.isEnd(tensor.name())
                ? Optional.of(Choice.of(DenseEncoding.F32, "the runtime computes with single precision"))
                : Optional.empty();
    }

    @Override
    public Choice keep(TargetTensor tensor) throws PolicyException {
        Optional<Encoding> own = carried.encoding(tensor).filter(encoding -> refuses(tensor, encoding).isEmpty());
        if (own.isPresent()) {
            return new Choice(own.get(), CARRY, "codes unchanged");
        }
        DenseType type = Exact.denseType(tensor.view())
                .orElseThrow(() -> new PolicyException(tensor.name() + ": its numbers are not understood"));
        if (tensor.shape().rank() != 2) {
            return Choice.of(DenseEncoding.F32, "keep");
        }
        return Choice.of(type.exactIn(DenseType.F16) ? DenseEncoding.F16
                : isTable(tensor) && type.exactIn(DenseType.BF16) ? DenseEncoding.BF16 : DenseEncoding.F32, "keep");
    }

    /// Whether a tensor is looked up by rows, not multiplied with.
    static boolean isTable(TargetTensor tensor) {
        return TABLES.contains(tensor.identity().role());
    }

    @Override
    public Optional<Encoding> encoding(String word) {
        String plain = word.toLowerCase(Locale.ROOT);
        for (String prefix : List.of("litertlm:", "task:")) {
            plain = plain.startsWith(prefix) ? plain.substring(prefix.length()) : plain;
        }
        return LitertEncodings.of(plain);
    }

    /// Codes that are there already are not made anew, unless a recipe is named.
    @Override
    public Optional<Choice> choice(String word, TargetTensor tensor, String reason) {
        Optional<Encoding> encoding = wholeRow(word, tensor).or(() -> encoding(word));
        return encoding.isPresent() ? encoding.map(found -> choice(tensor, found, reason)) : Target.super.choice(word, tensor, reason);
    }

    /// A group of as many columns as a row has is the row.
    private static Optional<Encoding> wholeRow(String word, TargetTensor tensor) {
        Matcher group = GROUP.matcher(word.toLowerCase(Locale.ROOT));
        return group.matches() && Long.parseLong(group.group(2)) == tensor.shape().columns()
                ? Optional.of(LitertEncodings.channel(Integer.parseInt(group.group(1)))) : Optional.empty();
    }

    private Choice choice(TargetTensor tensor, Encoding encoding, String reason) {
        Optional<Boolean> exact = carried.into(tensor, encoding);
        if (exact.isPresent()) {
            return new Choice(encoding, CARRY, reason + (exact.get() ? ", codes unchanged" : SCALES_ROUNDED));
        }
        boolean signed = isTable(tensor) && LitertEncodings.block(encoding).isPresent();
        return signed ? new Choice(encoding, LitertEncodings.SIGNED, reason) : Choice.of(encoding, reason);
    }

    @Override
    public Optional<String> refuses(TargetTensor tensor, Encoding encoding) {
        Optional<TensorType> type = LitertEncodings.type(encoding);
        if (type.isEmpty()) {
            return Optional.of("no operator of the runtime takes it");
        }
        if (type.get() == TensorType.FLOAT32) {
            return Exact.denseType(tensor.view()).isPresent() ? Optional.empty() : Optional.of("its numbers are not understood");
        }
        if (SCALES.contains(tensor.identity().role()) || tensor.shape().rank() != 2) {
            return Optional.of("the runtime computes with single precision there");
        }
        if (type.get() == TensorType.BFLOAT16 && !isTable(tensor)) {
            return Optional.of("a product would widen its numbers anew each time the graph runs");
        }
        Optional<String> misfit = encoding.misfit(tensor.shape());
        if (misfit.isPresent()) {
            return misfit;
        }
        // Odd rows share bytes, which the delegate does not take and the lookup reads wrongly.
        int inByte = Math.max(1, 8 / encoding.codeBits());
        if (tensor.shape().columns() % inByte != 0) {
            return Optional.of("rows of " + tensor.shape().columns() + " are no multiple of " + inByte
                    + ", and the runtime computes wrongly with rows that share a byte");
        }
        return Exact.denseType(tensor.view()).isPresent() ? Optional.empty() : Optional.of("its numbers are not understood");
    }

    /// All matrices in one encoding. Unless the type is `pure`, the projection of embeddings onto the layers' inputs stays as it is where that is
    /// codes, and so do the first and last products of encoders, whose layers have 8 bits, as in Google's own bundles. Where a matrix cannot have
    /// codes, 8 bits, then single precision.
    @Override
    public Assignment type(String type, boolean pure) throws PolicyException {
        Encoding wanted = encoding(type).orElseThrow(() -> new PolicyException("--type " + type + ": LiteRT-LM has " + String.join(", ",
                LitertEncodings.list().stream().map(Encoding::name).toList())));
        boolean mixed = !pure && wanted.dense().isEmpty();
        Map<String, Choice> choices = new LinkedHashMap<>();
        List<String> fallbacks = new ArrayList<>();
        for (TargetTensor tensor : tensors) {
            Optional<Choice> fixed = fixed(tensor);
            if (fixed.isPresent()) {
                choices.put(tensor.name(), fixed.get());
            } else if (mixed && staysPlain(tensor)) {
                choices.put(tensor.name(), keep(tensor));
            } else {
                boolean encoder = mixed && ENCODERS.contains(tensor.identity().component());
                Encoding own = encoder ? LitertEncodings.channel(8) : wanted;
                Encoding encoding = own;
                for (Encoding next : wanted.dense().isPresent() ? List.of(DenseEncoding.F32)
                        : List.of(LitertEncodings.channel(8), DenseEncoding.F32)) {
                    encoding = refuses(tensor, encoding).isEmpty() ? encoding : next;
                }
                if (encoding != own) {
                    fallbacks.add(tensor.name());
                }
                String reason = "type " + type + (own == wanted ? "" : ", 8 bits in encoders");
                choices.put(tensor.name(), choice(tensor, encoding, reason + (encoding == own ? "" : ", which cannot be here")));
            }
        }
        List<Finding> findings = fallbacks.isEmpty() ? List.of()
                : List.of(Finding.info("type-fallback",
                        fallbacks.size() + " tensors cannot be " + wanted.name() + " and have a wider encoding",
                        fallbacks));
        return new Assignment(choices, findings, Optional.of(type));
    }

    private static boolean staysPlain(TargetTensor tensor) {
        Component component = tensor.identity().component();
        return tensor.identity().role().equals(Role.PER_LAYER_MODEL_PROJECTION) || component.equals(Component.PROJECTOR)
                || ENCODERS.contains(component) && tensor.identity().layer() == Identity.NO_LAYER;
    }

    @Override
    public ConversionPlan plan(Assignment assignment) throws PolicyException {
        List<BundlePart> parts = new ArrayList<>(documents.parts());
        parts.add(BundlePart.model(BundlePart.Model.EMBEDDER, embedder(assignment)));
        if (!bundle.perLayerTables().isEmpty()) {
            parts.add(BundlePart.model(BundlePart.Model.PER_LAYER_EMBEDDER, perLayerEmbedder(assignment)));
        }
        for (EncoderTensors encoder : bundle.encoders()) {
            parts.addAll(encoder.parts(DESCRIPTION, assignment, bundle.spec().embeddingScale()));
        }
        parts.add(BundlePart.model(BundlePart.Model.PREFILL_DECODE, decoder(assignment)));
        LayoutBuilder layout = new LayoutBuilder();
        layout.beginFile(request.name(), true);
        form.layOut(parts, options, layout);
        layout.endFile();
        Map<String, Identity> identities = new HashMap<>();
        tensors.forEach(tensor -> identities.put(tensor.name(), tensor.identity()));
        List<Finding> all = new ArrayList<>(source.findings());
        all.removeIf(finding -> finding.code().equals("dead-weights"));
        all.addAll(findings());
        all.addAll(assignment.findings());
        all.addAll(codesGivenUp(layout.jobs()));
        scalesRounded(layout.jobs()).ifPresent(all::add);
        return new ConversionPlan(form.format(), form.version(), false, layout.files(), layout.jobs(), bundle.architecture(), identities,
                all).withCache(bundle.cacheChoice());
    }

    /// Scales of rows that became scales of blocks.
    private static Optional<Finding> scalesRounded(List<Job> jobs) {
        List<String> rounded = jobs.stream().filter(job -> job.mode() == Job.Mode.CARRY && job.reason().endsWith(SCALES_ROUNDED))
                .map(job -> job.target().name()).toList();
        return rounded.isEmpty() ? Optional.empty()
                : Optional.of(Finding.info("scales-rounded",
                        rounded.size() + " tensors have all codes unchanged, and their scales rounded to"
                                + " bfloat16, with which products of blocks compute: no value changes by more than 2^-8 of itself",
                        rounded));
    }

    /// What was rounded in the source and is rounded again, or is decoded because no product takes its scales.
    private static List<Finding> codesGivenUp(List<Job> jobs) {
        List<String> again = new ArrayList<>();
        List<String> decoded = new ArrayList<>();
        for (Job job : jobs) {
            boolean codes = View.stored(job.view()).stream().anyMatch(stored -> stored.encoding().dense().isEmpty());
            if (codes && job.mode() == Job.Mode.ENCODE && !EncoderTensors.isEnd(job.target().name())) {
                (job.target().encoding().dense().isPresent() ? decoded : again).add(job.target().name());
            }
        }
        List<Finding> findings = new ArrayList<>();
        if (!again.isEmpty()) {
            findings.add(
                    Finding.warning("requantised", again.size() + " tensors were quantised already: their numbers were decoded and encoded"
                            + " anew, so that the errors of both encodings add up", again));
        }
        if (!decoded.isEmpty()) {
            findings.add(Finding.info("codes-not-carried", decoded.size() + " quantised tensors are written as the numbers they stand for",
                    decoded));
        }
        return findings;
    }

    private SectionModel embedder(Assignment assignment) throws PolicyException {
        SectionModel model = new SectionModel(DESCRIPTION, assignment);
        EmbedderGraph.embedder(model.constant(bundle.weight(Role.TOKEN_EMBEDDING, Identity.NO_LAYER)), bundle.spec().embeddingScale(),
                model.graphs());
        model.finish();
        return model;
    }

    private SectionModel perLayerEmbedder(Assignment assignment) throws PolicyException {
        SectionModel model = new SectionModel(DESCRIPTION, assignment);
        EmbedderGraph.perLayer(bundle.perLayerTables().stream().map(model::constant).toList(), bundle.spec().perLayerScale(),
                model.graphs());
        model.finish();
        return model;
    }

    private SectionModel decoder(Assignment assignment) throws PolicyException {
        SectionModel model = new SectionModel(DESCRIPTION, assignment);
        DecoderSpec spec = bundle.spec();
        BundleWeights weights = new BundleWeights(bundle, model);
        DecoderGraph.decode(spec, weights, options.cacheLength(), model.graphs());
        for (int tokens : options.prefill()) {
            DecoderGraph.prefill(spec, weights, options.cacheLength(), tokens, model.graphs());
        }
        model.finish();
        return model;
    }
}
