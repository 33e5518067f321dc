package io.github.weighbridge.litert;

import com.google.protobuf.Descriptors.FieldDescriptor;
import io.github.weighbridge.fixtures.malformed.MalformedLitert;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.BundleItem;
import io.github.weighbridge.litert.file.BundleLayout;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.CompressedTokenizer;
import io.github.weighbridge.litert.file.DocumentArchive;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.litert.file.flat.Allowance;
import io.github.weighbridge.litert.file.proto.LlmMetadata;
import io.github.weighbridge.litert.tflite.Indices;
import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.TfliteModel;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.model.TensorGraph;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

import static io.github.weighbridge.fixtures.contract.CoveragePage.same;
import static org.assertj.core.api.Assertions.assertThat;

/// The tables on reading in FORMAT_COVERAGE.md, held against the code in both directions: what it does stands there, and what stands there it does.
class CoverageTest {
    /// What becomes of a constant of four rows of 64.
    private static String constant(TensorType type, int scales, boolean blocks) throws IOException {
        Optional<TfliteModel.Quantization> quantization = scales == 0 && !blocks ? Optional.empty()
                : Optional.of(new TfliteModel.Quantization(new TfliteModel.Numbers(0, scales), new TfliteModel.Numbers(0, scales),
                        OptionalDouble.empty(), 0, blocks ? new TfliteModel.Details.Blockwise(1, -1, 32) : new TfliteModel.Details.None()));
        int length = type.bits() == 0 ? 64 : (int) type.bytes(256);
        TfliteModel.Tensor tensor =
                new TfliteModel.Tensor("t", type.code(), Indices.of(4, 64), Indices.NONE, 1, 0, false, false, quantization);
        TfliteModel.Tensor halves =
                new TfliteModel.Tensor("s", TensorType.FLOAT16.code(), Indices.of(4, 2), Indices.NONE, 2, 0, false, false,
                        Optional.empty());
        TfliteModel model = new TfliteModel(4096, "", List.of(),
                List.of(TfliteModel.Buffer.NONE, new TfliteModel.Buffer(TfliteModel.Place.OUTSIDE, 0, length),
                        new TfliteModel.Buffer(TfliteModel.Place.OUTSIDE, 4000, 16)),
                List.of(new TfliteModel.Subgraph("", List.of(tensor, halves), Indices.NONE, Indices.NONE, List.of())), List.of(), List.of(),
                List.of());
        Constants constants = Constants.of(ByteSource.of("model", new byte[4096]), new Container.Part("", 0, 4096, Optional.empty()), model,
                new Allowance(Limits.DEFAULT));
        Constants.Constant found = constants.list().getFirst();
        return found.encoding().decoder().isPresent() ? found.encoding().name() : "weighed";
    }

    @Test
    void numberTypes() throws IOException {
        List<String> rows = new ArrayList<>();
        for (TensorType type : TensorType.values()) {
            rows.add("| " + type.code() + " | " + type + " | " + constant(type, 0, false) + " | " + constant(type, 4, false) + " | "
                    + constant(type, 1, false) + " | " + constant(type, 0, true) + " |");
        }
        same("### Constants of TFLite models, as read", rows);
    }

    private static byte[] payload(SectionKind kind) {
        return switch (kind.code()) {
            case 1 -> DocumentArchive.write(Map.of("config.json", new byte[] {'{', '}'}));
            case 3 -> MalformedLitert.model();
            case 5 -> LlmMetadata.newBuilder().setMaxNumTokens(7).build().toByteArray();
            case 6 -> CompressedTokenizer.write(new byte[] {'{', '}'});
            default -> new byte[] {1};
        };
    }

    private static String use(SectionKind kind) throws IOException {
        byte[] payload = payload(kind);
        List<BundleLayout.Planned> planned = new ArrayList<>();
        planned.add(new BundleLayout.Planned(kind, kind.equals(SectionKind.GENERIC) ? DocumentArchive.items() : List.of(), payload.length));
        if (kind.equals(SectionKind.TFLITE_WEIGHTS)) {
            planned.add(new BundleLayout.Planned(SectionKind.TFLITE_MODEL, List.of(), MalformedLitert.model().length));
        }
        BundleLayout layout = BundleLayout.of(0, List.of(BundleItem.of("Authors", "x")), planned, false);
        byte[] file = java.util.Arrays.copyOf(layout.prefix(), (int) layout.length());
        System.arraycopy(payload, 0, file, (int) layout.header().sections().getFirst().begin(), payload.length);
        Container container = Container.bundle(ByteSource.of("bundle", file), Limits.DEFAULT);
        if (!container.documents().isEmpty()) {
            return kind.equals(SectionKind.GENERIC) ? "documents, where its item `name` is `" + DocumentArchive.SECTION + "`"
                    : "document `" + container.documents().keySet().iterator().next() + "`";
        }
        if (container.metadata().isPresent()) {
            return "metadata and chat template";
        }
        if (container.models().stream().anyMatch(model -> model.weights().isPresent())) {
            return "constants of the model of the same `" + BundleSection.MODEL_TYPE + "`";
        }
        return container.models().isEmpty() ? "weighed" : "model";
    }

    @Test
    void sections() throws IOException {
        List<String> rows = new ArrayList<>();
        for (int code = 0; code <= 10; code++) {
            SectionKind kind = new SectionKind(code);
            rows.add("| " + (code == 10 ? "10 to 255" : code) + " | " + (code == 10 ? "" : kind.word() + " ") + "| " + use(kind) + " |");
        }
        same("### Sections of a bundle, as read", rows);
        assertThat(use(new SectionKind(255))).isEqualTo(use(new SectionKind(10)));
    }

    @Test
    void fieldsOfTheMetadata() throws IOException {
        Map<String, ByteSource> documents = new LinkedHashMap<>();
        documents.put("generation_config.json",
                ByteSource.of("g", ("{\"bos_token_id\": 2, \"eos_token_id\": 1, \"pad_token_id\": 0, \"top_k\": 5,"
                        + " \"suppress_tokens\": [3]}").getBytes(StandardCharsets.UTF_8)));
        documents.put("tokenizer_config.json", ByteSource.of("t", ("{\"chat_template\": \"x\", \"extra\": [\"<|turn>\", \"<turn|>\","
                + " \"<|channel>\", \"<channel|>\"]}").getBytes(StandardCharsets.UTF_8)));
        LlmMetadata metadata = LlmMetadataBuilder.of(new Checkpoint("x", Optional.empty(), List.of(),
                new Architecture("gemma4", "x", 1, 1, 1, List.of(), Value.Fields.EMPTY), new TensorGraph(List.of(), Map.of(), List.of()),
                new Documents(documents), List.of(), List.of()), 7, Limits.DEFAULT).metadata();
        List<String> rows = new ArrayList<>();
        for (FieldDescriptor field : LlmMetadata.getDescriptor().getFields()) {
            boolean filled = field.isRepeated() ? metadata.getRepeatedFieldCount(field) > 0 : metadata.getAllFields().containsKey(field);
            rows.add("| " + field.getNumber() + " | `" + field.getName() + "` | " + (filled ? "written" : "kept in copies") + " |");
        }
        same("### Fields of LlmMetadata", rows);
    }
}
