package io.github.weighbridge.family;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import java.util.List;
import java.util.Optional;

/// How one kind of file writes a family down: the names of hyper-parameters, and the names, shapes and arrangement of tensors. Stateless.
public interface Dialect {
    /// Hugging Face's names: config.json and safetensors.
    String HUGGING_FACE = "hf";
    /// The names of GGUF files.
    String GGUF = "gguf";
    /// A parameter that readers of GGUF add to the keys: the number of tokens.
    String TOKEN_COUNT = "tokenizer.ggml.tokens.count";
    /// What such parameters begin with that say which tensors are there, because no key does: a flag for the output head, and one for each tensor of
    /// the first layer.
    String TENSOR = "tensor.";
    /// Whether the file has an output head of its own.
    String HAS_OUTPUT = TENSOR + "output.weight";
    /// Where the file has such a tensor: the list of its rotary divisors.
    String ROPE_FACTORS = TENSOR + "rope_freqs.weight";
    /// The names of the GGUF files that hold encoders of images and sound beside a text model.
    String GGUF_MMPROJ = "gguf-mmproj";

    /// The family it belongs to.
    Family family();

    /// The dialect's word.
    String name();

    /// Whether metadata is that of this family in this dialect.
    boolean describes(Parameters metadata);

    /// Reads the hyper-parameters.
    ///
    /// @param metadata config.json, or GGUF's keys
    /// @param name the model's own name, for reports
    /// @throws CheckpointFormatException naming the file and the parameter, when one is missing or impossible
    Architecture architecture(Parameters metadata, String name) throws CheckpointFormatException;

    /// The hyper-parameters as this dialect writes them, in its order.
    List<MetadataEntry> metadata(Architecture architecture);

    /// Every tensor that a file of this architecture may have, with what it holds, in the dialect's order.
    List<TensorSpec> tensors(Architecture architecture);

    /// The tensors that hold apart what one of [#tensors] holds together, where there are files that have it so: experts that are quantised one by
    /// one. Empty where there are none.
    default List<TensorSpec> apart(TensorSpec whole) {
        return List.of();
    }

    /// The name in [#tensors] for a name found in a file, where files vary in prefixes.
    default String canonicalName(String stored) {
        return stored;
    }

    /// The name that a new file of an architecture gives to a tensor, for a name in [#tensors]: what files of that kind are released with.
    default String writtenName(String canonical, Architecture architecture) {
        return canonical;
    }

    /// The config.json of a model with encoders as that of its text model alone, which runtimes have a class of its own for: they want the encoders
    /// of the whole. Empty where there is nothing to change.
    default Optional<Value.Fields> textConfig(Value.Fields config) {
        return Optional.empty();
    }

    /// The name that a tensor of [#tensors] has in the text model alone.
    default String textName(String canonical) {
        return canonical;
    }
}
