package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Rotary positions: the spellings of their parameters, and the factors that llama.cpp reads from a tensor.
///
/// transformers before 5 has `rope_theta` and `rope_scaling`, since then `rope_parameters`, whose entries may be one for each kind of layer.
/// `llama3` stretches the long wavelengths; GGUF has no keys for it but a tensor of divisors. (transformers `modeling_rope_utils.py`, llama.cpp
/// `conversion/llama.py`.)
final class Rotary {
    /// The divisors of a GGUF file that follow from no parameters known here: kept as they are.
    static final String FACTORS = "rope_freqs";
    private static final String SCALING = "rope_scaling";
    private static final String TYPE = "rope_type";
    private static final String LLAMA3 = "llama3";
    private static final String ORIGINAL = "original_max_position_embeddings";
    private static final long LLAMA3_CONTEXT = 8192;
    private static final double LLAMA3_LOW = 1;
    private static final double LLAMA3_HIGH = 4;

    private Rotary() {}

    /// Turns the newer spelling into the older one.
    static void normalise(Parameters given, Map<String, Value> config) throws CheckpointFormatException {
        Optional<Parameters> parameters = given.object("rope_parameters");
        config.remove("rope_parameters");
        if (parameters.isPresent()) {
            Optional<Parameters> full = parameters.get().object("full_attention");
            scaling(full.isPresent() ? full.get() : parameters.get(), config);
            Optional<Parameters> sliding = parameters.get().object("sliding_attention");
            if (sliding.isPresent()) {
                sliding.get().fields().get("rope_theta").ifPresent(theta -> config.put("rope_local_base_freq", theta));
            }
        } else if (given.object(SCALING).isPresent()) {
            scaling(given.object(SCALING).get(), config);
        }
    }

    private static void scaling(Parameters from, Map<String, Value> config) throws CheckpointFormatException {
        from.fields().get("rope_theta").ifPresent(theta -> config.put("rope_theta", theta));
        Optional<String> type = from.fields().text(TYPE).or(() -> from.fields().text("type"));
        config.remove(SCALING);
        if (type.isEmpty() || type.get().equals("default")) {
            return;
        }
        Map<String, Value> scaling = new LinkedHashMap<>();
        scaling.put(TYPE, Value.of(type.get()));
        from.fields().fields().forEach((name, value) -> {
            if (!name.equals("rope_theta") && !name.equals("type")) {
                scaling.put(name, value);
            }
        });
        if (from.fields().get("factor").isPresent() && from.number("factor") <= 0) {
            throw from.wrong(SCALING + ".factor", from.number("factor"), "a number above 0");
        }
        config.put(SCALING, new Value.Fields(scaling));
    }

    /// The parameters of which GGUF has keys: those of linear and yarn scaling.
    static Value.Fields forGguf(Value.Fields config) {
        String type = config.object(SCALING).flatMap(scaling -> scaling.text(TYPE)).orElse("");
        if (type.equals("yarn")) {
            return config;
        }
        return type.equals("linear") ? config.with(SCALING, config.object(SCALING).orElseThrow().without(ORIGINAL))
                : config.without(SCALING);
    }

    /// Completes what was read of GGUF's keys by what the tensor of divisors says.
    static void fromGguf(Parameters metadata, Map<String, Value> config) throws CheckpointFormatException {
        if (config.get(SCALING) instanceof Value.Fields scaling
                && (scaling.text(TYPE).isEmpty() || scaling.text(TYPE).get().equals("none") || scaling.get("factor").isEmpty())) {
            config.remove(SCALING);
        }
        Optional<List<Value>> stored = metadata.list(Dialect.ROPE_FACTORS);
        if (stored.isEmpty() || stored.get().isEmpty()) {
            return;
        }
        List<Float> factors = new ArrayList<>();
        float largest = 1;
        for (Value value : stored.get()) {
            float factor = value instanceof Value.Real(double number) ? (float) number : Float.NaN;
            if (!(factor > 0) || Float.isInfinite(factor)) {
                throw metadata.wrong("rope_freqs.weight", factor, "numbers above 0");
            }
            factors.add(factor);
            largest = Math.max(largest, factor);
        }
        Map<String, Value> scaling = new LinkedHashMap<>();
        scaling.put("factor", Value.of((double) largest));
        scaling.put("high_freq_factor", Value.of(LLAMA3_HIGH));
        scaling.put("low_freq_factor", Value.of(LLAMA3_LOW));
        scaling.put(ORIGINAL, Value.of(LLAMA3_CONTEXT));
        scaling.put(TYPE, Value.of(LLAMA3));
        double theta = new Value.Fields(config).number("rope_theta").orElse(10_000.0);
        if (sameFactors(factors, llama3(new Value.Fields(scaling), theta, 2 * factors.size()))) {
            config.put(SCALING, new Value.Fields(scaling));
        } else {
            config.put(FACTORS, new Value.Items(stored.get()));
        }
    }

    /// Converters compute in single precision in one order or another.
    private static boolean sameFactors(List<Float> stored, List<Float> computed) {
        for (int i = 0; i < stored.size(); i++) {
            if (Math.abs(stored.get(i) - computed.get(i)) > 1e-4f * computed.get(i)) {
                return false;
            }
        }
        return true;
    }

    /// The tensor of divisors, where the architecture has one.
    static Optional<View.Constant> factors(Value.Fields config, int headSize) {
        Optional<List<Value>> kept = config.list(FACTORS);
        if (kept.isPresent() && kept.get().size() == headSize / 2) {
            List<Float> values =
                    kept.get().stream().map(value -> value instanceof Value.Real(double number) ? (float) number : 1f).toList();
            return Optional.of(new View.Constant(Shape.of(values.size()), values));
        }
        Optional<Value.Fields> scaling = config.object(SCALING).filter(s -> s.text(TYPE).filter(LLAMA3::equals).isPresent());
        return scaling.map(s -> {
            List<Float> values = llama3(s, config.number("rope_theta").orElse(10_000.0), headSize);
            return new View.Constant(Shape.of(values.size()), values);
        });
    }

    private static List<Float> llama3(Value.Fields scaling, double theta, int headSize) {
        float factor = scaling.number("factor").orElse(8.0).floatValue();
        float low = scaling.number("low_freq_factor").orElse(LLAMA3_LOW).floatValue();
        float high = scaling.number("high_freq_factor").orElse(LLAMA3_HIGH).floatValue();
        float context = scaling.whole(ORIGINAL).orElse(LLAMA3_CONTEXT);
        List<Float> factors = new ArrayList<>(headSize / 2);
        for (int i = 0; i < headSize; i += 2) {
            float frequency = 1f / (float) Math.pow(theta, (float) i / headSize);
            float wavelength = (float) (2 * Math.PI) / frequency;
            if (wavelength < context / high) {
                factors.add(1f);
            } else if (wavelength > context / low) {
                factors.add(factor);
            } else {
                float smooth = (context / wavelength - low) / (high - low);
                factors.add(1f / ((1f - smooth) / factor + smooth));
            }
        }
        return factors;
    }
}
