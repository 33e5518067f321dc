package io.github.weighbridge.litert;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.proto.LlmMetadata;
import io.github.weighbridge.litert.file.proto.LlmModelType;
import io.github.weighbridge.litert.file.proto.SamplerParameters;
import io.github.weighbridge.litert.file.proto.TokenUnion;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.TensorGraph;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class LlmMetadataTest {
    private static LlmMetadataBuilder.Result build(String family, Map<String, String> texts) throws IOException {
        Map<String, ByteSource> documents = new LinkedHashMap<>();
        texts.forEach((name, text) -> documents.put(name, ByteSource.of(name, text.getBytes(StandardCharsets.UTF_8))));
        return LlmMetadataBuilder.of(new Checkpoint("test", Optional.empty(), List.of(),
                new Architecture(family, "x", 1, 1, 1, List.of(), Value.Fields.EMPTY), new TensorGraph(List.of(), Map.of(), List.of()),
                new Documents(documents), List.of(), List.of()), 1024, Limits.DEFAULT);
    }

    private static List<Integer> ids(List<TokenUnion> tokens) {
        return tokens.stream().map(token -> token.getTokenIds().getIds(0)).toList();
    }

    @Test
    void aTrainedCheckpointHasAllOfIt(@TempDir Path folder) throws IOException {
        TrainedCheckpoints.unpack(folder, TrainedCheckpoints.QAT_MOBILE);
        Map<String, String> documents = new LinkedHashMap<>();
        for (String name : List.of("config.json", "generation_config.json", "tokenizer_config.json", "chat_template.jinja")) {
            documents.put(name, Files.readString(folder.resolve(name)));
        }
        LlmMetadataBuilder.Result result = build("gemma4", documents);
        assertThat(result.findings()).isEmpty();
        LlmMetadata metadata = result.metadata();
        assertThat(metadata.getStartToken().getTokenIds().getIdsList()).containsExactly(2);
        assertThat(ids(metadata.getStopTokensList())).containsExactly(1, 6, 14);
        assertThat(metadata.getPadToken().getTokenIds().getIdsList()).containsExactly(0);
        assertThat(metadata.getMaxNumTokens()).isEqualTo(1024);
        assertThat(metadata.getLlmModelType().getModelTypeCase()).isEqualTo(LlmModelType.ModelTypeCase.GEMMA4);
        assertThat(metadata.getJinjaPromptTemplate()).isEqualTo(documents.get("chat_template.jinja"));
        assertThat(metadata.getSamplerParams().getType()).isEqualTo(SamplerParameters.Type.TOP_P);
        assertThat(metadata.getSamplerParams().getK()).isEqualTo(64);
        assertThat(metadata.getSamplerParams().getP()).isEqualTo(0.95f);
        assertThat(metadata.getPromptTemplates().getUser().getPrefix()).isEqualTo("<|turn>user\n");
        assertThat(metadata.getPromptTemplates().getModel().getSuffix()).isEqualTo("<turn|>\n");
        assertThat(metadata.getChannelsList()).singleElement().satisfies(channel -> {
            assertThat(channel.getChannelName()).isEqualTo("thought");
            assertThat(channel.getStart()).isEqualTo("<|channel>thought\n");
            assertThat(channel.getEnd()).isEqualTo("<channel|>");
        });
        // The type is chosen by its presence, even when nothing is in it: field 6, and in it field 8 of no bytes.
        assertThat(metadata.getLlmModelType().toByteArray()).containsExactly(8 << 3 | 2, 0);
    }

    @Test
    void tokensOfToolCallsComeByTheirNames() throws IOException {
        LlmMetadata metadata = build("gemma4", Map.of("tokenizer_config.json", """
                {"stc_token": "<a>", "etc_token": {"content": "<b>"}, "escape_token": "<c>", "str_token": "<d>", "soc_token": "<e>",
                 "eoc_token": "<f>", "chat_template": [{"name": "tools", "template": "no"}, {"name": "default", "template": "yes"}]}"""))
                .metadata();
        assertThat(metadata.getLlmModelType().getGemma4().getCodeFenceStart()).isEqualTo("<a>");
        assertThat(metadata.getLlmModelType().getGemma4().getCodeFenceEnd()).isEqualTo("<b>");
        assertThat(metadata.getLlmModelType().getGemma4().getOpenQuote()).isEqualTo("<c>");
        assertThat(metadata.getLlmModelType().getGemma4().getCloseQuote()).isEqualTo("<c>");
        assertThat(metadata.getLlmModelType().getGemma4().getFunctionResponseStart()).isEqualTo("<d>");
        assertThat(metadata.getChannels(0).getStart()).isEqualTo("<e>thought\n");
        assertThat(metadata.getJinjaPromptTemplate()).isEqualTo("yes");
        assertThat(metadata.hasPromptTemplates()).isFalse();
    }

    @Test
    void whatIsMissingIsAFinding() throws IOException {
        LlmMetadataBuilder.Result result = build("gemma3", Map.of());
        assertThat(result.findings()).extracting(Finding::code).containsExactly("no-start-token", "no-stop-tokens", "no-chat-template");
        assertThat(result.metadata().getLlmModelType().getModelTypeCase()).isEqualTo(LlmModelType.ModelTypeCase.GEMMA3);
        assertThat(result.metadata().hasSamplerParams()).isFalse();
    }

    @Test
    void idsAreSoughtInAllPlaces() throws IOException {
        LlmMetadata metadata = build("gemma3",
                Map.of("config.json", "{\"eos_token_id\": [7], \"text_config\": {\"bos_token_id\": 3, \"eos_token_id\": 9}}",
                        "generation_config.json", "{\"do_sample\": false, \"top_k\": 5, \"suppress_tokens\": [4, 5]}"))
                .metadata();
        assertThat(metadata.getStartToken().getTokenIds().getIdsList()).containsExactly(3);
        assertThat(ids(metadata.getStopTokensList())).containsExactly(7);
        assertThat(metadata.getSuppressTokens().getIdsList()).containsExactly(4, 5);
        assertThat(metadata.getSamplerParams().getType()).isEqualTo(SamplerParameters.Type.GREEDY);
        assertThatThrownBy(() -> build("gemma3", Map.of("config.json", "{\"eos_token_id\": \"x\"}")))
                .isInstanceOf(CheckpointFormatException.class)
                .hasMessage("config.json: eos_token_id: found \"x\", expected the number of a token, or a list of such");
    }

    @Test
    void fieldsOfALaterVersionSurvive() throws IOException {
        byte[] later = LlmMetadata.newBuilder().setMaxNumTokens(7).setUnknownFields(UnknownFieldSet.newBuilder()
                .addField(99, UnknownFieldSet.Field.newBuilder().addLengthDelimited(ByteString.copyFromUtf8("later")).build()).build())
                .build()
                .toByteArray();
        LlmMetadata read = LlmMetadata.parseFrom(later);
        assertThat(read.toBuilder().setMaxNumTokens(8).build().getUnknownFields().getField(99).getLengthDelimitedList())
                .containsExactly(ByteString.copyFromUtf8("later"));
    }
}
