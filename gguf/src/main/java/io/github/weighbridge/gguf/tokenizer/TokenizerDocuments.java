package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufText;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Finding;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A Hugging Face folder's tokenizer documents, made of a GGUF file's keys: converting them back gives the same keys.
public final class TokenizerDocuments {
    private TokenizerDocuments() {}

    /// The documents by name, and how each is written.
    ///
    /// @param findings receives that a tokenizer cannot be rebuilt
    /// @throws IOException when the keys that name the kind are not what they must be, or cannot be read
    public static Map<String, RenderedSource.Renderer> of(GgufFile file, Architecture architecture, List<Finding> findings)
            throws IOException {
        Map<String, RenderedSource.Renderer> documents = new LinkedHashMap<>();
        GgufVocabulary vocabulary = new GgufVocabulary(file);
        boolean rebuilt = false;
        for (TokenizerKind kind : TokenizerKeys.KINDS) {
            if (!rebuilt && kind.rebuilds(vocabulary, architecture)) {
                documents.putAll(kind.documents(vocabulary, architecture));
                rebuilt = true;
            }
        }
        if (!rebuilt && !vocabulary.model().isEmpty()) {
            findings.add(
                    Finding.info("tokenizer-not-rebuilt", "a tokenizer \"" + vocabulary.model() + "\" that splits as \"" + vocabulary.pre()
                            + "\" stays in GGUF: no documents of a Hugging Face folder are made of it", List.of()));
        }
        Optional<GgufValue> template = file.value(TokenizerSource.CHAT_TEMPLATE);
        if (template.isPresent() && template.get() instanceof GgufText text) {
            documents.put(TokenizerSource.TEMPLATE, out -> out.write(text.text().getBytes(StandardCharsets.UTF_8)));
        }
        return documents;
    }
}
