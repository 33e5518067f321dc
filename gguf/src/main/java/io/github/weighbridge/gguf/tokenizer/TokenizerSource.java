package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.file.GgufArrayWriter;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A Hugging Face folder's tokenizer documents, each read when it is first asked for. For use by one thread.
final class TokenizerSource {
    static final String TOKENIZER = "tokenizer.json";
    static final String SENTENCE_PIECE = "tokenizer.model";
    static final String CONFIG = "tokenizer_config.json";
    static final String TEMPLATE = "chat_template.jinja";
    static final String GGML = "tokenizer.ggml.";
    static final String CHAT_TEMPLATE = "tokenizer.chat_template";
    /// Words of the tokens with an id of their own, in the order of the keys, as Hugging Face and as GGUF spell them.
    static final List<List<String>> NAMED = List.of(List.of("bos", "bos"), List.of("eos", "eos"), List.of("unk", "unknown"),
            List.of("sep", "seperator"), List.of("pad", "padding"), List.of("cls", "cls"), List.of("mask", "mask"));

    private final Checkpoint source;
    private final Architecture architecture;
    private final Limits limits;
    private final Value.Fields config;
    private @Nullable TokenizerJson tokenizer;

    TokenizerSource(Checkpoint source, Architecture architecture, Limits limits) throws IOException {
        this.source = source;
        this.architecture = architecture;
        this.limits = limits;
        Optional<ByteSource> document = source.documents().get(CONFIG);
        this.config = document.isPresent() ? Json.parseObject(document.get(), limits) : Value.Fields.EMPTY;
    }

    Architecture architecture() {
        return architecture;
    }

    Limits limits() {
        return limits;
    }

    /// tokenizer_config.json; empty where there is none.
    Value.Fields config() {
        return config;
    }

    Optional<ByteSource> document(String name) {
        return source.documents().get(name);
    }

    /// tokenizer.json.
    Optional<TokenizerJson> tokenizer() throws IOException {
        Optional<ByteSource> document = document(TOKENIZER);
        if (tokenizer == null && document.isPresent()) {
            tokenizer = TokenizerJson.read(document.get(), limits);
        }
        return Optional.ofNullable(tokenizer);
    }

    /// tokenizer.json where there must be one.
    TokenizerJson required() throws IOException, PolicyException {
        Optional<TokenizerJson> found = tokenizer();
        return found.orElseThrow(() -> new PolicyException("gguf needs a tokenizer, and " + TOKENIZER + " is not there"));
    }

    /// What transformers calls `all_special_tokens`: the named ones and the lists of further ones.
    Set<String> specialTokens() {
        Set<String> special = new HashSet<>();
        for (List<String> words : NAMED) {
            config.get(words.getFirst() + "_token").flatMap(TokenizerSource::text).ifPresent(special::add);
        }
        for (String list : List.of("additional_special_tokens", "extra_special_tokens")) {
            Optional<Value> tokens = config.get(list);
            if (tokens.isPresent() && tokens.get() instanceof Value.Items(List<Value> items)) {
                items.forEach(item -> text(item).ifPresent(special::add));
            } else if (tokens.isPresent() && tokens.get() instanceof Value.Fields fields) {
                fields.fields().values().forEach(item -> text(item).ifPresent(special::add));
            }
        }
        return special;
    }

    /// A token is given by its text, or by an object that has the text as `content`.
    static Optional<String> text(Value token) {
        if (token instanceof Value.Text(String text)) {
            return Optional.of(text);
        }
        return token instanceof Value.Fields fields ? fields.text("content") : Optional.empty();
    }

    /// Ids of the named tokens: by their texts in tokenizer_config.json, else as config.json gives them.
    ///
    /// @param ids ids by text
    void namedTokens(Map<String, Integer> ids, Map<String, GgufValue> keys) {
        for (List<String> words : NAMED) {
            String word = words.getFirst();
            OptionalLong id = config.get(word + "_token").flatMap(TokenizerSource::text).map(ids::get).map(OptionalLong::of)
                    .orElseGet(() -> configured(word + "_token_id"));
            id.ifPresent(number -> keys.put(GGML + words.getLast() + "_token_id", GgufValue.u32(number)));
        }
    }

    private OptionalLong configured(String name) {
        Optional<Value> value = architecture.parameters().get(name);
        if (value.isPresent() && value.get() instanceof Value.Items(List<Value> items) && !items.isEmpty()) {
            value = Optional.of(items.getFirst());
        }
        return value.isPresent() && value.get() instanceof Value.Whole(long number) && number >= 0 && number < architecture.vocabularySize()
                ? OptionalLong.of(number) : OptionalLong.empty();
    }

    /// Copies a flag of tokenizer_config.json, where it has it.
    void flag(String name, String key, Map<String, GgufValue> keys) {
        config.flag(name).ifPresent(set -> keys.put(GGML + key, GgufValue.flag(set)));
    }

    /// The template in tokenizer_config.json comes first; of several, the one named default.
    Optional<String> template() throws IOException {
        Optional<Value> inConfig = config.get("chat_template");
        if (inConfig.isPresent() && inConfig.get() instanceof Value.Items(List<Value> items)) {
            return items.stream()
                    .filter(item -> item instanceof Value.Fields fields && fields.text("name").filter("default"::equals).isPresent())
                    .flatMap(item -> ((Value.Fields) item).text("template").stream()).findFirst();
        }
        if (inConfig.isPresent()) {
            return text(inConfig.get());
        }
        Optional<ByteSource> file = document(TEMPLATE);
        if (file.isEmpty()) {
            return Optional.empty();
        }
        long length = file.get().length();
        if (length > Limits.DEFAULT.textBytes()) {
            throw CheckpointFormatException.limit(file.get().name(), 0, "chat template", length + " bytes",
                    "at most " + Limits.DEFAULT.textBytes() + " bytes (Limits.textBytes)");
        }
        return Optional.of(new String(file.get().readBytes(0, (int) length), StandardCharsets.UTF_8));
    }

    /// The texts of all tokens, as the array that GGUF holds; each may be there once.
    ///
    /// @param file for messages
    static GgufValue unique(String file, String[] texts) throws CheckpointFormatException {
        Set<String> seen = HashSet.newHashSet(texts.length);
        GgufArrayWriter names = new GgufArrayWriter(texts.length * 16);
        for (int id = 0; id < texts.length; id++) {
            if (!seen.add(texts[id])) {
                throw CheckpointFormatException.malformed(file, -1, "token \"" + texts[id] + "\"", "a second id " + id, "each text once");
            }
            names.add(texts[id]);
        }
        return names.toArray();
    }

    /// Tokens that are special whatever a tokenizer says of them. (llama.cpp `conversion/base.py`.)
    static boolean looksSpecial(String text) {
        return Set.of("<pad>", "<mask>", "<2mass>", "[@BOS@]").contains(text) || text.startsWith("<|") && text.endsWith("|>")
                || text.startsWith("<\uff5c") && text.endsWith("\uff5c>") || text.startsWith("<unused") && text.endsWith(">");
    }
}
