package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.config.QuantizationConfig;
import java.util.Optional;
import java.util.regex.Pattern;

/// How the tensors of a module are named, and what its class is, as far as names tell.
final class ModuleNames {
    static final String WEIGHT = ".weight";
    static final String PACKED = ".weight_packed";
    static final String SCALE = ".weight_scale";
    static final String SHAPE = ".weight_shape";
    static final String ZERO_POINT = ".weight_zero_point";
    static final String INDEX = ".weight_g_idx";
    static final String GLOBAL_SCALE = ".weight_global_scale";
    static final String INPUT_SCALE = ".input_scale";
    static final String OUTPUT_SCALE = ".output_scale";
    static final String KEY_SCALE = ".k_scale";
    static final String VALUE_SCALE = ".v_scale";
    private static final Pattern TABLE =
            Pattern.compile("(.*\\.)?(embed_tokens(_per_layer)?|\\w*embeddings?|embed_in|wte|wpe|tok_embeddings)");

    private ModuleNames() {}

    /// The module of a tensor's name, where it ends so.
    static Optional<String> module(String tensor, String suffix) {
        return tensor.endsWith(suffix) && tensor.length() > suffix.length()
                ? Optional.of(tensor.substring(0, tensor.length() - suffix.length())) : Optional.empty();
    }

    /// The class of a module with a matrix: a table of embeddings, or a linear one. Convolutions are neither, which their shapes tell.
    static String className(String module) {
        return TABLE.matcher(module).matches() ? QuantizationConfig.EMBEDDING : QuantizationConfig.LINEAR;
    }
}
