package io.github.weighbridge.gguf;

import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.Family;
import io.github.weighbridge.family.MetadataEntry;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.tokenizer.RenderedSource;
import io.github.weighbridge.gguf.tokenizer.TokenizerDocuments;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Finding;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The documents of a Hugging Face folder, made of a GGUF file's keys. Each is rendered when it is first asked for.
final class HuggingFaceDocuments {
    private static final String SAMPLING = "general.sampling.";

    private HuggingFaceDocuments() {}

    /// Documents by name.
    ///
    /// @param findings receives what cannot be rebuilt
    static Map<String, ByteSource> of(GgufFile file, Family family, Architecture architecture, List<Finding> findings)
            throws IOException {
        Map<String, ByteSource> documents = new LinkedHashMap<>();
        Optional<Dialect> dialect = family.dialect(Dialect.HUGGING_FACE);
        dialect.ifPresent(hf -> add(documents, file, "config.json", out -> {
            Map<String, Value> fields = new LinkedHashMap<>();
            for (MetadataEntry entry : hf.metadata(architecture)) {
                fields.put(entry.name(), entry.value());
            }
            out.write(Json.prettyBytes(new Value.Fields(fields)));
        }));
        boolean sampled = file.keys().keySet().stream().anyMatch(key -> key.startsWith(SAMPLING))
                || file.key("tokenizer.ggml.suppress_tokens").isPresent();
        if (sampled) {
            add(documents, file, "generation_config.json", out -> out.write(Json.prettyBytes(generation(file, architecture))));
        }
        TokenizerDocuments.of(file, architecture, findings).forEach((name, renderer) -> add(documents, file, name, renderer));
        if (architecture.parameters().get("rope_freqs").isPresent()) {
            findings.add(Finding.warning("rope-factors-unnamed",
                    "the rotary divisors follow from no parameters that config.json has words for: they are kept in GGUF only",
                    List.of("rope_freqs.weight")));
        }
        return documents;
    }

    private static void add(Map<String, ByteSource> documents, GgufFile file, String name, RenderedSource.Renderer renderer) {
        documents.put(name, new RenderedSource(file.source().name() + " (" + name + ")", renderer));
    }

    private static Value.Fields generation(GgufFile file, Architecture architecture) throws IOException {
        Map<String, Value> fields = new LinkedHashMap<>();
        for (String id : List.of("bos_token_id", "eos_token_id", "pad_token_id")) {
            architecture.parameters().get(id).ifPresent(value -> fields.put(id, value));
        }
        fields.put("do_sample", Value.of(true));
        file.whole(SAMPLING + "top_k").ifPresent(k -> fields.put("top_k", Value.of(k)));
        file.real(SAMPLING + "top_p").ifPresent(p -> fields.put("top_p", decimal(p)));
        file.real(SAMPLING + "temp").ifPresent(t -> fields.put("temperature", decimal(t)));
        Optional<GgufArray> suppressed = file.array("tokenizer.ggml.suppress_tokens");
        if (suppressed.isPresent()) {
            List<Value> ids = new ArrayList<>();
            for (long id : suppressed.get().longs()) {
                ids.add(Value.of(id));
            }
            fields.put("suppress_tokens", new Value.Items(ids));
        }
        return new Value.Fields(fields);
    }

    /// Keys are single precision: the shortest decimal that gives the same.
    private static Value decimal(double number) {
        return Value.of(Double.isFinite(number) ? Double.parseDouble(Float.toString((float) number)) : 0);
    }
}
