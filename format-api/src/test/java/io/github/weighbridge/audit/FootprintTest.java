package io.github.weighbridge.audit;

import io.github.weighbridge.audit.Audited.AuditedFile;
import io.github.weighbridge.audit.Audited.AuditedTensor;
import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.Gemma4Configs;
import io.github.weighbridge.family.TensorSpec;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.TensorGraph;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

class FootprintTest {
    private static final GridEncoding INT4 = new GridEncoding("int4/channel",
            new Grid(Grid.Levels.Range.ofBits(4), new Grid.Granularity.Row(), DenseType.F32, true, Grid.Zero.NONE),
            new Packing(4, true, 0));

    private final List<AuditedTensor> tensors = new ArrayList<>();
    private long at = 100;

    private void add(String name, Role role, Component component, int layer, Encoding encoding, long... dimensions) {
        Shape shape = Shape.of(dimensions);
        List<Span> spans = new ArrayList<>();
        for (int plane = 0; plane < encoding.planes().size(); plane++) {
            spans.add(new Span(0, at, encoding.planeBytes(plane, shape)));
            at += encoding.planeBytes(plane, shape);
        }
        tensors.add(new AuditedTensor(new StoredTensor(name, shape, encoding, spans), new Identity(role, component, layer)));
    }

    /// Two decoder layers of four, an embedding, a table, one encoder layer, and something unknown.
    private Audited sample(boolean planned) throws CheckpointFormatException {
        tensors.clear();
        at = 100;
        add("embd", Role.TOKEN_EMBEDDING, Component.TOKEN_EMBEDDING, Identity.NO_LAYER, DenseEncoding.BF16, 32, 8);
        add("ple", Role.PER_LAYER_EMBEDDING, Component.PER_LAYER_EMBEDDING, Identity.NO_LAYER, INT4, 32, 16);
        add("norm", Role.OUTPUT_NORM, Component.TEXT_DECODER, Identity.NO_LAYER, DenseEncoding.F32, 8);
        for (int layer = 0; layer < 2; layer++) {
            add("q" + layer, Role.ATTENTION_Q, Component.TEXT_DECODER, layer, INT4, 16, 8);
            add("o" + layer, Role.ATTENTION_OUTPUT, Component.TEXT_DECODER, layer, DenseEncoding.BF16, 8, 16);
            add("n" + layer, Role.ATTENTION_NORM, Component.TEXT_DECODER, layer, DenseEncoding.F32, 8);
            add("g" + layer, Role.FFN_GATE, Component.TEXT_DECODER, layer, INT4, 16, 8);
            add("e" + layer, Role.EXPERT_GATE_UP, Component.TEXT_DECODER, layer, INT4, 2, 8, 8);
            add("p" + layer, Role.PER_LAYER_GATE, Component.TEXT_DECODER, layer, DenseEncoding.BF16, 4, 8);
            add("s" + layer, Role.LAYER_SCALAR, Component.TEXT_DECODER, layer, DenseEncoding.F32, 1);
        }
        add("v", Role.ATTENTION_Q, Component.VISION_ENCODER, 0, DenseEncoding.F16, 3);
        add("x", Role.OTHER, new Component("memory_bank"), Identity.NO_LAYER, DenseEncoding.F16, 5);
        return new Audited("test", Optional.of("3"), List.of(new AuditedFile("a", at + 7), new AuditedFile("b", 11)),
                Gemma4Configs.architecture(Gemma4Configs.tiny()), tensors,
                List.of(Finding.warning("lost", "something is lost", List.of("x")), Finding.info("known", "good to know", List.of())),
                planned);
    }

    @Test
    void bytesOfTensorsAndOverheadAreTheLengthOfTheFiles() throws CheckpointFormatException {
        Audited audited = sample(false);
        Footprint footprint = Footprint.of(audited);
        assertThat(footprint.tensors()).isEqualTo(tensors.size());
        assertThat(footprint.tensorBytes()).isEqualTo(at - 100);
        assertThat(footprint.overheadBytes()).isEqualTo(100 + 7 + 11);
        assertThat(footprint.tensorBytes() + footprint.overheadBytes()).isEqualTo(audited.bytes());
        assertThat(footprint.parameters()).isEqualTo(tensors.stream().mapToLong(t -> t.tensor().shape().elements()).sum());
    }

    @Test
    void componentsStandInTheirOrderAndAddUp() throws CheckpointFormatException {
        Footprint footprint = Footprint.of(sample(false));
        assertThat(footprint.components()).extracting(share -> share.component().word()).containsExactly("text_decoder", "token_embedding",
                "per_layer_embedding", "vision_encoder", "memory_bank");
        assertThat(footprint.components().stream().mapToLong(Footprint.ComponentShare::bytes).sum()).isEqualTo(footprint.tensorBytes());
        assertThat(footprint.components().stream().mapToLong(Footprint.ComponentShare::parameters).sum()).isEqualTo(footprint.parameters());
        assertThat(footprint.components().getFirst().encodings()).containsExactly(
                new Footprint.EncodingShare("BF16", 4, 2 * (128 + 32), 4 * (128 + 32)),
                new Footprint.EncodingShare("F32", 5, 8 + 2 * 9, 4 * (8 + 2 * 9)),
                new Footprint.EncodingShare("int4/channel", 6, 6 * 128, 6 * (64 + 64)));
        assertThat(footprint.components().get(1).bitsPerWeight()).isEqualTo(16);
        assertThat(footprint.components().get(2).bitsPerWeight()).as("a scale of 32 bits for 16 codes").isEqualTo(6);
    }

    @Test
    void onlyTheTableOfPerLayerEmbeddingsNeedNotBeResident() throws CheckpointFormatException {
        Footprint footprint = Footprint.of(sample(false));
        assertThat(footprint.memory().streamableBytes()).isEqualTo(32 * 8 + 32 * 4);
        assertThat(footprint.memory().residentBytes()).isEqualTo(footprint.tensorBytes() - 32 * 12);
    }

    @Test
    void layersOfTheDecoderComeFirstAllOfThem() throws CheckpointFormatException {
        List<Footprint.LayerShare> layers = Footprint.of(sample(false)).layers();
        assertThat(layers).extracting(share -> share.component().word() + " " + share.layer()).containsExactly("text_decoder 0",
                "text_decoder 1", "text_decoder 2", "text_decoder 3", "vision_encoder 0");
        assertThat(layers).extracting(Footprint.LayerShare::attention).containsExactly(Optional.of(Layer.Attention.SLIDING),
                Optional.of(Layer.Attention.FULL), Optional.of(Layer.Attention.SLIDING), Optional.of(Layer.Attention.FULL),
                Optional.empty());
        Footprint.LayerShare first = layers.getFirst();
        assertThat(first.parameters()).isEqualTo(3 * 128 + 128 + 32 + 8 + 1);
        assertThat(first.bytes()).isEqualTo(3 * 128 + 256 + 64 + 32 + 4);
        assertThat(first.bits()).containsExactly(Map.entry("attention", (128 + 256) * 8 / 256.0), Map.entry("ffn", 8.0),
                Map.entry("experts", 8.0), Map.entry("per_layer", 16.0), Map.entry("norms", 32.0), Map.entry("other", 32.0));
        assertThat(layers.get(2).parameters()).isZero();
        assertThat(layers.get(2).bitsPerWeight()).isZero();
        assertThat(layers.get(2).bits()).isEmpty();
    }

    @Test
    void nothingWeighsNothing() {
        Footprint footprint = Footprint.of(new Audited("test", Optional.empty(), List.of(), Architecture.unknown("x", Value.Fields.EMPTY),
                List.of(), List.of(), false));
        assertThat(footprint.bitsPerWeight()).isZero();
        assertThat(footprint.components()).isEmpty();
        assertThat(footprint.layers()).isEmpty();
        assertThat(Footprint.bits(5, 0)).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"E2B", "31B"})
    void aReleasedModelWeighsWhatItsConfigurationSays(String size) throws CheckpointFormatException {
        Architecture architecture = Gemma4Configs.architecture(Gemma4Configs.config(size));
        for (TensorSpec spec : Gemma4Configs.huggingFace().tensors(architecture)) {
            if (!spec.identity().role().equals(Role.OUTPUT_HEAD)) {
                add(spec.name(), spec.identity().role(), spec.identity().component(), spec.identity().layer(), DenseEncoding.BF16,
                        spec.holding().shape().dimensions());
            }
        }
        Footprint footprint = Footprint.of(new Audited("safetensors", Optional.empty(), List.of(new AuditedFile("m", at)), architecture,
                tensors, List.of(), false));
        assertThat(footprint.tensorBytes()).isEqualTo(size.equals("E2B") ? 10_246_357_958L : 62_546_177_752L);
        assertThat(footprint.memory().streamableBytes()).isEqualTo(size.equals("E2B") ? 2 * 2_348_810_240L : 0);
        assertThat(footprint.bitsPerWeight()).isEqualTo(16);
        assertThat(footprint.layers()).filteredOn(share -> share.component().equals(Component.TEXT_DECODER))
                .hasSize(architecture.layers().size());
    }

    @Test
    void aDraftersLayersAreItsOwn() throws CheckpointFormatException {
        Architecture drafter = Gemma4Configs.architecture(Gemma4Configs.assistant("E2B"));
        add("q", Role.ATTENTION_Q, Component.DRAFTER, 3, DenseEncoding.BF16, 4);
        List<Footprint.LayerShare> layers = Footprint
                .of(new Audited("t", Optional.empty(), List.of(), drafter, tensors, List.of(), false)).layers();
        assertThat(layers).hasSize(4).allMatch(share -> share.component().equals(Component.DRAFTER));
        assertThat(layers.getLast().attention()).contains(Layer.Attention.FULL);
    }

    private static Value.Fields json(Value.Fields report) throws IOException {
        return Json.parseObject(ByteSource.of("report", Json.prettyBytes(report)), Limits.DEFAULT);
    }

    private static List<Value.Fields> objects(Value.Fields of, String name) {
        return of.list(name).orElseThrow().stream().map(Value.Fields.class::cast).toList();
    }

    @Test
    void theReportHasTheKeysOfItsSchema() throws IOException {
        Value.Fields report = json(AuditJson.report(sample(false), AuditOptions.DEFAULT));
        assertThat(report.fields().keySet()).containsExactly("schema", "source", "architecture", "totals", "overhead", "components",
                "layers",
                "tensors",
                "memory", "findings");
        assertThat(report.text("schema")).contains("weighbridge.inspect/1");
        Value.Fields source = report.object("source").orElseThrow();
        assertThat(source).isEqualTo(Gemma4Configs.object("format", "test", "format_version", "3", "files",
                List.of(Gemma4Configs.object("name", "a", "bytes", at + 7), Gemma4Configs.object("name", "b", "bytes", 11)), "bytes",
                at + 18));
        Value.Fields architecture = report.object("architecture").orElseThrow();
        assertThat(architecture.text("family")).contains("gemma4");
        assertThat(architecture.text("name")).contains("unnamed");
        assertThat(architecture.whole("layers")).contains(4L);
        assertThat(architecture.whole("hidden_size")).contains(8L);
        Value.Fields totals = report.object("totals").orElseThrow();
        assertThat(totals.fields().keySet()).containsExactly("tensors", "parameters", "tensor_bytes", "code_bytes", "overhead_bytes",
                "bits_per_weight");
        assertThat(totals.whole("tensor_bytes").orElseThrow() + totals.whole("overhead_bytes").orElseThrow()).isEqualTo(at + 18);
        assertThat(objects(report, "components").getFirst().fields().keySet()).containsExactly("component", "parameters", "bytes",
                "code_bytes", "bits_per_weight", "encodings");
        assertThat(objects(objects(report, "components").getFirst(), "encodings").getFirst())
                .isEqualTo(Gemma4Configs.object("encoding", "BF16", "tensors", 4, "parameters", 320, "bytes", 640));
        Value.Fields layer = objects(report, "layers").getFirst();
        assertThat(layer.fields().keySet()).containsExactly("component", "layer", "attention", "parameters", "bytes", "code_bytes",
                "dead_bytes", "bits_per_weight", "bits");
        assertThat(layer.text("attention")).contains("sliding");
        assertThat(layer.object("bits").orElseThrow().number("attention")).contains(12.0);
        Value.Fields tensor = objects(report, "tensors").get(1);
        assertThat(tensor).isEqualTo(Gemma4Configs.object("name", "ple", "role", "per_layer_embedding", "component", "per_layer_embedding",
                "shape", List.of(32, 16), "encoding", "int4/channel", "code_bits", 4, "bits_per_weight", 6.0, "bytes", 384, "file", 0,
                "offset", 100 + 512));
        assertThat(objects(report, "tensors").get(3).whole("layer")).contains(0L);
        assertThat(objects(report, "tensors")).hasSize(tensors.size());
        assertThat(objects(report, "findings")).containsExactly(
                Gemma4Configs.object("code", "lost", "severity", "warning", "message", "something is lost", "tensors", List.of("x")),
                Gemma4Configs.object("code", "known", "severity", "info", "message", "good to know"));
    }

    @Test
    void theMemoryOfAConversationIsListedForEachContextAndType() throws IOException {
        AuditOptions options = new AuditOptions(false, List.of(100L, 10L), List.of(KeyValueCache.Type.Q8_0, KeyValueCache.Type.F16));
        Value.Fields report = json(AuditJson.report(sample(false), options));
        assertThat(report.fields()).doesNotContainKey("tensors");
        Value.Fields memory = report.object("memory").orElseThrow();
        assertThat(memory.whole("streamable_bytes")).contains(384L);
        assertThat(memory.whole("resident_bytes")).contains(at - 100 - 384);
        // One sliding layer of 2 x 4 numbers in a window of 16, one full of 2 x 8.
        assertThat(objects(memory, "kv_cache")).filteredOn(cache -> cache.get("accounting").isEmpty()).containsExactly(
                Gemma4Configs.object("context", 100, "type", "q8_0", "bytes", (2 * 2 + 2 * 25) * 34),
                Gemma4Configs.object("context", 10, "type", "q8_0", "bytes", (2 * 2 + 2 * 3) * 34),
                Gemma4Configs.object("context", 100, "type", "f16", "bytes", 2 * (16 * 8 + 100 * 16)),
                Gemma4Configs.object("context", 10, "type", "f16", "bytes", 2 * (10 * 8 + 10 * 16)));
    }

    @Test
    void theUsualContextsEndWithTheModelsLongest() throws CheckpointFormatException {
        assertThat(AuditOptions.DEFAULT.contextsFor(Gemma4Configs.architecture(Gemma4Configs.config("E2B"))))
                .containsExactly(4096L, 32_768L, 131_072L);
        assertThat(AuditOptions.DEFAULT.contextsFor(Gemma4Configs.architecture(Gemma4Configs.config("31B"))))
                .containsExactly(4096L, 32_768L, 131_072L, 262_144L);
        assertThat(AuditOptions.DEFAULT.contextsFor(Gemma4Configs.architecture(Gemma4Configs.tiny()))).containsExactly(128L);
        assertThat(AuditOptions.DEFAULT.cacheTypesOrDefault()).containsExactly(KeyValueCache.Type.F16);
    }

    @Test
    void anUnknownArchitectureHasNoLayersAndNoCache() throws IOException {
        Value.Fields report = json(AuditJson.report(new Audited("t", Optional.empty(), List.of(),
                Architecture.unknown("x", Value.Fields.EMPTY), List.of(), List.of(), false), AuditOptions.DEFAULT));
        assertThat(report.object("architecture")).contains(Gemma4Configs.object("family", "unknown", "name", "x"));
        assertThat(report.object("memory").orElseThrow().list("kv_cache")).contains(List.of());
        assertThat(report.object("source").orElseThrow().fields()).doesNotContainKey("format_version");
    }

    @Test
    void aPlanAlwaysListsItsTensorsUnderItsOwnSchema() throws IOException {
        Value.Fields report = json(AuditJson.report(sample(true), new AuditOptions(false, List.of(), List.of())));
        assertThat(report.text("schema")).contains("weighbridge.plan/1");
        assertThat(objects(report, "tensors")).hasSize(tensors.size());
    }

    @ParameterizedTest
    @CsvSource({"1,40.0", "3,18.6667", "7,12.5714", "6,13.3333", "64,8.5", "100000,8.0003", "320000,8.0001", "640000,8.0", "1920000,8.0"})
    void bitsOfAWeightCountScalesAndHaveAtMostFourDecimals(long elements, double expected) throws IOException {
        GridEncoding int8 = new GridEncoding("int8",
                new Grid(Grid.Levels.Range.ofBits(8), new Grid.Granularity.Tensor(), DenseType.F32, true, Grid.Zero.NONE),
                new Packing(8, false, 0));
        add("t", Role.OTHER, Component.OTHER, Identity.NO_LAYER, int8, elements);
        Value.Fields report = json(AuditJson.report(new Audited("t", Optional.empty(), List.of(new AuditedFile("a", at)),
                Architecture.unknown("x", Value.Fields.EMPTY), tensors, List.of(), false), AuditOptions.DEFAULT));
        assertThat(report.object("totals").orElseThrow().number("bits_per_weight")).contains(expected);
        assertThat(objects(report, "components").getFirst().number("bits_per_weight")).contains(expected);
        assertThat(objects(report, "tensors").getFirst().number("bits_per_weight")).contains(expected);
    }

    @Test
    void aCheckpointAndThePlanOfItsCopyAreWeighedAlike() {
        StoredTensor stored = new StoredTensor("w", Shape.of(4, 8), DenseEncoding.BF16, List.of(new Span(0, 10, 64)));
        Identity identity = new Identity(Role.ATTENTION_Q, Component.TEXT_DECODER, 0);
        Architecture unknown = Architecture.unknown("x", Value.Fields.EMPTY);
        Checkpoint checkpoint = new Checkpoint("test", Optional.empty(),
                List.of(new Checkpoint.CheckpointFile("a", ByteSource.of("dir/a", new byte[74]))), unknown,
                new TensorGraph(List.of(stored), Map.of("w", identity), List.of()), Documents.NONE, List.of(), List.of());
        LayoutBuilder builder = new LayoutBuilder();
        builder.beginFile("a", true);
        builder.rendered(io.github.weighbridge.plan.Blob.of(new byte[10]));
        builder.tensor(new TargetTensor("w", identity, View.of(stored), List.of("w")), Choice.of(DenseEncoding.BF16, "keep"));
        builder.endFile();
        builder.beginFile("config.json", false);
        builder.rendered(io.github.weighbridge.plan.Blob.of(new byte[1000]));
        builder.endFile();
        ConversionPlan plan = new ConversionPlan("test", Optional.empty(), true, builder.files(), builder.jobs(), unknown,
                Map.of("w", identity), List.of());
        Audited now = Audited.of(checkpoint);
        Audited then = Audited.of(plan);
        assertThat(then.planned()).isTrue();
        assertThat(now.planned()).isFalse();
        assertThat(then.files()).isEqualTo(now.files()).containsExactly(new AuditedFile("a", 74));
        assertThat(then.tensors()).isEqualTo(now.tensors());
        assertThat(Footprint.of(then)).isEqualTo(Footprint.of(now));
    }
}
