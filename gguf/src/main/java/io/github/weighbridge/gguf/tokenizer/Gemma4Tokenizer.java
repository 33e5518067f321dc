package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

import static io.github.weighbridge.gguf.tokenizer.TokenizerSource.GGML;

/// `gemma4`: merges in rank order over characters, spaces as U+2581, unknown characters as bytes. (llama.cpp `conversion/gemma.py`.)
final class Gemma4Tokenizer implements TokenizerKind {
    static final Pattern BYTE = Pattern.compile("<0x[0-9A-Fa-f]{2}>");
    private static final String FAMILY = "gemma4";
    private static final String MODEL = "gemma4";
    private static final float NO_SCORE = -1000;
    /// Tokens that a conversation's text may contain as they are.
    private static final Set<String> USER_DEFINED = Set.of("<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>",
            "<tool_response|>", "<|\"|>");

    @Override
    public boolean takes(TokenizerSource source) {
        return source.architecture().family().equals(FAMILY);
    }

    @Override
    public Map<String, GgufValue> keys(TokenizerSource source) throws IOException, PolicyException {
        TokenizerJson tokenizer = source.required();
        Map<String, GgufValue> keys = new LinkedHashMap<>();
        keys.put(GGML + "model", GgufValue.text(MODEL));
        tokens(source, tokenizer, keys);
        Map<String, Integer> ids = new HashMap<>();
        tokenizer.added().forEach(token -> ids.put(token.text(), token.id()));
        source.namedTokens(ids, keys);
        source.flag("add_eos_token", "add_eos_token", keys);
        source.template().ifPresent(template -> keys.put(TokenizerSource.CHAT_TEMPLATE, GgufValue.text(template)));
        keys.put(GGML + "add_space_prefix", GgufValue.flag(false));
        keys.put(GGML + "add_bos_token", GgufValue.flag(true));
        suppressed(source).ifPresent(tokens -> keys.put(GGML + "suppress_tokens", tokens));
        return keys;
    }

    private static void tokens(TokenizerSource source, TokenizerJson tokenizer, Map<String, GgufValue> keys) throws IOException {
        int count = Math.toIntExact(source.architecture().vocabularySize());
        Set<String> special = source.specialTokens();
        Map<String, TokenizerJson.Added> added = HashMap.newHashMap(tokenizer.added().size());
        tokenizer.added().forEach(token -> added.put(token.text(), token));
        @Nullable String[] texts = tokenizer.texts(count);
        String[] names = new String[count];
        float[] scores = new float[count];
        Arrays.fill(scores, NO_SCORE);
        int[] kinds = new int[count];
        for (int id = 0; id < count; id++) {
            String text = texts[id];
            if (text == null) {
                names[id] = "[PAD" + id + "]";
                kinds[id] = TokenKind.UNUSED.id();
            } else {
                names[id] = text;
                kinds[id] = kind(text, id, special, added.get(text), tokenizer.vocabularySize()).id();
            }
        }
        keys.put(GGML + "tokens", TokenizerSource.unique(tokenizer.file(), names));
        keys.put(GGML + "scores", GgufArray.ofFloats(scores));
        keys.put(GGML + "token_type", GgufArray.ofInts(kinds));
        keys.put(GGML + "merges", tokenizer.merges().toArray());
    }

    private static TokenKind kind(String text, int id, Set<String> special, TokenizerJson.@Nullable Added added, int vocabularySize) {
        if (USER_DEFINED.contains(text)) {
            return TokenKind.USER_DEFINED;
        }
        if (special.contains(text)) {
            return TokenKind.CONTROL;
        }
        if (BYTE.matcher(text).matches()) {
            return TokenKind.BYTE;
        }
        return added != null && id >= vocabularySize ? added.special() ? TokenKind.CONTROL : TokenKind.USER_DEFINED : TokenKind.NORMAL;
    }

    /// Only the unified model's converter writes them.
    private static Optional<GgufValue> suppressed(TokenizerSource source) throws IOException {
        Optional<ByteSource> generation = source.document("generation_config.json");
        if (generation.isEmpty() || !source.architecture().parameters().text("model_type").orElse("").startsWith("gemma4_unified")) {
            return Optional.empty();
        }
        Limits limits = source.limits();
        return Json.parseObject(generation.get(), limits).list("suppress_tokens").map(items -> GgufArray
                .ofInts(items.stream().filter(Value.Whole.class::isInstance).mapToInt(item -> (int) ((Value.Whole) item).number())
                        .toArray()));
    }

    @Override
    public boolean rebuilds(GgufVocabulary vocabulary, Architecture architecture) throws IOException {
        return architecture.family().equals(FAMILY) && vocabulary.model().equals(MODEL);
    }

    @Override
    public Map<String, RenderedSource.Renderer> documents(GgufVocabulary vocabulary, Architecture architecture) {
        Map<String, RenderedSource.Renderer> documents = new LinkedHashMap<>();
        documents.put(TokenizerSource.TOKENIZER, out -> {
            GgufVocabulary.Tokens tokens = vocabulary.tokens();
            int own = tokens.own();
            TokenizerJsonWriter writer = new TokenizerJsonWriter(out);
            writer.begin();
            writer.addedTokens(vocabulary, tokens, id -> tokens.kind(id) == TokenKind.CONTROL || USER_DEFINED.contains(tokens.text(id)));
            writer.raw(TokenizerParts.SPACES_REPLACED);
            writer.raw(TokenizerParts.templated("post_processor", vocabulary, tokens, false));
            writer.raw(TokenizerParts.SPACES_RESTORED);
            writer.model(true, true, false, vocabulary.namedText(tokens, "unknown"));
            writer.vocabulary(tokens, id -> id < own && !tokens.isPadding(id));
            writer.merges(vocabulary, tokens, true);
            writer.end();
        });
        documents.put(TokenizerSource.CONFIG,
                out -> out.write(Json.prettyBytes(vocabulary.config("GemmaTokenizer", "extra_special_tokens"))));
        return documents;
    }
}
