package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

import static io.github.weighbridge.gguf.tokenizer.TokenizerSource.GGML;

/// `llama`: SentencePiece, merging the pair whose piece has the highest score. Of tokenizer.model; or of a tokenizer.json that was made of one, whose
/// merges stand in the order of the scores. (llama.cpp `conversion/base.py`, which gives all pieces of a tokenizer.json one score, so that merges
/// come in an order of their own; here the rank of a merge is the score of its piece.)
final class SentencePieceTokenizer implements TokenizerKind {
    private static final String MODEL = "llama";
    private static final float ADDED = -1000;
    private static final float PADDING = -10_000;
    private static final String DECODER = "added_tokens_decoder";

    @Override
    public boolean takes(TokenizerSource source) throws IOException {
        if (model(source).isPresent()) {
            return true;
        }
        Optional<TokenizerJson> tokenizer = source.tokenizer();
        return tokenizer.isPresent() && tokenizer.get().byteFallback();
    }

    /// Llama 3 has a document of the same name that is a text.
    private static Optional<ByteSource> model(TokenizerSource source) throws IOException {
        Optional<ByteSource> document = source.document(TokenizerSource.SENTENCE_PIECE);
        return document.isPresent() && document.get().length() > 0 && document.get().readBytes(0, 1)[0] == SentencePieceModel.FIRST
                ? document
                : Optional.empty();
    }

    @Override
    public Map<String, GgufValue> keys(TokenizerSource source) throws IOException, PolicyException {
        int count = Math.toIntExact(source.architecture().vocabularySize());
        Table table = new Table(count);
        Optional<ByteSource> model = model(source);
        String file;
        if (model.isPresent()) {
            file = model.get().name();
            List<SentencePieceModel.Piece> pieces = SentencePieceModel.read(model.get(), source.limits()).pieces();
            for (int id = 0; id < Math.min(count, pieces.size()); id++) {
                SentencePieceModel.Piece piece = pieces.get(id);
                // What users may write is told by the added tokens.
                boolean known = piece.type() >= TokenKind.UNKNOWN.id() && piece.type() <= TokenKind.BYTE.id()
                        && piece.type() != TokenKind.USER_DEFINED.id();
                table.set(id, piece.text(), piece.score(), known ? piece.type() : TokenKind.NORMAL.id());
            }
        } else {
            TokenizerJson tokenizer = source.required();
            file = tokenizer.file();
            ranked(source, tokenizer, table);
        }
        decoded(source, table);
        Map<String, Integer> ids = new HashMap<>();
        Optional<TokenizerJson> tokenizer = source.tokenizer();
        if (tokenizer.isPresent()) {
            tokenizer.get().added().forEach(token -> ids.put(token.text(), token.id()));
        } else {
            for (int id = 0; id < count; id++) {
                ids.put(table.texts[id], id);
            }
        }
        Map<String, GgufValue> keys = new LinkedHashMap<>();
        keys.put(GGML + "model", GgufValue.text(MODEL));
        keys.put(GGML + "pre", GgufValue.text("default"));
        keys.put(GGML + "tokens", TokenizerSource.unique(file, table.texts));
        keys.put(GGML + "scores", GgufArray.ofFloats(table.scores));
        keys.put(GGML + "token_type", GgufArray.ofInts(table.kinds));
        ids.values().removeIf(id -> id >= count);
        source.namedTokens(ids, keys);
        source.flag("add_bos_token", "add_bos_token", keys);
        source.flag("add_eos_token", "add_eos_token", keys);
        source.template().ifPresent(template -> keys.put(TokenizerSource.CHAT_TEMPLATE, GgufValue.text(template)));
        if (source.architecture().family().equals("gemma3")) {
            keys.put(GGML + "add_space_prefix", GgufValue.flag(false));
        } else {
            source.flag("add_prefix_space", "add_space_prefix", keys);
        }
        return keys;
    }

    /// Pieces of a tokenizer.json: what merges give is scored by the first merge that gives it.
    private static void ranked(TokenizerSource source, TokenizerJson tokenizer, Table table) throws IOException {
        Map<String, Integer> ranks = new HashMap<>();
        tokenizer.merges().toArray().forEachString((rank, merge) -> ranks.putIfAbsent(merge.replaceFirst("(?<!^) ", ""), rank));
        Map<String, TokenizerJson.Added> added = new HashMap<>();
        tokenizer.added().forEach(token -> added.put(token.text(), token));
        Set<String> special = source.specialTokens();
        String unknown = source.config().get("unk_token").flatMap(TokenizerSource::text).orElse("<unk>");
        // The vocabulary may be larger than the embedding where the last of its tokens are for images.
        @Nullable String[] texts = tokenizer.texts(Math.max(table.texts.length, tokenizer.size()));
        for (int id = 0; id < table.texts.length; id++) {
            String text = texts[id];
            if (text == null) {
                continue;
            }
            TokenizerJson.Added own = added.get(text);
            if (text.equals(unknown)) {
                table.set(id, text, 0, TokenKind.UNKNOWN.id());
            } else if (own != null && !own.special() && !TokenizerSource.looksSpecial(text)) {
                table.set(id, text.replace('\u2581', ' '), ADDED, TokenKind.USER_DEFINED.id());
            } else if (own != null || special.contains(text)) {
                table.set(id, text, ADDED, TokenKind.CONTROL.id());
            } else if (Gemma4Tokenizer.BYTE.matcher(text).matches()) {
                table.set(id, text, 0, TokenKind.BYTE.id());
            } else {
                Integer rank = ranks.get(text);
                table.set(id, text, rank == null ? -ranks.size() : -rank, TokenKind.NORMAL.id());
            }
        }
    }

    /// Tokens that tokenizer_config.json adds or redefines.
    private static void decoded(TokenizerSource source, Table table) throws CheckpointFormatException {
        Optional<Value.Fields> decoder = source.config().object(DECODER);
        if (decoder.isEmpty()) {
            return;
        }
        for (Map.Entry<String, Value> entry : decoder.get().fields().entrySet()) {
            Optional<String> text = TokenizerSource.text(entry.getValue());
            if (text.isEmpty() || !entry.getKey().matches("\\d{1,9}")) {
                throw CheckpointFormatException.malformed(TokenizerSource.CONFIG, -1, DECODER, "\"" + entry.getKey() + "\"",
                        "ids with tokens");
            }
            int id = Integer.parseInt(entry.getKey());
            if (id >= table.texts.length) {
                continue;
            }
            boolean special = entry.getValue() instanceof Value.Fields fields && fields.flag("special").orElse(false);
            if (special || TokenizerSource.looksSpecial(text.get())) {
                table.set(id, text.get(), ADDED, TokenKind.CONTROL.id());
            } else {
                table.set(id, text.get().replace('\u2581', ' '), ADDED, TokenKind.USER_DEFINED.id());
            }
        }
    }

    /// Tokens in the making.
    private static final class Table {
        private final String[] texts;
        private final float[] scores;
        private final int[] kinds;

        Table(int count) {
            texts = new String[count];
            scores = new float[count];
            kinds = new int[count];
            Arrays.setAll(texts, id -> "[PAD" + id + "]");
            Arrays.fill(scores, PADDING);
            Arrays.fill(kinds, TokenKind.UNUSED.id());
        }

        void set(int id, String text, float score, int kind) {
            texts[id] = text;
            scores[id] = score;
            kinds[id] = kind;
        }
    }

    @Override
    public boolean rebuilds(GgufVocabulary vocabulary, Architecture architecture) throws IOException {
        return vocabulary.model().equals(MODEL);
    }

    @Override
    public Map<String, RenderedSource.Renderer> documents(GgufVocabulary vocabulary, Architecture architecture) {
        boolean gemma = architecture.family().equals("gemma3");
        Map<String, RenderedSource.Renderer> documents = new LinkedHashMap<>();
        documents.put(TokenizerSource.SENTENCE_PIECE, out -> {
            GgufVocabulary.Tokens tokens = vocabulary.tokens();
            float[] scores = vocabulary.scores(tokens.count());
            List<SentencePieceModel.Piece> pieces = new ArrayList<>(tokens.count());
            for (int id = 0; id < tokens.count(); id++) {
                pieces.add(new SentencePieceModel.Piece(tokens.text(id), scores[id], tokens.kind(id).id()));
            }
            int[] special = new int[4];
            List<String> words = List.of("unknown", "bos", "eos", "padding");
            for (int i = 0; i < special.length; i++) {
                OptionalLong id = vocabulary.named(tokens, words.get(i));
                special[i] = id.isPresent() ? (int) id.getAsLong() : -1;
            }
            out.write(SentencePieceModel.write(pieces, special, vocabulary.flag("add_space_prefix").orElse(true)));
        });
        documents.put(TokenizerSource.CONFIG, out -> {
            GgufVocabulary.Tokens tokens = vocabulary.tokens();
            float[] scores = vocabulary.scores(tokens.count());
            Value.Fields config = vocabulary.config(gemma ? "GemmaTokenizer" : "LlamaTokenizer", "additional_special_tokens");
            Optional<Boolean> prefix = vocabulary.flag("add_space_prefix");
            if (prefix.isPresent() && !gemma) {
                config = config.with("add_prefix_space", Value.of(prefix.get()));
            }
            Map<String, Value> decoder = new LinkedHashMap<>();
            for (int id = 0; id < tokens.count(); id++) {
                boolean control = tokens.kind(id) == TokenKind.CONTROL && scores[id] == ADDED;
                if (control || tokens.kind(id) == TokenKind.USER_DEFINED) {
                    Map<String, Value> token = new LinkedHashMap<>();
                    token.put("content", Value.of(tokens.text(id)));
                    for (String flag : List.of("lstrip", "normalized", "rstrip", "single_word")) {
                        token.put(flag, Value.of(false));
                    }
                    token.put("special", Value.of(control));
                    decoder.put(Integer.toString(id), new Value.Fields(token));
                }
            }
            out.write(Json.prettyBytes(config.with(DECODER, new Value.Fields(decoder))));
        });
        return documents;
    }
}
