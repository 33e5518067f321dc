package io.github.weighbridge.gguf;

import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufKey;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.util.Optional;

/// The keys that say what a model is called and how it likes to be sampled.
final class GeneralKeys {
    /// Says which file type describes most tensors (u32).
    static final String FILE_TYPE = "general.file_type";
    /// Says which layouts quantised blocks have (u32).
    static final String QUANTIZATION_VERSION = "general.quantization_version";
    /// The layouts that ggml has now.
    static final int CURRENT_QUANTIZATION_VERSION = 2;

    private static final String GENERATION_CONFIG = "generation_config.json";

    private GeneralKeys() {}

    /// From a folder: the sampling defaults of generation_config.json, and the model's name. From another GGUF file: its own keys.
    static void add(Checkpoint source, Limits limits, GgufHeader.Builder builder) throws PolicyException {
        try {
            if (source.format().equals(GgufFormat.NAME)) {
                for (GgufKey key : GgufFile.read(source.files().getFirst().source(), limits).keys().values()) {
                    boolean ours = key.name().equals("general.architecture") || key.name().equals("general.type")
                            || key.name().equals(FILE_TYPE) || key.name().equals(QUANTIZATION_VERSION)
                            || key.name().equals(GgufHeader.ALIGNMENT_KEY);
                    if (key.name().startsWith("general.") && !ours) {
                        builder.put(key.name(), key.value());
                    }
                }
                return;
            }
            Optional<ByteSource> document = source.documents().get(GENERATION_CONFIG);
            if (document.isPresent()) {
                Value.Fields config = Json.parseObject(document.get(), limits);
                config.whole("top_k").filter(k -> k >= 0 && k <= Integer.MAX_VALUE)
                        .ifPresent(k -> builder.put("general.sampling.top_k", GgufValue.i32(k.intValue())));
                config.number("top_p").ifPresent(p -> builder.putF32("general.sampling.top_p", p.floatValue()));
                config.number("temperature").ifPresent(t -> builder.putF32("general.sampling.temp", t.floatValue()));
            }
            builder.put("general.name", source.architecture().name());
        } catch (IOException e) {
            throw new PolicyException(String.valueOf(e.getMessage()));
        }
    }
}
