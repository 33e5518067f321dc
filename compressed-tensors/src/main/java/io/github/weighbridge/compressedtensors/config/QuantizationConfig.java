package io.github.weighbridge.compressedtensors.config;

import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// `quantization_config` of a checkpoint of compressed-tensors. (compressed-tensors 0.18.0, `quantization/quant_config.py`.)
///
/// @param file the document it stands in, for messages
/// @param format how tensors are laid out where a group does not say
/// @param groups the groups, in the order of the document
/// @param ignore modules that are not quantised, whatever groups say
/// @param cache how the key/value cache is quantised
public record QuantizationConfig(String file, Optional<PackFormat> format, List<Group> groups, List<ModulePattern> ignore,
        Optional<Args> cache) {
    /// `quant_method` of this format.
    public static final String METHOD = "compressed-tensors";
    /// The class of matrices that multiply.
    public static final String LINEAR = "Linear";
    /// The class of tables.
    public static final String EMBEDDING = "Embedding";
    /// What [#toFields] says it follows: the version whose packing is written.
    public static final String VERSION = "0.18.0";
    private static final int MOST_GROUPS = 10_000;

    /// Copies the lists.
    public QuantizationConfig {
        groups = List.copyOf(groups);
        ignore = List.copyOf(ignore);
    }

    /// Reads a configuration. Unknown keys are dropped here and are errors inside groups, as upstream has it.
    ///
    /// @param where the key of config.json that it stands under
    /// @param config the object there
    /// @throws CheckpointFormatException naming the key that is wrong
    public static QuantizationConfig read(String where, Parameters config) throws CheckpointFormatException {
        Reading in = new Reading(where, config);
        Optional<PackFormat> format = format(in);
        Patterns patterns = new Patterns();
        List<Group> groups = new ArrayList<>();
        Optional<Reading> all = in.object("config_groups");
        if (all.isPresent()) {
            Map<String, Value> fields = all.get().parameters().fields().fields();
            if (fields.size() > MOST_GROUPS) {
                throw in.wrong("config_groups", fields.size() + " groups", "at most " + MOST_GROUPS);
            }
            for (Map.Entry<String, Value> entry : fields.entrySet()) {
                groups.add(group(entry.getKey(), entry.getValue(), all.get(), patterns));
            }
        }
        Optional<Reading> sparsity = in.object("sparsity_config");
        if (sparsity.isPresent() && !sparsity.get().parameters().fields().fields().isEmpty()) {
            String kind = sparsity.get().text("format").orElse("");
            if (!kind.isEmpty() && !kind.equals("dense")) {
                throw sparsity.get().unsupported("format", '"' + kind + '"', "no sparsity, or \"dense\"");
            }
        }
        Optional<Reading> transforms = in.object("transform_config");
        if (transforms.isPresent() && !transforms.get().parameters().fields().fields().isEmpty()) {
            throw in.unsupported("transform_config", "transforms of the weights", "none");
        }
        Optional<Reading> cache = in.object("kv_cache_scheme");
        return new QuantizationConfig(config.file(), format, groups, patterns.of(in, "ignore"),
                cache.isEmpty() ? Optional.empty() : Optional.of(Args.read(cache.get())));
    }

    private static Group group(String name, Value value, Reading all, Patterns patterns) throws CheckpointFormatException {
        if (value instanceof Value.Items) {
            Group.Scheme preset = Presets.of(name).orElse(null);
            if (preset == null) {
                throw all.unsupported(name, "the name of a preset", "a group that is described, or one of W4A16, W4A16_ASYM, W8A16, W8A8, "
                        + "INT8, W4A8, FP8, FP8_DYNAMIC");
            }
            return new Group(name, patterns.of(all, name), preset);
        }
        if (!(value instanceof Value.Fields fields)) {
            throw all.wrong(name, Parameters.describe(value), "an object, or a list of targets");
        }
        return Group.read(name, new Reading(all.where() + '.' + name, new Parameters(all.parameters().file(), fields)), patterns);
    }

    static Optional<PackFormat> format(Reading in) throws CheckpointFormatException {
        Optional<String> word = in.text("format");
        if (word.isEmpty()) {
            return Optional.empty();
        }
        Optional<PackFormat> format = PackFormat.of(word.get());
        if (format.isEmpty()) {
            throw in.unsupported("format", '"' + word.get() + '"', String.join(", ", java.util.Arrays.stream(PackFormat.values())
                    .map(PackFormat::word).toList()));
        }
        return format;
    }

    /// As config.json has it.
    public Value.Fields toFields() {
        Value nothing = new Value.Nothing();
        Map<String, Value> all = new LinkedHashMap<>();
        groups.forEach(group -> all.put(group.name(), group.toFields()));
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("config_groups", new Value.Fields(all));
        fields.put("format", format.<Value>map(word -> Value.of(word.word())).orElse(nothing));
        fields.put("global_compression_ratio", nothing);
        fields.put("ignore", Value.ofTexts(ignore.stream().map(ModulePattern::text).toList()));
        fields.put("kv_cache_scheme", cache.<Value>map(Args::toFields).orElse(nothing));
        fields.put("quant_method", Value.of(METHOD));
        fields.put("quantization_status", Value.of("compressed"));
        fields.put("sparsity_config", Value.Fields.EMPTY);
        fields.put("transform_config", Value.Fields.EMPTY);
        fields.put("version", Value.of(VERSION));
        return new Value.Fields(fields);
    }
}
