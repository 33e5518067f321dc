package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufKey;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The `tokenizer.*` keys of a GGUF file: from another GGUF file as they are, or made of a Hugging Face folder's documents as llama.cpp's
/// converter does (v0.5.0, `conversion/base.py` and `gguf-py/gguf/vocab.py`).
public final class TokenizerKeys {
    /// In the order they are asked.
    static final List<TokenizerKind> KINDS = List.of(new Gemma4Tokenizer(), new SentencePieceTokenizer(), new ByteLevelTokenizer());
    private static final String PREFIX = "tokenizer.";

    private TokenizerKeys() {}

    /// The keys in the order they are written.
    ///
    /// @throws PolicyException when the source has no tokenizer to make them of, or one that llama.cpp does not have
    /// @throws IOException when its documents cannot be read or are bad
    public static Map<String, GgufValue> of(Checkpoint source, Architecture architecture, Limits limits)
            throws IOException, PolicyException {
        if (source.format().equals("gguf")) {
            Map<String, GgufValue> keys = new LinkedHashMap<>();
            for (GgufKey key : GgufFile.read(source.files().getFirst().source(), limits).keys().values()) {
                if (key.name().startsWith(PREFIX)) {
                    keys.put(key.name(), key.value());
                }
            }
            return keys;
        }
        TokenizerSource documents = new TokenizerSource(source, architecture, limits);
        for (TokenizerKind kind : KINDS) {
            if (kind.takes(documents)) {
                return kind.keys(documents);
            }
        }
        throw new PolicyException(
                "gguf needs a tokenizer, and none of " + TokenizerSource.TOKENIZER + " and " + TokenizerSource.SENTENCE_PIECE
                        + " is there in a form that " + architecture.family() + " has");
    }
}
