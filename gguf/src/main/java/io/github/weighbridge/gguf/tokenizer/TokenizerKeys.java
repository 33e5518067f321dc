package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufArrayWriter;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufKey;
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
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The `tokenizer.*` keys of a GGUF file: from another GGUF file as they are, or made of a Hugging Face folder's documents as llama.cpp's
/// converter does for `gemma4` (v0.5.0, `conversion/gemma.py` and `gguf-py/gguf/vocab.py`).
public final class TokenizerKeys {
    private static final String TOKENIZER = "tokenizer.json";
    private static final String CONFIG = "tokenizer_config.json";
    private static final String TEMPLATE = "chat_template.jinja";
    private static final String PREFIX = "tokenizer.";
    private static final String GGML = "tokenizer.ggml.";
    private static final float NO_SCORE = -1000;
    private static final Pattern BYTE = Pattern.compile("<0x[0-9A-Fa-f]{2}>");
    /// Tokens that a conversation's text may contain as they are.
    private static final Set<String> USER_DEFINED = Set.of("<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>",
            "<tool_response|>", "<|\"|>");
    /// Words of the tokens with an id of their own, in the order of the keys, as Hugging Face and as GGUF spell them.
    private static final List<List<String>> NAMED = List.of(List.of("bos", "bos"), List.of("eos", "eos"), List.of("unk", "unknown"),
            List.of("sep", "seperator"), List.of("pad", "padding"), List.of("cls", "cls"), List.of("mask", "mask"));

    /// llama.cpp's kinds of tokens.
    private enum Kind {
        NORMAL(1), CONTROL(3), USER_DEFINED(4), UNUSED(5), BYTE(6);

        private final int id;

        Kind(int id) {
            this.id = id;
        }
    }

    private TokenizerKeys() {}

    /// The keys in the order they are written.
    ///
    /// @throws PolicyException when the source has no tokenizer to make them of
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
        Optional<ByteSource> document = source.documents().get(TOKENIZER);
        if (document.isEmpty()) {
            throw new PolicyException("gguf needs a tokenizer, and " + TOKENIZER + " is not there");
        }
        TokenizerJson tokenizer = TokenizerJson.read(document.get(), limits);
        Optional<ByteSource> configDocument = source.documents().get(CONFIG);
        Value.Fields config = configDocument.isPresent() ? Json.parseObject(configDocument.get(), limits) : Value.Fields.EMPTY;
        Map<String, GgufValue> keys = new LinkedHashMap<>();
        keys.put(GGML + "model", GgufValue.text("gemma4"));
        tokens(document.get().name(), tokenizer, config, architecture, keys);
        namedTokens(tokenizer, config, architecture, keys);
        config.flag("add_eos_token").ifPresent(add -> keys.put(GGML + "add_eos_token", GgufValue.flag(add)));
        template(source, config).ifPresent(template -> keys.put("tokenizer.chat_template", GgufValue.text(template)));
        keys.put(GGML + "add_space_prefix", GgufValue.flag(false));
        keys.put(GGML + "add_bos_token", GgufValue.flag(true));
        suppressed(source, architecture, limits).ifPresent(ids -> keys.put(GGML + "suppress_tokens", ids));
        return keys;
    }

    private static void tokens(String file, TokenizerJson tokenizer, Value.Fields config, Architecture architecture,
            Map<String, GgufValue> keys)
            throws IOException {
        int count = Math.toIntExact(architecture.vocabularySize());
        @Nullable String[] texts = tokenizer.texts();
        for (int id = count; id < texts.length; id++) {
            if (texts[id] != null) {
                throw CheckpointFormatException.malformed(file, -1, "id of token \"" + texts[id] + "\"", id,
                        "an id below the vocabulary's " + count + " embeddings");
            }
        }
        Set<String> special = specialTokens(config);
        Map<String, TokenizerJson.Added> added = HashMap.newHashMap(tokenizer.added().size());
        tokenizer.added().forEach(token -> added.put(token.text(), token));
        GgufArrayWriter names = new GgufArrayWriter(count * 16);
        float[] scores = new float[count];
        Arrays.fill(scores, NO_SCORE);
        int[] kinds = new int[count];
        Set<String> seen = HashSet.newHashSet(count);
        for (int id = 0; id < count; id++) {
            String text = id < texts.length ? texts[id] : null;
            Kind kind;
            if (text == null) {
                text = "[PAD" + id + "]";
                kind = Kind.UNUSED;
            } else {
                kind = kind(text, id, special, added.get(text), tokenizer.vocabularySize());
            }
            if (!seen.add(text)) {
                throw CheckpointFormatException.malformed(file, -1, "token \"" + text + "\"", "a second id " + id, "each text once");
            }
            names.add(text);
            kinds[id] = kind.id;
        }
        keys.put(GGML + "tokens", names.toArray());
        keys.put(GGML + "scores", GgufArray.ofFloats(scores));
        keys.put(GGML + "token_type", GgufArray.ofInts(kinds));
        keys.put(GGML + "merges", tokenizer.merges().toArray());
    }

    private static Kind kind(String text, int id, Set<String> special, TokenizerJson.@Nullable Added added, int vocabularySize) {
        if (USER_DEFINED.contains(text)) {
            return Kind.USER_DEFINED;
        }
        if (special.contains(text)) {
            return Kind.CONTROL;
        }
        if (BYTE.matcher(text).matches()) {
            return Kind.BYTE;
        }
        return added != null && id >= vocabularySize ? added.special() ? Kind.CONTROL : Kind.USER_DEFINED : Kind.NORMAL;
    }

    /// What transformers calls `all_special_tokens`: the named ones and the lists of further ones.
    private static Set<String> specialTokens(Value.Fields config) {
        Set<String> special = new HashSet<>();
        for (List<String> words : NAMED) {
            config.get(words.getFirst() + "_token").flatMap(TokenizerKeys::text).ifPresent(special::add);
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
    private static Optional<String> text(Value token) {
        if (token instanceof Value.Text(String text)) {
            return Optional.of(text);
        }
        return token instanceof Value.Fields fields ? fields.text("content") : Optional.empty();
    }

    /// Ids of the named tokens: by their texts in tokenizer_config.json, else as config.json gives them.
    private static void namedTokens(TokenizerJson tokenizer, Value.Fields config, Architecture architecture, Map<String, GgufValue> keys) {
        Map<String, Integer> ids = new HashMap<>();
        tokenizer.added().forEach(token -> ids.put(token.text(), token.id()));
        for (List<String> words : NAMED) {
            String word = words.getFirst();
            OptionalLong id = config.get(word + "_token").flatMap(TokenizerKeys::text).map(ids::get).map(OptionalLong::of)
                    .orElseGet(() -> configured(architecture, word + "_token_id"));
            id.ifPresent(number -> keys.put(GGML + words.getLast() + "_token_id", GgufValue.u32(number)));
        }
    }

    private static OptionalLong configured(Architecture architecture, String name) {
        Optional<Value> value = architecture.parameters().get(name);
        if (value.isPresent() && value.get() instanceof Value.Items(List<Value> items) && !items.isEmpty()) {
            value = Optional.of(items.getFirst());
        }
        return value.isPresent() && value.get() instanceof Value.Whole(long number) && number >= 0 && number < architecture.vocabularySize()
                ? OptionalLong.of(number) : OptionalLong.empty();
    }

    /// The template in tokenizer_config.json comes first; of several, the one named default.
    private static Optional<String> template(Checkpoint source, Value.Fields config) throws IOException {
        Optional<Value> inConfig = config.get("chat_template");
        if (inConfig.isPresent() && inConfig.get() instanceof Value.Items(List<Value> items)) {
            return items.stream()
                    .filter(item -> item instanceof Value.Fields fields && fields.text("name").filter("default"::equals).isPresent())
                    .flatMap(item -> ((Value.Fields) item).text("template").stream()).findFirst();
        }
        if (inConfig.isPresent()) {
            return text(inConfig.get());
        }
        Optional<ByteSource> file = source.documents().get(TEMPLATE);
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

    /// Only the unified model's converter writes them.
    private static Optional<GgufValue> suppressed(Checkpoint source, Architecture architecture, Limits limits) throws IOException {
        Optional<ByteSource> generation = source.documents().get("generation_config.json");
        if (generation.isEmpty() || !architecture.parameters().text("model_type").orElse("").startsWith("gemma4_unified")) {
            return Optional.empty();
        }
        return Json.parseObject(generation.get(), limits).list("suppress_tokens").map(items -> GgufArray
                .ofInts(items.stream().filter(Value.Whole.class::isInstance).mapToInt(item -> (int) ((Value.Whole) item).number())
                        .toArray()));
    }
}
