package io.github.weighbridge.family;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.TensorGraph;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class GraphBuilderTest {
    private static final List<CheckpointFile> FILES = List.of(new CheckpointFile("a", ByteSource.of("dir/a.safetensors", new byte[0])),
            new CheckpointFile("b", ByteSource.of("dir/b.safetensors", new byte[0])));

    private static StoredTensor tensor(String name, int file, long offset, Shape shape) {
        return new StoredTensor(name, shape, DenseEncoding.BF16, List.of(new Span(file, offset, 2 * shape.elements())));
    }

    /// All required tensors of an architecture, one behind the other.
    private static List<StoredTensor> all(Dialect dialect, Architecture architecture, boolean dead) {
        List<StoredTensor> tensors = new ArrayList<>();
        long at = 64;
        for (TensorSpec spec : dialect.tensors(architecture)) {
            if (spec.presence() == TensorSpec.Presence.REQUIRED || dead && spec.presence() == TensorSpec.Presence.DEAD) {
                StoredTensor tensor = tensor(spec.name(), 0, at, spec.holding().shape());
                tensors.add(tensor);
                at += tensor.bytes();
            }
        }
        return tensors;
    }

    private static GraphBuilder.Result build(Value.Fields config, boolean passUnknown, boolean complete, List<StoredTensor> tensors)
            throws CheckpointFormatException {
        GraphBuilder builder = new GraphBuilder(FILES);
        tensors.forEach(builder::add);
        return builder.build(Gemma4Configs.huggingFace(), Gemma4Configs.architecture(config), "dir", passUnknown, complete);
    }

    private static List<StoredTensor> tiny() throws CheckpointFormatException {
        return all(Gemma4Configs.huggingFace(), Gemma4Configs.architecture(Gemma4Configs.tiny()), false);
    }

    private static List<StoredTensor> renamed(List<StoredTensor> tensors, Function<String, String> name) {
        return tensors.stream().map(t -> new StoredTensor(name.apply(t.name()), t.shape(), t.encoding(), t.planes())).toList();
    }

    private static <T> List<T> with(List<T> list, T more) {
        List<T> all = new ArrayList<>(list);
        all.add(more);
        return all;
    }

    /// The columns of a matrix may be tensors of their own, and a tensor may repeat another.
    @Test
    void partsAreOneWeightAndCopiesAreNone() throws CheckpointFormatException {
        String whole = "model.language_model.layers.3.self_attn.q_proj.weight";
        GraphBuilder builder = new GraphBuilder(FILES);
        for (StoredTensor tensor : tiny()) {
            if (tensor.name().equals(whole)) {
                StoredTensor left = tensor("left", 1, 1000, Shape.of(16, 4));
                StoredTensor right = tensor("right", 1, 2000, Shape.of(16, 4));
                builder.addParts(whole, View.concat(1, List.of(View.of(left), View.of(right))), List.of(left, right));
                StoredTensor scale = new StoredTensor("scale", Shape.SCALAR, DenseEncoding.F32, List.of(new Span(1, 5000, 4)));
                builder.addActivationScale(scale, whole, true);
                builder.addActivationScale(scale, "model.language_model.layers.3.self_attn.o_proj.weight", false);
            } else {
                builder.add(tensor);
            }
        }
        StoredTensor copy = tensor("copy", 1, 3000, Shape.of(3, 3));
        builder.addCopy(copy, new Identity(Role.OUTPUT_HEAD, Component.OUTPUT_HEAD, Identity.NO_LAYER));
        TensorGraph graph = builder.build(Gemma4Configs.huggingFace(), Gemma4Configs.architecture(Gemma4Configs.tiny()), "dir", false, true)
                .graph();
        Weight weight = graph.weight("text_decoder.3.attention_q").orElseThrow();
        assertThat(weight.view().shape()).isEqualTo(Shape.of(16, 8));
        assertThat(weight.stored()).extracting(StoredTensor::name).containsExactly("left", "right");
        assertThat(weight.inputScale()).isEqualTo(graph.stored("scale"));
        assertThat(graph.weight("text_decoder.3.attention_output").orElseThrow().outputScale()).isEqualTo(graph.stored("scale"));
        assertThat(graph.identity(graph.stored("right").orElseThrow()).role()).isEqualTo(Role.ATTENTION_Q);
        assertThat(graph.identity(copy).role()).isEqualTo(Role.OUTPUT_HEAD);
        assertThat(graph.weights()).noneMatch(one -> one.stored().contains(copy));
        assertThat(graph.stored()).hasSize(graph.weights().size() + 3);
    }

    @Test
    void everyTensorBecomesAWeightThatKnowsWhatItIs() throws CheckpointFormatException {
        GraphBuilder.Result result = build(Gemma4Configs.tiny(), false, true, tiny());
        TensorGraph graph = result.graph();
        assertThat(result.findings()).isEmpty();
        assertThat(graph.stored()).isEqualTo(graph.stored()).hasSameSizeAs(graph.weights());
        StoredTensor q = graph.stored("model.language_model.layers.3.self_attn.q_proj.weight").orElseThrow();
        assertThat(q.shape()).isEqualTo(Shape.of(16, 8));
        assertThat(graph.identity(q)).isEqualTo(new Identity(Role.ATTENTION_Q, Component.TEXT_DECODER, 3));
        Weight weight = graph.weight("text_decoder.3.attention_q").orElseThrow();
        assertThat(weight.view()).isEqualTo(View.of(q));
        assertThat(weight.stored()).containsExactly(q);
        assertThat(weight.inputScale()).isEmpty();
        assertThat(graph.weight("token_embedding")).isPresent();
        assertThat(graph.weight("per_layer_embedding")).isPresent();
        assertThat(graph.weight("text_decoder.3.attention_k")).as("shared").isEmpty();
    }

    @Test
    void namesWithOtherPrefixesMeanTheSame() throws CheckpointFormatException {
        List<String> keys = build(Gemma4Configs.tiny(), false, true, tiny()).graph().weights().stream().map(Weight::key).toList();
        for (String prefix : List.of("model.", "language_model.model.")) {
            List<StoredTensor> tensors = renamed(tiny(), name -> name.replace("model.language_model.", prefix));
            assertThat(build(Gemma4Configs.tiny(), false, true, tensors).graph().weights()).extracting(Weight::key).isEqualTo(keys);
        }
    }

    @Test
    void anUnknownTensorIsRefusedWhereItStands() throws CheckpointFormatException {
        List<StoredTensor> tensors = with(tiny(), tensor("model.language_model.layers.4.layer_scalar", 1, 1234, Shape.of(1)));
        assertThatThrownBy(() -> build(Gemma4Configs.tiny(), false, true, tensors)).isInstanceOf(CheckpointFormatException.class)
                .hasMessage(
                        "dir/b.safetensors: at byte 1234: tensor \"model.language_model.layers.4.layer_scalar\": found a name that no rule of unnamed"
                                + " (gemma4) knows, expected a tensor of that architecture, or the option to pass unknown tensors through");
    }

    @Test
    void unknownTensorsMayBePassedThrough() throws CheckpointFormatException {
        List<StoredTensor> tensors = tiny();
        for (int i = 0; i < 6; i++) {
            tensors = with(tensors, tensor("extra." + i, 1, 8L * i, Shape.of(2, 2)));
        }
        GraphBuilder.Result result = build(Gemma4Configs.tiny(), true, true, tensors);
        assertThat(result.findings()).singleElement().isEqualTo(new Finding("unknown-tensors", Finding.Severity.WARNING,
                "6 tensors are not known to gemma4 and were passed through: extra.0, extra.1, extra.2, extra.3, extra.4",
                List.of("extra.0", "extra.1", "extra.2", "extra.3", "extra.4", "extra.5")));
        Weight extra = result.graph().weight("extra.0").orElseThrow();
        assertThat(extra.identity()).isEqualTo(Identity.NONE);
        assertThat(result.graph().identity(extra.stored().getFirst())).isEqualTo(Identity.NONE);
    }

    @Test
    void anUnknownTensorNamedLikeAWeightOfTheFamilyIsRefused() throws CheckpointFormatException {
        List<StoredTensor> last = with(tiny(), tensor("text_decoder.0.attention_q", 1, 8, Shape.of(2)));
        List<StoredTensor> first = new ArrayList<>(List.of(last.getLast()));
        first.addAll(tiny());
        for (List<StoredTensor> tensors : List.of(first, last)) {
            assertThatThrownBy(() -> build(Gemma4Configs.tiny(), true, true, tensors)).isInstanceOf(CheckpointFormatException.class)
                    .hasMessageStartingWith("dir/b.safetensors: at byte 8: tensor \"text_decoder.0.attention_q\": found ");
        }
    }

    @Test
    void twoUnknownTensorsOfOneNameAreRefused() throws CheckpointFormatException {
        List<StoredTensor> tensors = with(with(tiny(), tensor("extra", 0, 8, Shape.of(2))), tensor("extra", 1, 16, Shape.of(2)));
        assertThatThrownBy(() -> build(Gemma4Configs.tiny(), true, true, tensors)).isInstanceOf(CheckpointFormatException.class)
                .hasMessageStartingWith("dir/b.safetensors: at byte 16: tensor \"extra\": found ");
    }

    @Test
    void twoTensorsOfOneNameAreRefusedWithoutAFamilyToo() {
        GraphBuilder builder = new GraphBuilder(FILES);
        builder.add(tensor("extra", 0, 8, Shape.of(2)));
        builder.add(tensor("extra", 1, 16, Shape.of(2)));
        assertThatThrownBy(builder::withoutFamily).isInstanceOf(CheckpointFormatException.class)
                .hasMessageStartingWith("dir/b.safetensors: at byte 16: tensor \"extra\": found ");
    }

    @Test
    void aMissingTensorIsNamedWithItsShape() throws CheckpointFormatException {
        List<StoredTensor> tensors = tiny().stream().filter(t -> !t.name().endsWith("layers.2.mlp.down_proj.weight")).toList();
        assertThatThrownBy(() -> build(Gemma4Configs.tiny(), false, true, tensors)).isInstanceOf(CheckpointFormatException.class)
                .hasMessage(
                        "dir: tensor \"model.language_model.layers.2.mlp.down_proj.weight\": found nothing, expected a tensor of shape [8, 16], which"
                                + " unnamed (gemma4) needs");
        assertThat(build(Gemma4Configs.tiny(), false, false, tensors).graph().weights()).as("one shard of a set").hasSize(tensors.size());
    }

    @Test
    void aWrongShapeIsRefusedWhereTheTensorStands() throws CheckpointFormatException {
        for (Shape wrong : List.of(Shape.of(8, 16), Shape.of(16, 7), Shape.of(128), Shape.of(16, 8, 1), Shape.of(2, 8, 8), Shape.SCALAR,
                Shape.of(0, 8))) {
            List<StoredTensor> tensors = tiny().stream()
                    .map(t -> t.name().endsWith("layers.1.self_attn.q_proj.weight") ? tensor(t.name(), 1, 77, wrong) : t).toList();
            assertThatThrownBy(() -> build(Gemma4Configs.tiny(), false, true, tensors)).isInstanceOf(CheckpointFormatException.class)
                    .hasMessage("dir/b.safetensors: at byte 77: shape of tensor \"model.language_model.layers.1.self_attn.q_proj.weight\":"
                            + " found " + wrong + ", expected [16, 8] as the hyper-parameters demand");
        }
    }

    @Test
    void onesInFrontOfAShapeAreNoDifference() throws CheckpointFormatException {
        List<StoredTensor> tensors = tiny().stream().map(t -> t.name().endsWith("layer_scalar") ? tensor(t.name(), 0, 0, Shape.SCALAR)
                : t.name().endsWith("layers.1.self_attn.q_proj.weight") ? tensor(t.name(), 0, 0, Shape.of(1, 16, 8)) : t).toList();
        TensorGraph graph = build(Gemma4Configs.tiny(), false, true, tensors).graph();
        assertThat(graph.weight("text_decoder.1.attention_q").orElseThrow().view().shape()).isEqualTo(Shape.of(16, 8));
        assertThat(graph.weight("text_decoder.1.layer_scalar").orElseThrow().view().shape()).isEqualTo(Shape.of(1));
    }

    @Test
    void oneTensorUnderTwoNamesIsRefused() throws CheckpointFormatException {
        List<StoredTensor> tensors = with(tiny(), tensor("model.layers.0.layer_scalar", 1, 500, Shape.of(1)));
        assertThatThrownBy(() -> build(Gemma4Configs.tiny(), false, true, tensors)).isInstanceOf(CheckpointFormatException.class)
                .hasMessage(
                        "dir/b.safetensors: at byte 500: tensor \"model.layers.0.layer_scalar\": found a second tensor for"
                                + " model.language_model.layers.0.layer_scalar, expected one");
    }

    @Test
    void deadTensorsAreReportedAndNeedNotBeThere() throws CheckpointFormatException {
        List<StoredTensor> tensors = all(Gemma4Configs.huggingFace(), Gemma4Configs.architecture(Gemma4Configs.tiny()), true);
        GraphBuilder.Result result = build(Gemma4Configs.tiny(), false, true, tensors);
        assertThat(result.findings()).singleElement().satisfies(finding -> {
            assertThat(finding.code()).isEqualTo("dead-weights");
            assertThat(finding.severity()).isEqualTo(Finding.Severity.INFO);
            assertThat(finding.message())
                    .isEqualTo("6 tensors belong to layers that read another layer's key/value cache; no runtime uses them");
            assertThat(finding.tensors()).hasSize(6).allMatch(name -> name.matches(".*layers\\.[23]\\.self_attn\\.[kv]_.*"));
        });
        List<StoredTensor> some = tensors.stream().filter(t -> !t.name().matches(".*layers\\.[23]\\.self_attn\\.k_norm.*")).toList();
        assertThat(build(Gemma4Configs.tiny(), false, true, some).findings().getFirst().tensors()).hasSize(4);
    }

    @Test
    void expertsAreTakenApartIntoGateUpAndDown() throws CheckpointFormatException {
        Architecture architecture = Gemma4Configs.architecture(Gemma4Configs.tinyExperts());
        List<StoredTensor> tensors = all(Gemma4Configs.huggingFace(), architecture, false);
        TensorGraph graph = build(Gemma4Configs.tinyExperts(), false, true, tensors).graph();
        StoredTensor fused = graph.stored("model.language_model.layers.1.experts.gate_up_proj").orElseThrow();
        assertThat(fused.shape()).isEqualTo(Shape.of(3, 10, 8));
        assertThat(graph.identity(fused).role()).isEqualTo(Role.EXPERT_GATE_UP);
        for (int e = 0; e < 3; e++) {
            View expert = View.reshape(View.slice(View.of(fused), 0, e, e + 1), Shape.of(10, 8));
            Weight gate = graph.weight("text_decoder.1.expert_gate." + e).orElseThrow();
            Weight up = graph.weight("text_decoder.1.expert_up." + e).orElseThrow();
            Weight down = graph.weight("text_decoder.1.expert_down." + e).orElseThrow();
            assertThat(gate.identity()).isEqualTo(new Identity(Role.EXPERT_GATE, Component.TEXT_DECODER, 1));
            assertThat(up.identity()).isEqualTo(new Identity(Role.EXPERT_UP, Component.TEXT_DECODER, 1));
            assertThat(down.identity()).isEqualTo(new Identity(Role.EXPERT_DOWN, Component.TEXT_DECODER, 1));
            assertThat(gate.view()).isEqualTo(View.slice(expert, 0, 0, 5));
            assertThat(up.view()).isEqualTo(View.slice(expert, 0, 5, 10));
            assertThat(down.view().shape()).isEqualTo(Shape.of(8, 5));
        }
        assertThat(graph.weight("text_decoder.1.expert_gate.3")).isEmpty();
        assertThat(graph.weight("text_decoder.1.attention_v")).as("keys are values on full layers").isEmpty();
    }

    @Test
    void weightsAssembledInTheOtherDialectAreTheStoredTensorsThemselves() throws CheckpointFormatException {
        for (Value.Fields config : List.of(Gemma4Configs.tiny(), Gemma4Configs.tinyExperts(), Gemma4Configs.config("26B-A4B"),
                Gemma4Configs.config("E2B"))) {
            Architecture architecture = Gemma4Configs.architecture(config);
            TensorGraph graph = build(config, false, true, all(Gemma4Configs.huggingFace(), architecture, true)).graph();
            for (TensorSpec spec : Gemma4Configs.gguf().tensors(architecture)) {
                if (spec.presence() != TensorSpec.Presence.REQUIRED) {
                    continue;
                }
                View view = spec.holding().assemble(key -> graph.weight(key).orElseThrow().view());
                assertThat(view.shape()).as(spec.name()).isEqualTo(spec.holding().shape());
                if (!spec.holding().keys().isEmpty()) {
                    assertThat(view).as(spec.name()).isInstanceOf(View.Stored.class);
                }
            }
        }
    }

    @Test
    void scalesBelongToTheTensorTheyStandBeside() throws CheckpointFormatException {
        String q = "model.language_model.layers.1.self_attn.q_proj.weight";
        GraphBuilder builder = new GraphBuilder(FILES);
        tiny().forEach(builder::add);
        builder.addActivationScale(tensor("in", 1, 0, Shape.SCALAR), q, true);
        builder.addActivationScale(tensor("out", 1, 2, Shape.SCALAR), q, false);
        builder.addCacheScale(tensor("cache", 1, 4, Shape.SCALAR), q);
        TensorGraph graph = builder
                .build(Gemma4Configs.huggingFace(), Gemma4Configs.architecture(Gemma4Configs.tiny()), "dir", false, true).graph();
        Weight weight = graph.weight("text_decoder.1.attention_q").orElseThrow();
        assertThat(weight.inputScale().orElseThrow().name()).isEqualTo("in");
        assertThat(weight.outputScale().orElseThrow().name()).isEqualTo("out");
        assertThat(graph.identity(graph.stored("in").orElseThrow()))
                .isEqualTo(new Identity(Role.ACTIVATION_SCALE, Component.TEXT_DECODER, 1));
        assertThat(graph.identity(graph.stored("cache").orElseThrow())).isEqualTo(new Identity(Role.KV_SCALE, Component.TEXT_DECODER, 1));
        assertThat(graph.weights()).noneMatch(w -> List.of("in", "out", "cache").contains(w.key()));
    }

    @Test
    void withoutAFamilyEveryTensorIsAWeightOfItsOwn() throws CheckpointFormatException {
        GraphBuilder builder = new GraphBuilder(FILES);
        builder.add(tensor("x", 0, 0, Shape.of(2)));
        builder.addActivationScale(tensor("s", 0, 4, Shape.SCALAR), "x", true);
        GraphBuilder.Result result = builder.withoutFamily();
        assertThat(result.findings()).isEmpty();
        assertThat(result.graph().stored()).hasSize(2);
        assertThat(result.graph().weights()).singleElement().satisfies(weight -> {
            assertThat(weight.key()).isEqualTo("x");
            assertThat(weight.inputScale().orElseThrow().name()).isEqualTo("s");
        });
    }

    @Test
    void aGraphHasEachNameAndEachKeyOnce() {
        StoredTensor t = tensor("x", 0, 0, Shape.of(2));
        assertThatThrownBy(() -> new TensorGraph(List.of(t, t), Map.of(), List.of())).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("two tensors named x");
        Weight w = Weight.of("k", Identity.NONE, View.of(t), List.of(t));
        assertThatThrownBy(() -> new TensorGraph(List.of(t), Map.of(), List.of(w, w))).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("two weights with the key k");
    }

    @Test
    void everyTransformLeadsBackToTheStoredTensor() {
        Shape canonical = Shape.of(8, 3, 4);
        Holding.One one = new Holding.One("w", canonical, List.of(new Transform.Transpose(List.of(2, 0, 1)), new Transform.Add(1),
                new Transform.Reshape(Shape.of(4, 24)), new Transform.Swap(1, 2, 3, 4), new Transform.Softplus()));
        assertThat(one.shape()).isEqualTo(Shape.of(4, 24));
        View stored = View.of(tensor("t", 0, 0, one.shape()));
        List<View> weights = new ArrayList<>();
        one.split(stored, (_, view) -> weights.add(view));
        assertThat(weights.getFirst().shape()).isEqualTo(canonical);
        assertThat(one.assemble(_ -> weights.getFirst())).isSameAs(stored);
        View weight = View.of(tensor("w", 0, 0, canonical));
        one.split(one.assemble(_ -> weight), (key, view) -> assertThat(view).as(key).isSameAs(weight));
    }
}
