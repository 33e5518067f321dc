package io.github.weighbridge.convert;

import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.PlanDigest;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.policy.file.PolicyWriter;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// A plan as something that can be put away and held to: what was asked for, digests of what it was asked of, and a digest of what came out.
/// Whoever gives it back gets the same bytes, or is told what has changed.
///
/// @param format word of the target format
/// @param policy what was asked for, resolved: presets and files that it extended may change without harm
/// @param strip parts to leave out, besides the policy's
/// @param options settings of the request
/// @param source digests of the source's headers and documents
/// @param digest of the plan, see [PlanDigest]
/// @param encodings encoding of each tensor, to say what has changed; may be empty
public record PlanContract(String format, Policy policy, List<String> strip, Map<String, String> options, Value.Fields source,
        String digest,
        Map<String, String> encodings) {
    /// The name of the field of a plan's JSON that holds it.
    public static final String FIELD = "contract";

    /// Copies the collections.
    public PlanContract {
        strip = List.copyOf(strip);
        options = new TreeMap<>(options);
        encodings = Map.copyOf(encodings);
    }

    /// The contract of a plan.
    ///
    /// @param request the request as it was before the policy's settings came on top
    public static PlanContract of(Planned planned, Checkpoint source, TargetRequest request) throws IOException {
        return new PlanContract(planned.plan().format(), planned.policy(), request.strip().stream().sorted().toList(), request.options(),
                SourceDigest.of(source), PlanDigest.of(planned.plan(), request.name()), Map.of());
    }

    /// As a document.
    public Value.Fields value() {
        Map<String, Value> settings = new LinkedHashMap<>();
        options.forEach((word, value) -> settings.put(word, Value.of(value)));
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("format", Value.of(format));
        fields.put("strip", Value.ofTexts(strip));
        fields.put("options", new Value.Fields(settings));
        fields.put("policy", PolicyWriter.value(policy));
        fields.put("source", source);
        fields.put("plan_sha256", Value.of(digest));
        return new Value.Fields(fields);
    }

    /// Reads the contract in a plan's JSON.
    ///
    /// @param name of the file, for messages
    /// @throws PolicyException when it has none, or one that makes no sense
    public static PlanContract read(String name, Value.Fields plan) throws PolicyException {
        Value.Fields fields = plan.text("schema").filter("weighbridge.plan/1"::equals).flatMap(_ -> plan.object(FIELD)).orElseThrow(
                () -> new PolicyException(name + ": is no plan: it has no schema weighbridge.plan/1 with a \"" + FIELD + "\""));
        Map<String, String> encodings = new HashMap<>();
        for (Value tensor : plan.list("tensors").orElse(List.of())) {
            if (tensor instanceof Value.Fields entry) {
                encodings.put(entry.text("name").orElse(""), entry.text("encoding").orElse(""));
            }
        }
        List<String> strip = new ArrayList<>();
        for (Value part : fields.list("strip").orElse(List.of())) {
            strip.add(part instanceof Value.Text(String text) ? text : "");
        }
        Map<String, String> options = new HashMap<>();
        Value.Fields settings = fields.object("options").orElse(Value.Fields.EMPTY);
        settings.fields().keySet().forEach(word -> options.put(word, settings.text(word).orElse("")));
        Value.Fields policy = fields.object("policy").orElseThrow(() -> missing(name, "policy"));
        return new PlanContract(fields.text("format").orElseThrow(() -> missing(name, "format")),
                PolicyFiles.parse(name + " (its policy).json", new String(Json.bytes(policy), StandardCharsets.UTF_8)), strip, options,
                fields.object("source").orElseThrow(() -> missing(name, "source")),
                fields.text("plan_sha256").orElseThrow(() -> missing(name, "plan_sha256")), encodings);
    }

    private static PolicyException missing(String name, String field) {
        return new PolicyException(name + ": its contract has no \"" + field + "\"");
    }

    /// Plans the conversion again.
    ///
    /// @param request a request with the target's name; what the contract strips and sets comes on top
    /// @throws PolicyException when source or result is not what it was
    public Planned fulfil(Checkpoint checkpoint, Format target, TargetRequest request) throws IOException, PolicyException {
        Value.Fields now = SourceDigest.of(checkpoint);
        if (!now.equals(source)) {
            throw new PolicyException("the plan is of another source: " + difference(source, now));
        }
        TargetRequest full = request.withStrip(new HashSet<>(strip));
        for (Map.Entry<String, String> option : options.entrySet()) {
            full = full.withOption(option.getKey(), option.getValue());
        }
        Planned planned = Planner.prepare(checkpoint, target, policy, full);
        if (!PlanDigest.of(planned.plan(), request.name()).equals(digest)) {
            throw new PolicyException("the plan cannot be carried out as it was made: " + changed(planned));
        }
        return planned;
    }

    private static String difference(Value.Fields before, Value.Fields now) {
        if (!before.text("format").equals(now.text("format"))) {
            return "its format is " + now.text("format").orElse("") + ", planned was " + before.text("format").orElse("");
        }
        for (String list : List.of("files", "documents")) {
            Map<String, Value> then = byName(before, list);
            Map<String, Value> here = byName(now, list);
            for (Map.Entry<String, Value> entry : then.entrySet()) {
                Optional<Value> other = Optional.ofNullable(here.get(entry.getKey()));
                if (!other.equals(Optional.of(entry.getValue()))) {
                    return entry.getKey() + (other.isEmpty() ? " is not there" : list.equals("files")
                            ? " has another length or other headers" : " has other bytes");
                }
            }
            if (!then.keySet().equals(here.keySet())) {
                return "it has " + here.size() + " " + list + ", planned were " + then.size();
            }
        }
        return "its files come in another order";
    }

    private static Map<String, Value> byName(Value.Fields source, String list) {
        Map<String, Value> entries = new LinkedHashMap<>();
        for (Value item : source.list(list).orElse(List.of())) {
            if (item instanceof Value.Fields entry) {
                entries.put(entry.text("name").orElse(""), entry);
            }
        }
        return entries;
    }

    private String changed(Planned planned) {
        for (StoredTensor tensor : planned.plan().tensors()) {
            String before = encodings.get(tensor.name());
            if (before != null && !before.equals(tensor.encoding().name())) {
                return tensor.name() + " would be " + tensor.encoding().name() + ", planned was " + before;
            }
        }
        return "this version of the program lays out or computes something in another way, or a file that an option names has changed";
    }
}
