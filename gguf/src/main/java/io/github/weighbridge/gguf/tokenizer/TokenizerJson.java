package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.file.GgufArrayWriter;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.JsonVisitor;
import io.github.weighbridge.io.Limits;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a GGUF file needs of a `tokenizer.json` with a byte-pair model: the texts by id, the added tokens, the merges in rank order. The document
/// is walked once; merges are encoded as they come and never kept as strings.
final class TokenizerJson {
    /// An entry of `added_tokens`.
    record Added(int id, String text, boolean special) {}

    /// Far above any vocabulary; protects against an id that would make the table huge.
    private static final int MOST_TOKENS = 1 << 24;

    private static final int MOST_EXPRESSIONS = 64;

    private final String file;
    private @Nullable String[] texts = new String[1 << 12];
    private int vocabularySize;
    private final List<Added> added = new ArrayList<>();
    private final GgufArrayWriter merges = new GgufArrayWriter();
    private String modelType = "";
    private boolean byteFallback;
    private final List<String> expressions = new ArrayList<>();

    private TokenizerJson(String file) {
        this.file = file;
    }

    static TokenizerJson read(ByteSource source, Limits limits) throws IOException {
        if (source.length() > limits.documentBytes()) {
            throw CheckpointFormatException.limit(source.name(), 0, "tokenizer", source.length() + " bytes",
                    "at most " + limits.documentBytes() + " bytes (Limits.documentBytes)");
        }
        TokenizerJson tokenizer = new TokenizerJson(source.name());
        Json.visit(source, 0, source.length(), limits, tokenizer.new Visitor());
        if (!tokenizer.modelType.isEmpty() && !tokenizer.modelType.equals("BPE")) {
            throw CheckpointFormatException.unsupported(source.name(), -1, "model.type", tokenizer.modelType, "BPE");
        }
        if (tokenizer.vocabularySize == 0) {
            throw CheckpointFormatException.malformed(source.name(), -1, "model.vocab", "nothing", "an object of texts and ids");
        }
        for (Added token : tokenizer.added) {
            tokenizer.put(token.text, token.id, -1);
        }
        return tokenizer;
    }

    /// Name of the document, for messages.
    String file() {
        return file;
    }

    /// Texts of the ids below `count`; null where an id has none.
    ///
    /// @throws CheckpointFormatException when an id above has one
    @Nullable String[] texts(int count) throws CheckpointFormatException {
        for (int id = count; id < texts.length; id++) {
            if (texts[id] != null) {
                throw CheckpointFormatException.malformed(file, -1, "id of token \"" + texts[id] + "\"", id,
                        "an id below the vocabulary's " + count + " embeddings");
            }
        }
        return Arrays.copyOf(texts, count);
    }

    /// One more than the largest id, added tokens counted.
    int size() {
        int size = texts.length;
        while (size > 0 && texts[size - 1] == null) {
            size--;
        }
        return size;
    }

    /// Whether characters without a token become bytes, as SentencePiece does it.
    boolean byteFallback() {
        return byteFallback;
    }

    /// The regular expressions by which text is split before merging.
    List<String> expressions() {
        return expressions;
    }

    /// One more than the largest id of the model's vocabulary, added tokens not counted.
    int vocabularySize() {
        return vocabularySize;
    }

    List<Added> added() {
        return added;
    }

    GgufArrayWriter merges() {
        return merges;
    }

    private void put(String text, long id, long position) throws CheckpointFormatException {
        if (id < 0 || id >= MOST_TOKENS) {
            throw CheckpointFormatException.malformed(file, position, "id of token \"" + text + "\"", id,
                    "a whole number from 0 to " + (MOST_TOKENS - 1));
        }
        int index = (int) id;
        if (index >= texts.length) {
            texts = Arrays.copyOf(texts, Math.max(index + 1, texts.length * 2));
        }
        String before = texts[index];
        if (before != null && !before.equals(text)) {
            throw CheckpointFormatException.malformed(file, position, "id " + id, "tokens \"" + before + "\" and \"" + text + "\"",
                    "one token");
        }
        texts[index] = text;
    }

    /// In the merges of a GGUF file the two parts are separated by a space; a space inside a part is moved up by 256, as GPT-2 maps bytes.
    private void merge(String left, String right) {
        merges.add(left.replace(' ', '\u0120') + " " + right.replace(' ', '\u0120'));
    }

    private final class Visitor implements JsonVisitor {
        private final List<String> path = new ArrayList<>();
        private String name = "";
        private @Nullable String left;
        private @Nullable String right;
        private long addedId = -1;
        private String addedText = "";
        private boolean addedSpecial;

        private boolean in(String... names) {
            return path.size() == names.length && Arrays.asList(names).equals(path);
        }

        @Override
        public void beginObject(long position) {
            path.add(name);
            if (in("", "added_tokens", "[]")) {
                addedId = -1;
                addedText = "";
                addedSpecial = false;
            }
            name = "";
        }

        @Override
        public void endObject(long position) throws IOException {
            if (in("", "added_tokens", "[]")) {
                if (addedId < 0 || addedId >= MOST_TOKENS) {
                    throw CheckpointFormatException.malformed(file, position, "id of an added token", addedId,
                            "a whole number from 0 to " + (MOST_TOKENS - 1));
                }
                added.add(new Added((int) addedId, addedText, addedSpecial));
            }
            leave();
        }

        @Override
        public void beginArray(long position) {
            path.add(name);
            name = "[]";
            left = null;
            right = null;
        }

        @Override
        public void endArray(long position) throws IOException {
            if (in("", "model", "merges", "[]")) {
                if (left == null || right == null) {
                    throw CheckpointFormatException.malformed(file, position, "merge " + merges.count(), "no pair", "two texts");
                }
                merge(left, right);
            }
            leave();
        }

        /// What follows in a list has no name of its own.
        private void leave() {
            path.removeLast();
            name = "[]";
        }

        @Override
        public void name(String name, long position) {
            this.name = name;
        }

        @Override
        public void whole(long number, long position) throws IOException {
            if (in("", "model", "vocab")) {
                put(name, number, position);
                vocabularySize = Math.max(vocabularySize, (int) number + 1);
            } else if (in("", "added_tokens", "[]") && name.equals("id")) {
                addedId = number;
            }
        }

        @Override
        public void flag(boolean set, long position) {
            if (in("", "added_tokens", "[]") && name.equals("special")) {
                addedSpecial = set;
            } else if (in("", "model") && name.equals("byte_fallback")) {
                byteFallback = set;
            }
        }

        @Override
        public void text(String text, long position) throws IOException {
            if (in("", "model", "merges")) {
                // A pair in one text: parts cannot be empty, so the space that separates them is not the first character.
                int space = text.indexOf(' ', 1);
                if (space < 0 || space == text.length() - 1) {
                    throw CheckpointFormatException.malformed(file, position, "merge " + merges.count(), "\"" + text + "\"",
                            "two texts with a space between");
                }
                merge(text.substring(0, space), text.substring(space + 1));
            } else if (in("", "model", "merges", "[]")) {
                if (right != null) {
                    throw CheckpointFormatException.malformed(file, position, "merge " + merges.count(), "more than two texts",
                            "two texts");
                }
                if (left == null) {
                    left = text;
                } else {
                    right = text;
                }
            } else if (in("", "added_tokens", "[]") && name.equals("content")) {
                addedText = text;
            } else if (in("", "model") && name.equals("type")) {
                modelType = text;
            } else
                if (name.equals("Regex") && path.size() > 2 && path.get(1).equals("pre_tokenizer")
                        && expressions.size() < MOST_EXPRESSIONS) {
                            expressions.add(text);
                        }
        }
    }
}
