package io.github.weighbridge.safetensors;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// A folder in Hugging Face's form: every tensor dense, or with `--form gemma` in the codes that it has, as transformers' `quant_method: gemma`
/// keeps them. Shards with an index, config.json and all other documents are carried over.
final class SafetensorsTarget implements Target {
    /// The option that says how quantised weights are written.
    static final String FORM = "form";
    /// Its values.
    static final String PLAIN = "plain";
    static final List<FormatOption> OPTIONS = List.of(FolderLayout.SHARD_OPTION, new FormatOption(FORM, FormatOption.Kind.VALUE, "FORM",
            "How weights that are codes in the source are written: plain, as numbers, or gemma, as transformers reads Gemma's mobile "
                    + "checkpoints."));

    private final HuggingFaceTensors model;
    private final TargetRequest request;
    private final Optional<GemmaForm> form;
    private final List<TargetTensor> tensors;
    private final List<Finding> findings;

    private SafetensorsTarget(HuggingFaceTensors model, TargetRequest request, Optional<GemmaForm> form) {
        this.model = model;
        this.request = request;
        this.form = form;
        this.tensors = form.map(GemmaForm::tensors).orElse(model.tensors());
        this.findings = form.map(GemmaForm::findings).orElseGet(() -> lost(model));
    }

    static SafetensorsTarget of(Checkpoint source, TargetRequest request) throws PolicyException {
        Optional<String> misuse = misuse(request.options());
        if (misuse.isPresent()) {
            throw new PolicyException(misuse.get());
        }
        HuggingFaceTensors model = HuggingFaceTensors.of(source, request);
        boolean gemma = request.option(FORM).filter(GemmaQuantization.METHOD::equals).isPresent();
        return new SafetensorsTarget(model, request, gemma ? Optional.of(new GemmaForm(model)) : Optional.empty());
    }

    /// Why settings make no sense whatever the checkpoint.
    static Optional<String> misuse(Map<String, String> options) {
        String form = options.getOrDefault(FORM, PLAIN);
        if (!form.equals(PLAIN) && !form.equals(GemmaQuantization.METHOD)) {
            return Optional.of("--form \"" + form + "\" is none of plain, gemma");
        }
        try {
            FolderLayout.shardBytes(Optional.ofNullable(options.get(FolderLayout.MAX_SHARD_SIZE)));
            return Optional.empty();
        } catch (PolicyException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    private static List<Finding> lost(HuggingFaceTensors model) {
        List<Finding> findings = new ArrayList<>();
        List<String> scales = new ArrayList<>();
        for (Weight weight : model.weights()) {
            weight.activationScales().forEach(scale -> scales.add(scale.name()));
        }
        if (!scales.isEmpty()) {
            findings.add(Finding.warning("activation-scales-lost",
                    scales.size() + " scales of static activations have no place in a folder of plain numbers", scales));
        }
        List<String> cache = model.cacheScales().stream().map(StoredTensor::name).toList();
        if (!cache.isEmpty()) {
            findings.add(Finding.warning("kv-scales-lost",
                    cache.size() + " scales of key/value caches have no place in a folder of plain numbers", cache));
        }
        return findings;
    }

    @Override
    public List<TargetTensor> tensors() {
        return tensors;
    }

    @Override
    public List<Finding> findings() {
        return findings;
    }

    @Override
    public Optional<Choice> fixed(TargetTensor tensor) {
        Optional<Choice> scale = form.flatMap(gemma -> gemma.scale(tensor));
        return scale.isPresent() ? scale : HuggingFaceTensors.fixed(tensor);
    }

    @Override
    public Choice keep(TargetTensor tensor) throws PolicyException {
        Optional<Choice> codes = form.flatMap(gemma -> gemma.codes(tensor));
        return codes.isPresent() ? codes.get() : model.keepDense(tensor);
    }

    @Override
    public Optional<Encoding> encoding(String word) {
        String plain = word.startsWith("safetensors:") ? word.substring("safetensors:".length()) : word;
        return switch (plain.toLowerCase(Locale.ROOT)) {
            case "bf16" -> Optional.of(DenseEncoding.BF16);
            case "f16" -> Optional.of(DenseEncoding.F16);
            case "f32" -> Optional.of(DenseEncoding.F32);
            default -> Optional.empty();
        };
    }

    @Override
    public String lacking(String word) {
        return "a folder of plain numbers (safetensors) has no encoding \"" + word + "\", only bf16, f16 and f32";
    }

    @Override
    public Assignment type(String type, boolean pure) throws PolicyException {
        Encoding encoding = encoding(type)
                .orElseThrow(() -> new PolicyException("--type " + type + ": safetensors has BF16, F16 and F32"));
        Map<String, Choice> choices = new LinkedHashMap<>();
        for (TargetTensor tensor : tensors) {
            Optional<Choice> codes = form.flatMap(gemma -> gemma.codes(tensor));
            if (codes.isEmpty() && Exact.denseType(tensor.view()).isEmpty() && fixed(tensor).isEmpty()) {
                throw new PolicyException("--type " + type + ": " + tensor.name() + ": its numbers are not understood");
            }
            choices.put(tensor.name(), codes.orElse(Choice.of(encoding, "type " + type)));
        }
        return new Assignment(choices, List.of(), Optional.empty());
    }

    @Override
    public Optional<String> refuses(TargetTensor tensor, Encoding encoding) {
        if (encoding.dense().isEmpty()) {
            return Optional.of("a folder of plain numbers holds dense types only");
        }
        return Exact.denseType(tensor.view()).isPresent() ? Optional.empty() : Optional.of("its numbers are not understood");
    }

    @Override
    public ConversionPlan plan(Assignment assignment) throws PolicyException {
        FolderLayout layout = new FolderLayout(model, request);
        if (form.isPresent()) {
            form.get().layOut(assignment, layout);
        } else {
            tensors.forEach(tensor -> layout.dense(tensor, assignment.of(tensor)));
        }
        return layout.plan(SafetensorsFormat.NAME, assignment, findings);
    }
}
