package io.github.weighbridge.family;

import io.github.weighbridge.io.Value;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Makes the config.json of a text model out of that of the whole, in which it is a part.
final class TextConfig {
    private static final String TEXT = "text_config";
    /// What the whole decides, and what only it may say.
    private static final List<String> OF_THE_WHOLE =
            List.of("bos_token_id", "eos_token_id", "pad_token_id", "tie_word_embeddings", "dtype", "torch_dtype", "transformers_version");

    private TextConfig() {}

    /// @param className the class that runtimes load it as
    /// @param modelType its model type
    /// @return empty where the configuration has no part for the text model
    static Optional<Value.Fields> of(Value.Fields config, String className, String modelType) {
        Optional<Value.Fields> text = config.object(TEXT);
        if (text.isEmpty()) {
            return Optional.empty();
        }
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("architectures", Value.ofTexts(List.of(className)));
        fields.putAll(text.get().fields());
        fields.put("architectures", Value.ofTexts(List.of(className)));
        fields.put("model_type", Value.of(modelType));
        OF_THE_WHOLE.forEach(name -> config.get(name).ifPresent(value -> fields.put(name, value)));
        return Optional.of(new Value.Fields(fields));
    }
}
