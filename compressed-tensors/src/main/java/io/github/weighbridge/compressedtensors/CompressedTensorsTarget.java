package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.WeightType.Activations;
import io.github.weighbridge.compressedtensors.config.Args;
import io.github.weighbridge.compressedtensors.config.Args.Strategy;
import io.github.weighbridge.compressedtensors.config.Group.Scheme;
import io.github.weighbridge.compressedtensors.config.ModuleMatcher;
import io.github.weighbridge.compressedtensors.config.PackFormat;
import io.github.weighbridge.compressedtensors.config.QuantizationConfig;
import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.safetensors.FolderLayout;
import io.github.weighbridge.safetensors.HuggingFaceFolder;
import io.github.weighbridge.safetensors.HuggingFaceTensors;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// A folder that compressed-tensors describes and vLLM loads: matrices of modules in its packings, all other tensors plain.
///
/// Codes that the source has are kept, and so are the scales of static activations and of caches, unless a named type takes their place. Named
/// types quantise what Google's own checkpoints do: the linear modules of the text model without its router and head.
final class CompressedTensorsTarget implements Target {
    private static final String INT8 = "int8";
    private static final Pattern LEFT_PLAIN = Pattern.compile(".*(lm_head|router|vision|visual|audio|multi_modal|embed_).*");

    private final HuggingFaceTensors model;
    private final TargetRequest request;
    private final boolean vllm;
    private final CodeChoices codes;
    private final Experts experts;
    private final List<TargetTensor> tensors = new ArrayList<>();
    /// Names of modules by the names of the scales of their activations.
    private final Map<String, String> moduleOfScale = new HashMap<>();
    private final Map<String, String> cacheScales = new LinkedHashMap<>();
    private final Optional<ModuleMatcher> sourceSchemes;
    private final Optional<Args> sourceCache;
    /// How caches are quantised in what is written.
    private Optional<Args> scheme;
    private final List<Finding> findings = new ArrayList<>();

    private CompressedTensorsTarget(HuggingFaceTensors model, TargetRequest request) throws IOException {
        this.model = model;
        this.request = request;
        this.vllm = request.option(CompressedTensorsOptions.RUNTIME).isPresent();
        this.codes = new CodeChoices(model);
        this.experts = new Experts(model);
        Optional<QuantizationConfig> config = sourceConfig(model.source(), request);
        this.sourceSchemes = config.map(ModuleMatcher::new);
        this.sourceCache = config.flatMap(QuantizationConfig::cache);
        this.scheme = sourceCache;
        for (TargetTensor tensor : model.tensors()) {
            tensors.add(tensor);
            Optional<Weight> weight = model.weight(tensor);
            weight.flatMap(Weight::inputScale).ifPresent(scale -> activation(tensor, scale, ModuleNames.INPUT_SCALE));
            weight.flatMap(Weight::outputScale).ifPresent(scale -> activation(tensor, scale, ModuleNames.OUTPUT_SCALE));
        }
        caches();
    }

    static CompressedTensorsTarget of(Checkpoint source, TargetRequest request) throws IOException, PolicyException {
        Optional<String> misuse = CompressedTensorsOptions.misuse(request.options());
        if (misuse.isPresent()) {
            throw new PolicyException(misuse.get());
        }
        return new CompressedTensorsTarget(HuggingFaceTensors.apart(source, request), request);
    }

    private static Optional<QuantizationConfig> sourceConfig(Checkpoint source, TargetRequest request) throws IOException {
        if (!source.format().equals(CompressedTensorsFormat.NAME)) {
            return Optional.empty();
        }
        var document = source.documents().get(HuggingFaceFolder.CONFIG).orElseThrow();
        return Optional.of(CompressedTensorsReader.config(new Parameters(document.name(), Json.parseObject(document, request.limits()))));
    }

    private void activation(TargetTensor of, StoredTensor scale, String suffix) {
        String module = module(of);
        if (scale.shape().elements() == 1) {
            TargetTensor tensor = model.number(scale, module + suffix, Shape.of(1));
            tensors.add(tensor);
            moduleOfScale.put(tensor.name(), module);
        } else {
            findings.add(Finding.warning("activation-scales-lost", scale.name() + " has more than one number", List.of(scale.name())));
        }
    }

    /// The scheme for caches holds for all layers, and is for codes. vLLM takes scales of caches for floats of 8 bits alone; for it, others are left out
    /// as its own converter does.
    private void caches() {
        List<StoredTensor> scales = model.cacheScales();
        List<String> names = scales.stream().map(StoredTensor::name).toList();
        boolean floats = sourceCache.filter(args -> args.type() == Args.Type.FLOAT).isPresent();
        Optional<String> sliding = request.option(TargetRequest.CACHE_SLIDING);
        Optional<String> full = request.option(TargetRequest.CACHE_FULL);
        if (sliding.isPresent() && full.isPresent()) {
            boolean codes = sliding.get().equals(INT8) && full.get().equals(INT8);
            if (!codes || floats) {
                scheme = Optional.empty();
                if (!scales.isEmpty()) {
                    findings.add(Finding.info("cache-scales-left-out",
                            scales.size() + " scales of key/value caches are left out: the policy"
                                    + " wants " + sliding.get()
                                    + (sliding.equals(full) ? "" : " in sliding layers and " + full.get() + " in full ones")
                                    + ", and kv_cache_scheme is one for all layers, of codes with scales",
                            names));
                }
                return;
            }
            if (scales.isEmpty()) {
                findings.add(Finding.warning("cache-scales-missing", "int8 is asked for, and kv_cache_scheme is left out: the source has no"
                        + " trained scales of caches, and scales cannot be made without running the model", List.of()));
            }
        }
        if (scales.isEmpty()) {
            return;
        }
        if (vllm && !floats) {
            scheme = Optional.empty();
            findings.add(Finding.warning("kv-scales-lost",
                    scales.size() + " scales of 8-bit integer key/value caches are left out, as vLLM has caches of 8-bit floats only",
                    names));
            return;
        }
        scheme = Optional.of(sourceCache.orElse(Args.integers(8, Strategy.TENSOR, 0, true)));
        for (StoredTensor scale : scales) {
            String name = model.name(scale.name()).replace("_cache_scale", "_scale");
            TargetTensor tensor = scale.shape().elements() == 1 ? model.number(scale, name, Shape.of(1))
                    : new TargetTensor(name, model.source().graph().identity(scale), View.of(scale), List.of());
            tensors.add(tensor);
            cacheScales.put(name, scale.name());
        }
        if (!floats) {
            findings.add(Finding.info("kv-scales-int8",
                    scales.size()
                            + " scales of key/value caches are for 8-bit integers; vLLM has caches of 8-bit floats only, and --runtime "
                            + "vllm leaves them out",
                    names));
        }
    }

    static String module(TargetTensor tensor) {
        return ModuleNames.module(tensor.name(), ModuleNames.WEIGHT).orElse(tensor.name());
    }

    @Override
    public List<TargetTensor> tensors() {
        return List.copyOf(tensors);
    }

    @Override
    public List<Finding> findings() {
        return List.copyOf(findings);
    }

    @Override
    public Optional<Choice> fixed(TargetTensor tensor) {
        if (moduleOfScale.containsKey(tensor.name()) || cacheScales.containsKey(tensor.name())) {
            DenseType type = Exact.denseType(tensor.view()).orElse(DenseType.F32);
            return Optional.of(Choice.of(DenseEncoding.of(type), "a scale"));
        }
        return HuggingFaceTensors.fixed(tensor);
    }

    private boolean hasStaticActivations(TargetTensor tensor) {
        Optional<Weight> weight = model.weight(tensor);
        return weight.flatMap(Weight::inputScale).isPresent() && weight.flatMap(Weight::outputScale).isPresent();
    }

    @Override
    public Choice keep(TargetTensor tensor) throws PolicyException {
        Optional<Choice> kept = codes.keep(tensor, hasStaticActivations(tensor));
        if (kept.isPresent()) {
            return kept.get();
        }
        Choice dense = model.keepDense(tensor);
        return codes.narrowed(tensor, dense).orElse(dense);
    }

    @Override
    public Optional<Encoding> encoding(String word) {
        return switch (word.toLowerCase(Locale.ROOT)) {
            case "bf16" -> Optional.of(DenseEncoding.BF16);
            case "f16" -> Optional.of(DenseEncoding.F16);
            case "f32" -> Optional.of(DenseEncoding.F32);
            default -> weightType(word).map(type -> type.encoding(DenseType.BF16));
        };
    }

    /// What a word means for weights. Rows of 8-bit integers whose activations are quantised too are laid out as bytes, for which vLLM has kernels.
    private Optional<WeightType> weightType(String word) {
        boolean both = request.option(TargetRequest.ACTIVATIONS).filter(way -> way.equals("dynamic") || way.equals("static")).isPresent();
        return WeightType.of(word).map(type -> both ? type.withActivations() : type);
    }

    @Override
    public Optional<Choice> choice(String word, TargetTensor tensor, String reason) {
        int colon = word.lastIndexOf(':');
        Optional<WeightType> type = weightType(word);
        Optional<String> method = Optional.empty();
        if (type.isEmpty() && colon > 0) {
            type = weightType(word.substring(0, colon));
            method = Optional.of(word.substring(colon + 1));
        }
        if (type.isEmpty()) {
            return Target.super.choice(word, tensor, reason);
        }
        Choice choice = codes.of(type.get(), tensor, method, reason);
        boolean carried = choice.method().equals(CodeChoices.CARRY);
        return carried || CodeChoices.has(choice.encoding(), choice.method()) ? Optional.of(choice) : Optional.empty();
    }

    @Override
    public Assignment type(String type, boolean pure) throws PolicyException {
        int colon = type.indexOf(':');
        String word = colon < 0 ? type : type.substring(0, colon);
        Optional<String> method = colon < 0 ? Optional.empty() : Optional.of(type.substring(colon + 1));
        Optional<Encoding> dense = encoding(word).filter(encoding -> encoding.dense().isPresent());
        Optional<WeightType> weights = WeightType.of(word);
        if (dense.isEmpty() && weights.isEmpty()) {
            throw new PolicyException("--type " + type + ": compressed-tensors has " + String.join(", ", WeightType.WORDS));
        }
        if (method.isPresent() && (weights.isEmpty() || !CodeChoices.has(weights.get().encoding(DenseType.F16), method.get()))) {
            throw new PolicyException("--type " + type + ": " + word + " has no recipe \"" + method.get() + '"');
        }
        Map<String, Choice> choices = new LinkedHashMap<>();
        List<String> misfits = new ArrayList<>();
        Set<Integer> plainExperts = weights.map(this::layersOfMisfits).orElse(Set.of());
        for (TargetTensor tensor : tensors) {
            Optional<Choice> fixed = fixed(tensor);
            if (fixed.isPresent()) {
                choices.put(tensor.name(), fixed.get());
            } else if (Exact.denseType(tensor.view()).isEmpty()) {
                throw new PolicyException("--type " + type + ": " + tensor.name() + ": its numbers are not understood");
            } else if (dense.isPresent()) {
                choices.put(tensor.name(), Choice.of(dense.get(), "type " + type));
            } else if (!quantised(tensor, pure)) {
                Choice kept = keep(tensor);
                choices.put(tensor.name(), new Choice(kept.encoding(), kept.method(), "type " + type + " leaves it as it is"));
            } else
                if (misfit(weights.orElseThrow(), tensor)
                        || Experts.isExpert(tensor) && plainExperts.contains(tensor.identity().layer())) {
                            choices.put(tensor.name(), keep(tensor));
                            misfits.add(tensor.name());
                        } else {
                            choices.put(tensor.name(), codes.of(weights.get(), tensor, method, "type " + type));
                            needsScales(weights.get(), tensor, type);
                        }
        }
        List<Finding> noted = new ArrayList<>();
        if (!misfits.isEmpty()) {
            noted.add(Finding.info("fallback", misfits.size() + " tensors stay as they are, as groups do not divide their rows"
                    + (plainExperts.isEmpty() ? "" : ", or those of other experts of their layer, with which vLLM has them in one module"),
                    misfits));
        }
        return new Assignment(choices, noted, Optional.of(word.toUpperCase(Locale.ROOT)));
    }

    private static boolean misfit(WeightType type, TargetTensor tensor) {
        return WeightType.misfit(type.encoding(DenseType.BF16), tensor.shape()).isPresent();
    }

    private Set<Integer> layersOfMisfits(WeightType type) {
        return experts.layers(tensor -> misfit(type, tensor));
    }

    private void needsScales(WeightType type, TargetTensor tensor, String word) throws PolicyException {
        if (type.activations() == Activations.STATIC && model.weight(tensor).flatMap(Weight::inputScale).isEmpty()) {
            throw new PolicyException("--type " + word + ": " + tensor.name()
                    + " has no trained scale for what enters it; W8A8 finds scales while the model runs");
        }
    }

    /// Whether a named type is about a tensor.
    private boolean quantised(TargetTensor tensor, boolean pure) {
        if (!CodeChoices.isModule(tensor)) {
            return false;
        }
        if (pure) {
            return true;
        }
        Component component = tensor.identity().component();
        if (component.equals(Component.OTHER)) {
            return ModuleNames.className(module(tensor)).equals(QuantizationConfig.LINEAR)
                    && !LEFT_PLAIN.matcher(tensor.name()).matches();
        }
        return component.equals(Component.TEXT_DECODER) && !tensor.identity().role().equals(Role.ROUTER);
    }

    @Override
    public Optional<String> refuses(TargetTensor tensor, Encoding encoding) {
        if (Exact.denseType(tensor.view()).isEmpty()) {
            return Optional.of("its numbers are not understood");
        }
        if (encoding.dense().isPresent()) {
            return Optional.empty();
        }
        if (!(encoding instanceof GridEncoding grid)) {
            return Optional.of("compressed-tensors has no such encoding");
        }
        if (!CodeChoices.isModule(tensor)) {
            return Optional.of("only the matrices of modules are quantised");
        }
        boolean carried = CodeChoices.commonGrid(tensor.view())
                .filter(own -> grid.carries(own, tensor.shape()).kind() == io.github.weighbridge.encoding.Carriage.Kind.EXACT).isPresent();
        if (!carried && encoding.encoder(EncoderInputs.PLAIN).isEmpty()
                && !(tensor.view() instanceof View.Stored(StoredTensor stored) && stored.encoding().equals(encoding))) {
            return Optional.of("this version does not write " + encoding.name());
        }
        return WeightType.misfit(grid, tensor.shape());
    }

    /// What vLLM merges when it loads it, where the result is for vLLM: queries, keys and values, and gates with what they gate. Otherwise parts that
    /// differ are noted in the plan.
    @Override
    public List<List<String>> fused() {
        if (!vllm) {
            return List.of();
        }
        List<List<String>> fused = new ArrayList<>(VllmRules.fusedNames(model.tensors().stream()
                .filter(tensor -> CodeChoices.isModule(tensor) && !Experts.isExpert(tensor)).map(TargetTensor::name).toList()));
        fused.addAll(experts.fused());
        return fused;
    }

    @Override
    public ConversionPlan plan(Assignment assignment) throws PolicyException {
        FolderLayout layout = new FolderLayout(model, request);
        PlanFindings noted = new PlanFindings(vllm);
        List<Module> modules = new ArrayList<>();
        Map<String, Optional<Scheme>> schemes = new HashMap<>();
        Map<String, TargetTensor> together = experts.together(assignment);
        for (TargetTensor tensor : model.tensors()) {
            Choice choice = assignment.of(tensor);
            String name = module(tensor);
            Optional<Scheme> scheme = Optional.empty();
            if (choice.encoding() instanceof GridEncoding grid) {
                scheme = Optional.of(scheme(tensor, name, grid, assignment.type()));
                layout.add(tensor, choice, Module.entries(name, grid, tensor.shape()));
                noted.quantised(tensor, choice, grid);
            } else if (together.containsKey(tensor.name())) {
                TargetTensor whole = Objects.requireNonNull(together.get(tensor.name()));
                if (experts.isFirst(tensor, whole)) {
                    layout.dense(whole, choice);
                }
            } else {
                layout.dense(tensor, choice);
            }
            schemes.put(name, scheme);
            if (CodeChoices.isModule(tensor)) {
                modules.add(new Module(name, ModuleNames.className(name), tensor, choice.encoding(), scheme));
            }
        }
        for (TargetTensor tensor : tensors) {
            String module = moduleOfScale.get(tensor.name());
            if (module != null) {
                Optional<Scheme> scheme = Objects.requireNonNull(schemes.get(module));
                boolean input = tensor.name().endsWith(ModuleNames.INPUT_SCALE);
                if (isStatic(scheme.flatMap(input ? Scheme::input : Scheme::output))) {
                    layout.dense(tensor, assignment.of(tensor));
                } else {
                    noted.dropped(View.stored(tensor.view()).getFirst().name(), scheme.isPresent());
                }
            } else if (cacheScales.containsKey(tensor.name())) {
                layout.dense(tensor, assignment.of(tensor));
            }
        }
        layout.quantization(ConfigMaker.config(modules, scheme).toFields());
        List<Finding> all = new ArrayList<>(findings);
        all.addAll(noted.all(layout.commonType()));
        List<Finding> refused = VllmRules.check(modules, experts.fused());
        if (vllm && !refused.isEmpty()) {
            throw new PolicyException("--runtime vllm: " + refused.getFirst().message());
        }
        all.addAll(refused);
        ConversionPlan plan = layout.plan(CompressedTensorsFormat.NAME, assignment, all);
        return scheme.isEmpty() ? plan : plan.withCache(scheme.map(CompressedTensorsReader::choice));
    }

    private static boolean isStatic(Optional<Args> args) {
        return args.filter(known -> known.dynamic() == Args.Dynamic.STATIC).isPresent();
    }

    /// How a module is quantised: what the source says where its encoding stays, otherwise what follows from the encoding and the type.
    private Scheme scheme(TargetTensor tensor, String module, GridEncoding encoding, Optional<String> type) {
        Args weights = Module.weights(encoding);
        boolean same = tensor.view() instanceof View.Stored(StoredTensor stored) && stored.encoding().equals(encoding);
        Optional<Args> input = Optional.empty();
        Optional<Args> output = Optional.empty();
        boolean unnamed = type.isEmpty();
        if (same && unnamed && sourceSchemes.isPresent()) {
            Optional<Scheme> own = ownScheme(module);
            input = own.flatMap(Scheme::input);
            output = own.flatMap(Scheme::output);
            return new Scheme(Optional.of(weights), input, output, Optional.of(Module.format(encoding, input.isPresent())));
        }
        boolean integers = encoding.grid().levels() instanceof Grid.Levels.Range;
        boolean floats = encoding.grid().levels().equals(Grid.Levels.Table.E4M3);
        Activations wanted = switch (request.option(TargetRequest.ACTIVATIONS).orElse("keep")) {
            case "none" -> Activations.NONE;
            case "dynamic" -> Activations.DYNAMIC;
            case "static" -> Activations.STATIC;
            default -> type.flatMap(WeightType::of).map(WeightType::activations).orElse(Activations.STATIC);
        };
        Optional<Weight> weight = model.weight(tensor);
        Args number = Args.integers(8, Strategy.TENSOR, 0, true);
        if (integers && wanted == Activations.STATIC) {
            input = weight.flatMap(Weight::inputScale).map(_ -> number);
            // 8-bit integers without what enters them have no kernel.
            output = type.isPresent() ? Optional.empty() : weight.flatMap(Weight::outputScale).map(_ -> number);
        }
        if (integers && wanted == Activations.DYNAMIC && encoding.grid().zero() == Grid.Zero.NONE
                && ModuleNames.className(module).equals(QuantizationConfig.LINEAR)) {
            input = Optional.of(tokens(Args.Type.INT));
        }
        if (integers && input.isEmpty() && Module.format(encoding, true) == PackFormat.INT_QUANTIZED) {
            input = Optional.of(tokens(Args.Type.INT));
        }
        if (floats && encoding.grid().scale() != DenseType.F8_E8M0) {
            input = Optional.of(weights.strategy() == Strategy.BLOCK
                    ? new Args(8, Args.Type.FLOAT, true, Strategy.GROUP, weights.blockColumns(), 0, 0, Args.Dynamic.DYNAMIC,
                            Args.Order.NONE,
                            Optional.empty())
                    : tokens(Args.Type.FLOAT));
        }
        return new Scheme(Optional.of(weights), input, output, Optional.of(Module.format(encoding, input.isPresent())));
    }

    private static Args tokens(Args.Type type) {
        return new Args(8, type, true, Strategy.TOKEN, 0, 0, 0, Args.Dynamic.DYNAMIC, Args.Order.NONE, Optional.empty());
    }

    private Optional<Scheme> ownScheme(String module) {
        try {
            return sourceSchemes.orElseThrow().matches(module, ModuleNames.className(module)).stream().findFirst()
                    .map(match -> match.group().scheme());
        } catch (CheckpointFormatException e) {
            throw new IllegalStateException("the reader has matched all modules already", e);
        }
    }
}
