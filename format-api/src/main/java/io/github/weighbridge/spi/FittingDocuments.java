package io.github.weighbridge.spi;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The documents of a checkpoint as they fit what is left of it. config.json is the targets' own affair.
///
/// The processors of images and sound go with the last encoder: transformers makes the processor of a model as a whole, so that with one encoder left
/// it still wants the settings of both. Then the name of that processor goes from tokenizer_config.json too, for who asks for a processor is to get
/// the tokenizer. Token numbers in config.json, tokens and the template stay: their rows are in the embedding, and transformers compares every token
/// with the numbers. (transformers 5.18 `models/auto/processing_auto.py`, `models/gemma4/processing_gemma4.py`, `models/gemma4/modeling_gemma4.py`.)
///
/// @param names the documents that are left, in the source's order
/// @param changed new contents of those that change
public record FittingDocuments(List<String> names, Map<String, Value.Fields> changed) {
    private static final Set<String> PROCESSORS =
            Set.of("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json");
    private static final String TOKENIZER = "tokenizer_config.json";
    private static final String PROCESSOR_CLASS = "processor_class";

    /// Copies the collections.
    public FittingDocuments {
        names = List.copyOf(names);
        changed = Map.copyOf(changed);
    }

    /// The documents of a source that fit a result.
    ///
    /// @param left what the result is
    /// @throws PolicyException when a document that would change cannot be read
    public static FittingDocuments of(Checkpoint source, Architecture left, Limits limits) throws PolicyException {
        boolean last = Stripping.hasEncoder(source.architecture()) && !Stripping.hasEncoder(left);
        List<String> names = new ArrayList<>();
        Map<String, Value.Fields> changed = new LinkedHashMap<>();
        for (String name : source.documents().names()) {
            if (last && PROCESSORS.contains(name)) {
                continue;
            }
            names.add(name);
            if (last && name.equals(TOKENIZER)) {
                Value.Fields fields = read(source.documents().get(name).orElseThrow(), limits);
                if (fields.get(PROCESSOR_CLASS).isPresent()) {
                    changed.put(name, fields.without(PROCESSOR_CLASS));
                }
            }
        }
        return new FittingDocuments(names, changed);
    }

    private static Value.Fields read(ByteSource document, Limits limits) throws PolicyException {
        try {
            return Json.parseObject(document, limits);
        } catch (IOException e) {
            throw new PolicyException(String.valueOf(e.getMessage()));
        }
    }

    /// The new content of a document; empty where it stays what it is.
    public Optional<Value.Fields> change(String name) {
        return Optional.ofNullable(changed.get(name));
    }
}
