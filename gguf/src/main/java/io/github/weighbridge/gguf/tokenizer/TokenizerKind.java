package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.util.Map;

/// One of llama.cpp's kinds of tokenizers, in both directions.
interface TokenizerKind {
    /// Whether a folder's tokenizer is written in this way. Kinds are asked in a fixed order; the first that takes it writes it.
    ///
    /// @throws IOException when a document cannot be read or is bad
    boolean takes(TokenizerSource source) throws IOException;

    /// The keys, in the order of llama.cpp's converter.
    ///
    /// @throws PolicyException when the documents have a tokenizer that llama.cpp does not have
    /// @throws IOException when a document cannot be read or is bad
    Map<String, GgufValue> keys(TokenizerSource source) throws IOException, PolicyException;

    /// Whether a file's tokenizer can be turned into documents.
    ///
    /// @throws IOException when a key is not what it must be, or cannot be read
    boolean rebuilds(GgufVocabulary vocabulary, Architecture architecture) throws IOException;

    /// The documents made of a file's keys, by name, but the chat template.
    Map<String, RenderedSource.Renderer> documents(GgufVocabulary vocabulary, Architecture architecture);
}
