package io.github.weighbridge.litert;

import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.proto.Channel;
import io.github.weighbridge.litert.file.proto.Gemma3;
import io.github.weighbridge.litert.file.proto.Gemma4;
import io.github.weighbridge.litert.file.proto.GenericModel;
import io.github.weighbridge.litert.file.proto.LlmMetadata;
import io.github.weighbridge.litert.file.proto.LlmModelType;
import io.github.weighbridge.litert.file.proto.PromptAffixes;
import io.github.weighbridge.litert.file.proto.PromptTemplates;
import io.github.weighbridge.litert.file.proto.Qwen3;
import io.github.weighbridge.litert.file.proto.SamplerParameters;
import io.github.weighbridge.litert.file.proto.TokenIds;
import io.github.weighbridge.litert.file.proto.TokenUnion;
import io.github.weighbridge.litert.graph.VisionSpec;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.model.Finding;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// Makes the metadata that a LiteRT-LM runtime wants of a text model out of the documents of a Hugging Face folder: config.json,
/// generation_config.json, tokenizer_config.json and chat_template.jinja. Each may be missing; what then stays unset is a finding where it matters.
///
/// Which document a field comes from, and the tokens of tool calls by their names in tokenizer_config.json, follow litert-torch's exporter
/// (`export_hf/core/litert_lm_builder.py`, `model_ext/gemma4/metadata_builder.py`).
public final class LlmMetadataBuilder {
    private static final String GENERATION = "generation_config.json";
    private static final String TOKENIZER = "tokenizer_config.json";
    private static final String CONFIG = "config.json";
    private static final String ADDED = "added_tokens_decoder";
    private static final String TEMPLATE = "chat_template.jinja";
    /// What transformers takes where generation_config.json has no `top_k`.
    private static final long TRANSFORMERS_TOP_K = 50;

    private final Documents documents;
    private final Limits limits;
    private final Parameters config;
    private final Parameters generation;
    private final Parameters tokenizer;
    private final List<Finding> findings = new ArrayList<>();

    /// The metadata, and what is missing in it.
    ///
    /// @param metadata the message
    /// @param findings what the documents do not say
    public record Result(LlmMetadata metadata, List<Finding> findings) {
        /// Copies the list.
        public Result {
            findings = List.copyOf(findings);
        }
    }

    private LlmMetadataBuilder(Documents documents, Limits limits) throws IOException {
        this.documents = documents;
        this.limits = limits;
        this.config = parameters(CONFIG);
        this.generation = parameters(GENERATION);
        this.tokenizer = parameters(TOKENIZER);
    }

    private Parameters parameters(String name) throws IOException {
        Optional<ByteSource> document = documents.get(name);
        return document.isEmpty() ? new Parameters(name, Value.Fields.EMPTY)
                : new Parameters(document.get().name(), Json.parseObject(document.get(), limits));
    }

    /// The metadata of a checkpoint's text model.
    ///
    /// @param maxTokens length of the key/value cache, in tokens
    /// @throws CheckpointFormatException when a document is bad
    public static Result of(Checkpoint checkpoint, int maxTokens, Limits limits) throws IOException {
        return of(checkpoint, maxTokens, Optional.empty(), false, limits);
    }

    /// The metadata of a checkpoint's text model and of the encoders beside it.
    ///
    /// @param maxTokens length of the key/value cache, in tokens
    /// @param vision the encoder of images, where there is a section for it
    /// @param audio whether there is a section for an encoder of sound
    /// @throws CheckpointFormatException when a document is bad
    public static Result of(Checkpoint checkpoint, int maxTokens, Optional<VisionSpec> vision, boolean audio, Limits limits)
            throws IOException {
        LlmMetadataBuilder builder = new LlmMetadataBuilder(checkpoint.documents(), limits);
        return new Result(builder.build(checkpoint.architecture(), maxTokens, vision, audio), builder.findings);
    }

    private LlmMetadata build(Architecture architecture, int maxTokens, Optional<VisionSpec> vision, boolean audio) throws IOException {
        LlmMetadata.Builder metadata = LlmMetadata.newBuilder().setMaxNumTokens(maxTokens);
        List<Integer> begin = ids("bos_token_id");
        if (begin.isEmpty()) {
            findings.add(
                    Finding.warning("no-start-token", "no document names the token that begins a text; readers of .task files want one",
                            List.of()));
        } else {
            metadata.setStartToken(token(begin.getFirst()));
        }
        List<Integer> stops = ids("eos_token_id");
        if (stops.isEmpty()) {
            findings.add(Finding.warning("no-stop-tokens",
                    "no document names the tokens that end an answer: the runtime will not stop by itself",
                    List.of()));
        }
        stops.forEach(id -> metadata.addStopTokens(token(id)));
        List<Integer> pad = ids("pad_token_id");
        if (!pad.isEmpty()) {
            metadata.setPadToken(token(pad.getFirst()));
        }
        List<Integer> suppressed = ids("suppress_tokens");
        if (!suppressed.isEmpty()) {
            metadata.setSuppressTokens(TokenIds.newBuilder().addAllIds(suppressed));
        }
        sampler().ifPresent(metadata::setSamplerParams);
        Optional<String> template = template();
        if (template.isEmpty()) {
            findings.add(
                    Finding.warning("no-chat-template", "there is no chat template: the runtime makes prompts as it sees fit", List.of()));
        }
        template.ifPresent(metadata::setJinjaPromptTemplate);
        Set<String> tokens = specialTokens();
        switch (architecture.family()) {
            case "gemma4" -> gemma4(metadata, tokens, architecture, vision, audio);
            case "gemma3" -> {
                metadata.setLlmModelType(LlmModelType.newBuilder().setGemma3(Gemma3.getDefaultInstance()));
                turns(metadata, tokens, "<start_of_turn>", "<end_of_turn>", false);
            }
            case "qwen3", "qwen3moe" -> metadata.setLlmModelType(LlmModelType.newBuilder().setQwen3(Qwen3.getDefaultInstance()));
            default -> metadata.setLlmModelType(LlmModelType.newBuilder().setGenericModel(GenericModel.getDefaultInstance()));
        }
        return metadata.build();
    }

    /// Where tokenizer_config.json does not name a token, the runtime's own text for it holds, which is Gemma 4's.
    private void gemma4(LlmMetadata.Builder metadata, Set<String> tokens, Architecture architecture, Optional<VisionSpec> vision,
            boolean audio) {
        Gemma4.Builder gemma = Gemma4.newBuilder();
        named("stc_token", gemma::setCodeFenceStart);
        named("etc_token", gemma::setCodeFenceEnd);
        named("escape_token", gemma::setOpenQuote);
        named("escape_token", gemma::setCloseQuote);
        named("str_token", gemma::setFunctionResponseStart);
        if (vision.isPresent()) {
            special("boi_token", architecture, "boi_token_id").ifPresent(gemma::setStartOfImageToken);
            special("eoi_token", architecture, "eoi_token_id").ifPresent(gemma::setEndOfImageToken);
            gemma.setPatchWidth(vision.get().patch()).setPatchHeight(vision.get().patch()).setMaxNumPatches(vision.get().patches())
                    .setPoolingKernelSize(vision.get().pooling());
        }
        if (audio) {
            special("boa_token", architecture, "boa_token_id").ifPresent(gemma::setStartOfAudioToken);
            special("eoa_token", architecture, "eoa_token_id").or(() -> special("eoa_token", architecture, "eoa_token_index"))
                    .ifPresent(gemma::setEndOfAudioToken);
        }
        metadata.setLlmModelType(LlmModelType.newBuilder().setGemma4(gemma));
        turns(metadata, tokens, "<|turn>", "<turn|>", true);
        String open = named("soc_token").orElse("<|channel>");
        String close = named("eoc_token").orElse("<channel|>");
        if (tokens.contains(open) && tokens.contains(close)) {
            metadata.addChannels(Channel.newBuilder().setChannelName("thought").setStart(open + "thought\n").setEnd(close));
        }
    }

    /// A token of images or sound, as text: the engine takes no numbers here. It is named in tokenizer_config.json, or listed there by its number.
    private Optional<TokenUnion> special(String word, Architecture architecture, String parameter) {
        Optional<String> listed = architecture.parameters().whole(parameter)
                .flatMap(id -> tokenizer.fields().object(ADDED).flatMap(added -> added.get(Long.toString(id))))
                .flatMap(LlmMetadataBuilder::content);
        return named(word).or(() -> listed).map(text -> TokenUnion.newBuilder().setTokenStr(text).build());
    }

    private Optional<String> named(String word) {
        return tokenizer.fields().get(word).flatMap(LlmMetadataBuilder::content);
    }

    private void named(String word, Consumer<String> setter) {
        named(word).ifPresent(setter);
    }

    /// Sessions know no templates: they put these around the turns.
    private static void turns(LlmMetadata.Builder metadata, Set<String> tokens, String open, String close, boolean withSystem) {
        if (!tokens.contains(open) || !tokens.contains(close)) {
            return;
        }
        PromptTemplates.Builder templates =
                PromptTemplates.newBuilder().setUser(turn(open, close, "user")).setModel(turn(open, close, "model"));
        if (withSystem) {
            templates.setSystem(turn(open, close, "system"));
        }
        metadata.setPromptTemplates(templates);
    }

    private static PromptAffixes turn(String open, String close, String role) {
        return PromptAffixes.newBuilder().setPrefix(open + role + "\n").setSuffix(close + "\n").build();
    }

    private static TokenUnion token(int id) {
        return TokenUnion.newBuilder().setTokenIds(TokenIds.newBuilder().addIds(id)).build();
    }

    /// A token id or a list of them: generation_config.json, then config.json, then its part for the text model.
    private List<Integer> ids(String name) throws CheckpointFormatException {
        Optional<Parameters> text = config.object("text_config");
        List<Parameters> places = text.isPresent() ? List.of(generation, config, text.get()) : List.of(generation, config);
        for (Parameters place : places) {
            Optional<Value> value = place.fields().get(name);
            if (value.isPresent()) {
                List<Value> values = value.get() instanceof Value.Items(List<Value> items) ? items : List.of(value.get());
                List<Integer> ids = new ArrayList<>(values.size());
                for (Value id : values) {
                    if (!(id instanceof Value.Whole(long number)) || number < 0 || number > Integer.MAX_VALUE) {
                        throw place.wrong(name, Parameters.describe(id), "the number of a token, or a list of such");
                    }
                    ids.add((int) number);
                }
                return ids;
            }
        }
        return List.of();
    }

    /// How tokens are drawn; empty where generation_config.json does not say.
    private Optional<SamplerParameters> sampler() throws CheckpointFormatException {
        Value.Fields fields = generation.fields();
        Optional<Long> k = fields.whole("top_k");
        Optional<Double> p = fields.number("top_p");
        Optional<Double> temperature = fields.number("temperature");
        if (fields.get("do_sample").isPresent() && !generation.flag("do_sample", true)) {
            return Optional.of(SamplerParameters.newBuilder().setType(SamplerParameters.Type.GREEDY).setK(1).setTemperature(1).build());
        }
        if (k.isEmpty() && p.isEmpty() && temperature.isEmpty()) {
            return Optional.empty();
        }
        if (k.isPresent() && (k.get() < 0 || k.get() > Integer.MAX_VALUE)) {
            throw generation.wrong("top_k", k.get(), "a number of tokens");
        }
        SamplerParameters.Builder sampler = SamplerParameters.newBuilder()
                .setType(p.isPresent() ? SamplerParameters.Type.TOP_P : SamplerParameters.Type.TOP_K);
        sampler.setK(k.orElse(TRANSFORMERS_TOP_K).intValue());
        sampler.setP(p.orElse(1.0).floatValue());
        sampler.setTemperature(temperature.orElse(1.0).floatValue());
        return Optional.of(sampler.build());
    }

    /// chat_template.jinja, or the template within tokenizer_config.json: a text, or a list in which the one named `default` counts.
    private Optional<String> template() throws IOException {
        Optional<ByteSource> file = documents.get(TEMPLATE);
        if (file.isPresent()) {
            if (file.get().length() > limits.textBytes()) {
                throw CheckpointFormatException.limit(file.get().name(), 0, "chat template", file.get().length() + " bytes",
                        "at most " + limits.textBytes() + " (Limits.textBytes)");
            }
            return Optional.of(new String(file.get().readBytes(0, (int) file.get().length()), StandardCharsets.UTF_8));
        }
        return tokenizer.fields().get("chat_template").flatMap(value -> switch (value) {
            case Value.Text(String text) -> Optional.of(text);
            case Value.Items(List<Value> items) -> items.stream().filter(item -> item instanceof Value.Fields fields
                    && fields.text("name").filter("default"::equals).isPresent()).findFirst()
                    .flatMap(item -> ((Value.Fields) item).text("template"));
            case Value.Whole _, Value.Real _, Value.Flag _, Value.Nothing _, Value.Fields _ -> Optional.<String>empty();
        });
    }

    /// Every token that tokenizer_config.json speaks of, whatever place it gives it.
    private Set<String> specialTokens() {
        Set<String> tokens = new HashSet<>();
        collect(tokenizer.fields(), tokens);
        return tokens;
    }

    private static void collect(Value value, Set<String> tokens) {
        switch (value) {
            case Value.Text(String text) -> tokens.add(text);
            case Value.Items(List<Value> items) -> items.forEach(item -> collect(item, tokens));
            case Value.Fields(var fields) -> fields.values().forEach(item -> collect(item, tokens));
            case Value.Whole _, Value.Real _, Value.Flag _, Value.Nothing _ -> {
                // no token
            }
        }
    }

    /// The text of a token: itself, or the content of an object that describes it.
    private static Optional<String> content(Value value) {
        return switch (value) {
            case Value.Text(String text) -> Optional.of(text);
            case Value.Fields fields -> fields.text("content");
            case Value.Whole _, Value.Real _, Value.Flag _, Value.Nothing _, Value.Items _ -> Optional.<String>empty();
        };
    }
}
