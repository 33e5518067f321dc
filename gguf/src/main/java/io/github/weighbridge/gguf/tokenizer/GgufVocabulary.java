package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// The `tokenizer.*` keys of a file, as documents are made of them. Holds no tokens: they are read when asked for.
final class GgufVocabulary {
    private static final String GGML = TokenizerSource.GGML;

    private final GgufFile file;

    GgufVocabulary(GgufFile file) {
        this.file = file;
    }

    /// All tokens with their kinds.
    static final class Tokens {
        private final List<String> texts;
        private final long[] kinds;

        Tokens(List<String> texts, long[] kinds) {
            this.texts = texts;
            this.kinds = kinds;
        }

        List<String> texts() {
            return texts;
        }

        int count() {
            return texts.size();
        }

        String text(int id) {
            return texts.get(id);
        }

        TokenKind kind(int id) {
            for (TokenKind kind : TokenKind.values()) {
                if (kind.id() == kinds[id]) {
                    return kind;
                }
            }
            return TokenKind.NORMAL;
        }

        /// Whether it was added to a model's own vocabulary, or fills it up.
        boolean isAdded(int id) {
            TokenKind kind = kind(id);
            return kind == TokenKind.CONTROL || kind == TokenKind.USER_DEFINED || isPadding(id);
        }

        /// Ids below this are in the model's own vocabulary; above it stand only tokens that were added. The tokenizers library counts added
        /// tokens on from the number of its own, so that all are its own where an id in between has no token.
        int own() {
            int end = count();
            while (end > 0 && isPadding(end - 1)) {
                end--;
            }
            for (int id = 0; id < end; id++) {
                if (isPadding(id)) {
                    return end;
                }
            }
            while (end > 0 && isAdded(end - 1)) {
                end--;
            }
            return end;
        }

        /// Whether a converter made it up for an embedding without a token.
        boolean isPadding(int id) {
            return kind(id) == TokenKind.UNUSED && text(id).equals("[PAD" + id + "]");
        }
    }

    String model() throws IOException {
        return text("model");
    }

    String pre() throws IOException {
        return text("pre");
    }

    private String text(String key) throws IOException {
        return file.text(GGML + key).orElse("");
    }

    /// Reads all tokens.
    ///
    /// @throws CheckpointFormatException when they are missing, too many, repeated, or have kinds of another number
    Tokens tokens() throws IOException {
        List<String> texts = required("tokens").strings();
        Optional<GgufArray> types = file.array(GGML + "token_type");
        long[] kinds = new long[texts.size()];
        java.util.Arrays.fill(kinds, TokenKind.NORMAL.id());
        if (types.isPresent()) {
            kinds = types.get().longs();
            checkCount("token_type", kinds.length, texts.size());
        }
        Set<String> seen = HashSet.newHashSet(texts.size());
        for (int id = 0; id < texts.size(); id++) {
            if (!seen.add(texts.get(id))) {
                throw CheckpointFormatException.malformed(file.source().name(), -1, GGML + "tokens", "token " + id + " a second time",
                        "each text once");
            }
        }
        return new Tokens(texts, kinds);
    }

    /// The scores of all tokens.
    float[] scores(int count) throws IOException {
        float[] scores = required("scores").floats();
        checkCount("scores", scores.length, count);
        return scores;
    }

    private void checkCount(String key, int found, int expected) throws CheckpointFormatException {
        if (found != expected) {
            throw CheckpointFormatException.malformed(file.source().name(), -1, GGML + key, found + " elements",
                    "one for each of " + expected + " tokens");
        }
    }

    GgufArray merges() throws IOException {
        return required("merges");
    }

    private GgufArray required(String key) throws IOException {
        return file.array(GGML + key)
                .orElseThrow(() -> CheckpointFormatException.malformed(file.source().name(), -1, GGML + key, "nothing", "an array"));
    }

    CheckpointFormatException malformed(String key, Object found, String expected) {
        return CheckpointFormatException.malformed(file.source().name(), -1, GGML + key, found, expected);
    }

    /// The id of a named token, in GGUF's word for it.
    ///
    /// @throws CheckpointFormatException when it is none of the tokens
    OptionalLong named(Tokens tokens, String word) throws CheckpointFormatException {
        OptionalLong id = file.whole(GGML + word + "_token_id");
        if (id.isPresent() && (id.getAsLong() < 0 || id.getAsLong() >= tokens.count())) {
            throw malformed(word + "_token_id", id.getAsLong(), "the id of one of " + tokens.count() + " tokens");
        }
        return id;
    }

    /// The text of a named token.
    Optional<String> namedText(Tokens tokens, String word) throws CheckpointFormatException {
        OptionalLong id = named(tokens, word);
        return id.isPresent() ? Optional.of(tokens.text((int) id.getAsLong())) : Optional.empty();
    }

    Optional<Boolean> flag(String key) throws CheckpointFormatException {
        return file.flag(GGML + key);
    }

    /// tokenizer_config.json.
    ///
    /// @param className the tokenizer's class in transformers
    /// @param list name of the list of special tokens that no role names
    Value.Fields config(String className, String list) throws IOException {
        Tokens tokens = tokens();
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("tokenizer_class", Value.of(className));
        for (String add : List.of("add_bos_token", "add_eos_token")) {
            flag(add).ifPresent(set -> fields.put(add, Value.of(set)));
        }
        Set<String> named = new HashSet<>();
        for (List<String> words : TokenizerSource.NAMED) {
            Optional<String> text = namedText(tokens, words.getLast());
            if (text.isPresent()) {
                named.add(text.get());
                fields.put(words.getFirst() + "_token", Value.of(text.get()));
            }
        }
        fields.put("clean_up_tokenization_spaces", Value.of(false));
        List<String> special = new ArrayList<>();
        for (int id = 0; id < tokens.count(); id++) {
            if (tokens.kind(id) == TokenKind.CONTROL && !named.contains(tokens.text(id))) {
                special.add(tokens.text(id));
            }
        }
        fields.put(list, Value.ofTexts(special));
        return new Value.Fields(fields);
    }
}
