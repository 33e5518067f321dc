package io.github.weighbridge.compressedtensors.config;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A group of `config_groups`: which modules, and how they are quantised. (compressed-tensors 0.18.0, `quantization/quant_scheme.py`.)
///
/// @param name the key it stands under
/// @param targets which modules
/// @param scheme how
public record Group(String name, List<ModulePattern> targets, Scheme scheme) {
    private static final Set<String> KEYS = Set.of("targets", "weights", "input_activations", "output_activations", "format");

    /// How modules are quantised.
    ///
    /// @param weights how weights are; empty where they are not
    /// @param input how what enters is
    /// @param output how what leaves is
    /// @param format how tensors are laid out; empty where nothing says so
    public record Scheme(Optional<Args> weights, Optional<Args> input, Optional<Args> output, Optional<PackFormat> format) {
        /// A scheme of weights alone.
        public static Scheme ofWeights(Args weights, PackFormat format) {
            return new Scheme(Optional.of(weights), Optional.empty(), Optional.empty(), Optional.of(format));
        }
    }

    /// Copies the list.
    public Group {
        targets = List.copyOf(targets);
    }

    static Group read(String name, Reading in, Patterns patterns) throws CheckpointFormatException {
        in.onlyKeys(KEYS);
        if (!in.has("targets")) {
            throw in.wrong("targets", "nothing", "a list of modules, patterns or classes");
        }
        List<ModulePattern> targets = patterns.of(in, "targets");
        Optional<Args> weights = args(in, "weights");
        Optional<Args> input = args(in, "input_activations");
        Optional<Args> output = args(in, "output_activations");
        for (String key : List.of("input_activations", "output_activations")) {
            Optional<Reading> activations = in.object(key);
            if (activations.isPresent() && activations.get().order() != Args.Order.NONE) {
                throw activations.get().wrong("actorder", activations.get().found("actorder"), "none for activations");
            }
        }
        Optional<PackFormat> format = QuantizationConfig.format(in);
        if (format.isPresent() && format.get() == PackFormat.MIXED_PRECISION) {
            throw in.wrong("format", "\"mixed-precision\"", "the format of the group's own modules");
        }
        return new Group(name, targets, new Scheme(weights, input, output, format));
    }

    private static Optional<Args> args(Reading in, String key) throws CheckpointFormatException {
        Optional<Reading> object = in.object(key);
        return object.isEmpty() ? Optional.empty() : Optional.of(Args.read(object.get()));
    }

    /// As config.json has it, all keys.
    public Value.Fields toFields() {
        Value nothing = new Value.Nothing();
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("format", scheme.format().<Value>map(format -> Value.of(format.word())).orElse(nothing));
        fields.put("input_activations", scheme.input().<Value>map(Args::toFields).orElse(nothing));
        fields.put("output_activations", scheme.output().<Value>map(Args::toFields).orElse(nothing));
        fields.put("targets", Value.ofTexts(targets.stream().map(ModulePattern::text).toList()));
        fields.put("weights", scheme.weights().<Value>map(Args::toFields).orElse(nothing));
        return new Value.Fields(fields);
    }
}
