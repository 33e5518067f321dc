package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

import static io.github.weighbridge.gguf.tokenizer.TokenizerSource.GGML;

/// `gpt2`: merges over bytes that are mapped to characters, after a text is split by a regular expression, which `tokenizer.ggml.pre` names.
///
/// llama.cpp's converter finds the name by hashing the tokens of a text; here the expression itself decides. One that is not known is refused: another
/// would give other tokens.
final class ByteLevelTokenizer implements TokenizerKind {
    private static final String MODEL = "gpt2";

    /// The ways of splitting that are known.
    private enum Splitting {
        LLAMA3("llama-bpe", "\\p{N}{1,3}"),
        QWEN2("qwen2", "\\p{N}");

        private final String pre;
        private final String expression;

        Splitting(String pre, String numbers) {
            this.pre = pre;
            this.expression = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" + numbers
                    + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
        }

        static Optional<Splitting> named(String pre) {
            return List.of(values()).stream().filter(splitting -> splitting.pre.equals(pre)).findFirst();
        }

        static Optional<Splitting> by(List<String> expressions) {
            return List.of(values()).stream().filter(splitting -> expressions.equals(List.of(splitting.expression))).findFirst();
        }
    }

    @Override
    public boolean takes(TokenizerSource source) throws IOException {
        Optional<TokenizerJson> tokenizer = source.tokenizer();
        return tokenizer.isPresent() && !tokenizer.get().byteFallback();
    }

    @Override
    public Map<String, GgufValue> keys(TokenizerSource source) throws IOException, PolicyException {
        TokenizerJson tokenizer = source.required();
        Splitting splitting = Splitting.by(tokenizer.expressions()).orElseThrow(() -> new PolicyException(tokenizer.file()
                + ": text is split by " + (tokenizer.expressions().isEmpty() ? "no regular expression" : tokenizer.expressions().toString())
                + ", for which no name of llama.cpp's is known"));
        int count = Math.toIntExact(source.architecture().vocabularySize());
        @Nullable String[] texts = tokenizer.texts(count);
        String[] names = new String[count];
        int[] kinds = new int[count];
        Map<String, TokenizerJson.Added> added = HashMap.newHashMap(tokenizer.added().size());
        tokenizer.added().forEach(token -> added.put(token.text(), token));
        Map<String, Integer> ids = new HashMap<>();
        for (int id = 0; id < count; id++) {
            String text = texts[id];
            TokenizerJson.Added own = text == null ? null : added.get(text);
            if (text == null) {
                names[id] = "[PAD" + id + "]";
                kinds[id] = TokenKind.UNUSED.id();
            } else if (own == null) {
                names[id] = text;
                kinds[id] = TokenKind.NORMAL.id();
            } else if (own.special() || TokenizerSource.looksSpecial(text)) {
                names[id] = text;
                kinds[id] = TokenKind.CONTROL.id();
            } else {
                names[id] = text.replace('\u2581', ' ');
                kinds[id] = TokenKind.USER_DEFINED.id();
            }
            if (own != null) {
                ids.put(own.text(), id);
            }
        }
        Map<String, GgufValue> keys = new LinkedHashMap<>();
        keys.put(GGML + "model", GgufValue.text(MODEL));
        keys.put(GGML + "pre", GgufValue.text(splitting.pre));
        keys.put(GGML + "tokens", TokenizerSource.unique(tokenizer.file(), names));
        keys.put(GGML + "token_type", GgufArray.ofInts(kinds));
        keys.put(GGML + "merges", tokenizer.merges().toArray());
        source.namedTokens(ids, keys);
        source.flag("add_bos_token", "add_bos_token", keys);
        source.flag("add_eos_token", "add_eos_token", keys);
        source.template().ifPresent(template -> keys.put(TokenizerSource.CHAT_TEMPLATE, GgufValue.text(template)));
        return keys;
    }

    @Override
    public boolean rebuilds(GgufVocabulary vocabulary, Architecture architecture) throws IOException {
        return vocabulary.model().equals(MODEL) && Splitting.named(vocabulary.pre()).isPresent();
    }

    @Override
    public Map<String, RenderedSource.Renderer> documents(GgufVocabulary vocabulary, Architecture architecture) {
        Map<String, RenderedSource.Renderer> documents = new LinkedHashMap<>();
        documents.put(TokenizerSource.TOKENIZER, out -> {
            GgufVocabulary.Tokens tokens = vocabulary.tokens();
            Splitting splitting = Splitting.named(vocabulary.pre()).orElseThrow();
            boolean qwen = splitting == Splitting.QWEN2;
            TokenizerJsonWriter writer = new TokenizerJsonWriter(out);
            writer.begin();
            writer.addedTokens(vocabulary, tokens, id -> tokens.kind(id) == TokenKind.CONTROL);
            writer.raw(TokenizerParts.splitThenBytes(qwen ? "{\"type\": \"NFC\"}" : "null", splitting.expression));
            writer.raw(qwen ? TokenizerParts.bytesProcessed() : TokenizerParts.templated("post_processor", vocabulary, tokens, true));
            writer.raw(TokenizerParts.BYTES_DECODED);
            writer.model(false, false, !qwen, Optional.empty());
            int own = tokens.own();
            writer.vocabulary(tokens, id -> id < own && !tokens.isPadding(id));
            writer.merges(vocabulary, tokens, false);
            writer.end();
        });
        documents.put(TokenizerSource.CONFIG, out -> out.write(Json.prettyBytes(vocabulary.config(
                vocabulary.pre().equals(Splitting.QWEN2.pre) ? "Qwen2Tokenizer" : "PreTrainedTokenizerFast",
                "additional_special_tokens"))));
        return documents;
    }
}
