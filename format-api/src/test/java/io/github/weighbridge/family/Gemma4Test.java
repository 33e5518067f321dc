package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.view.View;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

class Gemma4Test {
    private static Architecture released(String size) throws CheckpointFormatException {
        return Gemma4Configs.architecture(Gemma4Configs.config(size));
    }

    private static List<TensorSpec> tensors(Architecture architecture) {
        return Gemma4Configs.huggingFace().tensors(architecture);
    }

    /// Clip bounds, standardisation and layer scalars are buffers: stored, and not counted as parameters.
    private static boolean isBuffer(TensorSpec spec) {
        return spec.identity().role().equals(Role.LAYER_SCALAR) || spec.name().matches(".*(input|output)_(min|max)|.*\\.std_(bias|scale)")
                || spec.name().endsWith("token_ordering");
    }

    private static boolean isHead(TensorSpec spec) {
        return spec.identity().role().equals(Role.OUTPUT_HEAD);
    }

    private static long sum(Architecture architecture, Predicate<TensorSpec> which) {
        return tensors(architecture).stream().filter(which).mapToLong(spec -> spec.holding().shape().elements()).sum();
    }

    private static long parameters(String size, Predicate<TensorSpec> which) throws CheckpointFormatException {
        return sum(released(size),
                which.and(spec -> spec.presence() != TensorSpec.Presence.DEAD && !isBuffer(spec) && !isHead(spec)));
    }

    private static Predicate<TensorSpec> in(Component component) {
        return spec -> spec.identity().component().equals(component);
    }

    private static Predicate<TensorSpec> text(Role... roles) {
        return in(Component.TEXT_DECODER).and(spec -> Set.of(roles).contains(spec.identity().role()));
    }

    @ParameterizedTest
    @CsvSource({"E2B,2011,1951", "E4B,2130,2076", "12B,677,677", "26B-A4B,1013,1013", "31B,1188,1188"})
    void releasedCheckpointsHaveThisManyTensorsWithAndWithoutDeadOnes(String size, long with, long without)
            throws CheckpointFormatException {
        List<TensorSpec> specs = tensors(released(size)).stream().filter(spec -> !isHead(spec)).toList();
        assertThat(specs).hasSize((int) with);
        assertThat(specs).filteredOn(spec -> spec.presence() != TensorSpec.Presence.DEAD).hasSize((int) without);
    }

    @ParameterizedTest
    @CsvSource({"E2B,402653184,2348810240,13762560,27525120", "E4B,671088640,2818572288,27525120,55050240", "12B,1006632960,0,0,0",
        "26B-A4B,738197504,0,0,0", "31B,1409286144,0,0,0"})
    void embeddingsHaveThisManyParameters(String size, long tokens, long perLayer, long modelProjection, long gates)
            throws CheckpointFormatException {
        assertThat(parameters(size, in(Component.TOKEN_EMBEDDING))).isEqualTo(tokens);
        assertThat(parameters(size, in(Component.PER_LAYER_EMBEDDING))).isEqualTo(perLayer);
        assertThat(parameters(size, text(Role.PER_LAYER_MODEL_PROJECTION))).isEqualTo(modelProjection);
        assertThat(parameters(size, text(Role.PER_LAYER_GATE, Role.PER_LAYER_PROJECTION))).isEqualTo(gates);
    }

    @ParameterizedTest
    @CsvSource({"E2B,278396928,1557135360,285952", "E4B,587202560,3303014400,560128", "12B,2406481920,8493465600,769792",
        "26B-A4B,1110179840,535265280,612096", "31B,8477736960,20808990720,1331456"})
    void theDecoderHasThisManyParameters(String size, long attention, long feedForward, long norms) throws CheckpointFormatException {
        assertThat(parameters(size, text(Role.ATTENTION_Q, Role.ATTENTION_K, Role.ATTENTION_V, Role.ATTENTION_OUTPUT)))
                .isEqualTo(attention);
        assertThat(parameters(size, text(Role.FFN_GATE, Role.FFN_UP, Role.FFN_DOWN))).isEqualTo(feedForward);
        assertThat(parameters(size, in(Component.TEXT_DECODER).and(spec -> spec.identity().role().word().endsWith("norm"))))
                .isEqualTo(norms);
    }

    @Test
    void expertsAndTheirRouterHaveThisManyParameters() throws CheckpointFormatException {
        assertThat(parameters("26B-A4B", text(Role.EXPERT_GATE_UP, Role.EXPERT_DOWN))).isEqualTo(22_837_985_280L);
        assertThat(parameters("26B-A4B", text(Role.ROUTER, Role.ROUTER_SCALE, Role.EXPERT_SCALE))).isEqualTo(10_901_760);
        assertThat(parameters("31B", text(Role.EXPERT_GATE_UP, Role.EXPERT_DOWN, Role.ROUTER))).isZero();
    }

    @ParameterizedTest
    @CsvSource({"E2B,4628569344,168544256,307183904,5104297504", "E4B,7463013376,169330688,308756768,7941100832",
        "12B,11907350272,49922304,2457600,11959730176", "26B-A4B,25233141760,572792112,0,25805933872",
        "31B,30697345280,575741232,0,31273086512"})
    void textVisionAndAudioHaveThisManyParameters(String size, long text, long vision, long audio, long total)
            throws CheckpointFormatException {
        Gemma4 family = new Gemma4();
        Predicate<TensorSpec> isVision = spec -> family.belongsTo("vision", spec.holding().keys().getFirst(), spec.identity());
        Predicate<TensorSpec> isAudio = spec -> family.belongsTo("audio", spec.holding().keys().getFirst(), spec.identity());
        assertThat(parameters(size, isVision)).isEqualTo(vision);
        assertThat(parameters(size, isAudio)).isEqualTo(audio);
        assertThat(parameters(size, isVision.or(isAudio).negate())).isEqualTo(text);
        assertThat(parameters(size, _ -> true)).isEqualTo(total);
    }

    @ParameterizedTest
    @CsvSource({"E2B,18880512,10246357958", "E4B,55055616,15992314836", "12B,0,23919460448", "26B-A4B,0,51611872412", "31B,0,62546177752"})
    void theReleaseInBf16HasThisManyBytes(String size, long dead, long bytes) throws CheckpointFormatException {
        assertThat(sum(released(size), spec -> spec.presence() == TensorSpec.Presence.DEAD)).isEqualTo(dead);
        assertThat(2 * sum(released(size), spec -> !isHead(spec))).isEqualTo(bytes);
    }

    @ParameterizedTest
    @CsvSource({"E2B,77731328,50", "E4B,78517760,50", "12B,422856960,48", "26B-A4B,419711232,48", "31B,469518592,48"})
    void draftersHaveThisManyParameters(String size, long parameters, int tensors) throws CheckpointFormatException {
        Architecture drafter = Gemma4Configs.architecture(Gemma4Configs.assistant(size));
        assertThat(sum(drafter, spec -> !isBuffer(spec))).isEqualTo(parameters);
        assertThat(tensors(drafter)).hasSize(tensors).allMatch(in(Component.DRAFTER));
        assertThat(sum(drafter, spec -> spec.name().endsWith("token_ordering"))).isEqualTo(tensors == 50 ? 262_144 : 0);
        assertThat(tensors(drafter)).noneMatch(spec -> spec.name().matches(".*[kv]_proj.*|.*k_norm.*"));
        assertThat(drafter.layers()).hasSize(4).allMatch(layer -> layer.cacheOwner() == Layer.NO_CACHE && !layer.ownsCache());
        assertThat(Gemma4Configs.gguf().tensors(drafter)).as("without centroids, with rope_freqs").hasSize(49);
    }

    @ParameterizedTest
    @CsvSource({"E2B,601,541", "E4B,720,666", "12B,667,667", "26B-A4B,658,658", "31B,833,833"})
    void ggufFilesHaveThisManyTensors(String size, int with, int without) throws CheckpointFormatException {
        List<TensorSpec> specs = Gemma4Configs.gguf().tensors(released(size)).stream().filter(spec -> !isHead(spec)).toList();
        assertThat(specs).hasSize(with);
        assertThat(specs).filteredOn(spec -> spec.presence() != TensorSpec.Presence.DEAD).hasSize(without);
    }

    @ParameterizedTest
    @CsvSource({"E2B,35,5,512,1,1", "E4B,42,6,512,2,2", "12B,48,6,1024,8,1", "26B-A4B,30,6,1024,8,2", "31B,60,6,1024,16,4"})
    void theLastLayerOfEachGroupIsFull(String size, int count, int every, long window, int slidingHeads, int fullHeads)
            throws CheckpointFormatException {
        List<Layer> layers = released(size).layers();
        assertThat(layers).hasSize(count);
        for (Layer layer : layers) {
            boolean full = (layer.index() + 1) % every == 0;
            assertThat(layer.attention()).isEqualTo(full ? Layer.Attention.FULL : Layer.Attention.SLIDING);
            assertThat(layer.window()).isEqualTo(full ? 0 : window);
            assertThat(layer.keyLength()).isEqualTo(full ? 512 : 256);
            assertThat(layer.valueLength()).isEqualTo(layer.keyLength());
            assertThat(layer.keyValueHeads()).isEqualTo(full ? fullHeads : slidingHeads);
        }
    }

    @ParameterizedTest
    @CsvSource({"E2B,15,13,14", "E4B,24,22,23", "12B,48,0,0", "26B-A4B,30,0,0", "31B,60,0,0"})
    void layersThatShareReadTheLastCacheOfTheirKind(String size, int firstShared, int sliding, int full) throws CheckpointFormatException {
        for (Layer layer : released(size).layers()) {
            int owner = layer.index() < firstShared ? layer.index() : layer.attention() == Layer.Attention.FULL ? full : sliding;
            assertThat(layer.cacheOwner()).as("layer %s", layer.index()).isEqualTo(owner);
            assertThat(layer.ownsCache()).isEqualTo(layer.index() < firstShared);
        }
    }

    @Test
    void onlyE2bDoublesTheWidthOfLayersThatShare() throws CheckpointFormatException {
        for (Layer layer : released("E2B").layers()) {
            assertThat(layer.feedForward()).isEqualTo(layer.index() < 15 ? 6144 : 12_288);
        }
        assertThat(released("E4B").layers()).allMatch(layer -> layer.feedForward() == 10_240);
        assertThat(released("E2B").layers().getLast().experts()).isZero();
        assertThat(released("26B-A4B").layers())
                .allMatch(layer -> layer.experts() == 128 && layer.expertsUsed() == 8 && layer.expertFeedForward() == 704);
    }

    @ParameterizedTest
    @ValueSource(strings = {"E2B", "E4B", "12B", "26B-A4B", "31B"})
    void releasedModelsAndTheirDraftersAreCalledByTheirNames(String size) throws CheckpointFormatException {
        assertThat(released(size).name()).isEqualTo("Gemma 4 " + size);
        assertThat(Gemma4Configs.architecture(Gemma4Configs.assistant(size)).name()).isEqualTo("Gemma 4 " + size + " assistant");
    }

    @Test
    void anotherSizeHasTheNameItCameWith() throws CheckpointFormatException {
        assertThat(Gemma4Configs.architecture(Gemma4Configs.tiny()).name()).isEqualTo("unnamed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"E2B", "E4B", "12B", "26B-A4B", "31B"})
    void namesAndKeysAreUniqueAndEqualInBothDialects(String size) throws CheckpointFormatException {
        for (Architecture architecture : List.of(released(size), Gemma4Configs.architecture(Gemma4Configs.assistant(size)))) {
            Map<String, List<String>> keys = new TreeMap<>();
            for (Dialect dialect : new Gemma4().dialects()) {
                Set<String> names = new HashSet<>();
                Set<String> weights = new HashSet<>();
                for (TensorSpec spec : dialect.tensors(architecture)) {
                    assertThat(names.add(spec.name())).as(spec.name()).isTrue();
                    spec.holding().keys().forEach(key -> assertThat(weights.add(key)).as(key).isTrue());
                }
                keys.put(dialect.name(), List.copyOf(new java.util.TreeSet<>(weights)));
            }
            assertThat(keys.get(Dialect.HUGGING_FACE)).containsAll(keys.get(Dialect.GGUF));
        }
    }

    @Test
    void theTextModelsParametersComeFirstAndThoseOfTheWholeStay() throws CheckpointFormatException {
        Architecture architecture = released("E2B");
        assertThat(architecture.family()).isEqualTo("gemma4");
        assertThat(architecture.hiddenSize()).isEqualTo(1536);
        assertThat(architecture.vocabularySize()).isEqualTo(262_144);
        assertThat(architecture.contextLength()).isEqualTo(131_072);
        assertThat(architecture.parameters().text("model_type")).contains("gemma4");
        assertThat(architecture.parameters().whole("image_token_id")).contains(258_880L);
        assertThat(architecture.parameters().fields()).doesNotContainKeys("text_config", "architectures", "quantization_config");
    }

    @Test
    void theWholeModelDecidesOnTying() throws CheckpointFormatException {
        Architecture untied = Gemma4Configs.architecture(Gemma4Configs.config("E2B").with("tie_word_embeddings", Value.of(false)));
        assertThat(tensors(untied)).filteredOn(Gemma4Test::isHead).singleElement()
                .matches(spec -> spec.presence() == TensorSpec.Presence.REQUIRED && spec.name().equals("lm_head.weight"));
        assertThat(tensors(released("E2B"))).filteredOn(Gemma4Test::isHead).singleElement()
                .matches(spec -> spec.presence() == TensorSpec.Presence.OPTIONAL);
    }

    @Test
    void aTextModelAloneNeedsNoWhole() throws CheckpointFormatException {
        Value.Fields text = Gemma4Configs.config("E4B").object("text_config").orElseThrow();
        Architecture alone = Gemma4Configs.architecture(text);
        assertThat(alone.layers()).isEqualTo(released("E4B").layers());
        assertThat(tensors(alone)).noneMatch(in(Component.VISION_ENCODER).or(in(Component.AUDIO_ENCODER)));
    }

    @Test
    void perLayerConfigurationsReplaceGlobalHeadSizes() throws CheckpointFormatException {
        Value.Fields old = Gemma4Configs.config("31B").object("text_config").orElseThrow();
        Value.Fields perLayer = Value.Fields.EMPTY;
        for (int i = 5; i < 60; i += 6) {
            perLayer = perLayer.with(Integer.toString(i), Gemma4Configs.object("num_key_value_heads", 4, "head_dim", 512));
        }
        Architecture modern = Gemma4Configs
                .architecture(old.without("num_global_key_value_heads").without("global_head_dim").with("per_layer_config", perLayer));
        assertThat(modern.layers()).isEqualTo(Gemma4Configs.architecture(old).layers());
    }

    @Test
    void globalKeyValueHeadsCountOnlyWhereKeysAreValues() throws CheckpointFormatException {
        Value.Fields text = Gemma4Configs.config("E2B").object("text_config").orElseThrow();
        assertThat(Gemma4Configs.architecture(text.with("num_global_key_value_heads", Value.of(7))).layers())
                .isEqualTo(Gemma4Configs.architecture(text).layers());
    }

    @Test
    void withoutATypeForEachLayerTheSixthAndTheLastAreFull() throws CheckpointFormatException {
        Value.Fields text = Gemma4Configs.tiny().without("layer_types").with("num_hidden_layers", Value.of(8)).with("num_kv_shared_layers",
                Value.of(0));
        assertThat(Gemma4Configs.architecture(text).layers()).extracting(layer -> layer.attention() == Layer.Attention.FULL)
                .containsExactly(false, false, false, false, false, true, false, true);
    }

    @Test
    void partsCanBeTakenOut() throws CheckpointFormatException {
        Gemma4 family = new Gemma4();
        Architecture whole = released("E2B");
        assertThat(family.parts()).containsExactlyInAnyOrder("vision", "audio", "ple", "mtp");
        for (String part : family.parts()) {
            List<String> expected = tensors(whole).stream()
                    .filter(spec -> spec.holding().keys().stream().noneMatch(key -> family.belongsTo(part, key, spec.identity())))
                    .map(TensorSpec::name).toList();
            assertThat(tensors(family.without(whole, part))).as(part).extracting(TensorSpec::name).isEqualTo(expected);
        }
        assertThat(family.belongsTo("something", "key", Identity.NONE)).isFalse();
    }

    @Test
    void rotationStopsAfterAQuarterOfTheHead() throws CheckpointFormatException {
        TensorSpec rope = Gemma4Configs.gguf().tensors(released("E2B")).getFirst();
        assertThat(rope.name()).isEqualTo("rope_freqs.weight");
        View.Constant constant = ((Holding.Made) rope.holding()).constant();
        assertThat(constant.shape()).isEqualTo(Shape.of(256));
        assertThat(constant.values().subList(0, 64)).containsOnly(1f);
        assertThat(constant.values().subList(64, 256)).containsOnly(1e30f);
    }

    @Test
    void theServiceLoaderFindsTheFamilyAndItsDialects() {
        assertThat(Families.installed().byName("gemma4")).isPresent();
        assertThat(Families.installed().byName("gemma5")).isEmpty();
        for (String type : List.of("gemma4", "gemma4_text", "gemma4_unified", "gemma4_unified_text", "gemma4_assistant",
                "gemma4_unified_assistant")) {
            assertThat(Families.installed().describing(Dialect.HUGGING_FACE,
                    new Parameters("c", Gemma4Configs.object("model_type", type)))).as(type).isPresent();
        }
        assertThat(Families.installed().describing(Dialect.HUGGING_FACE, new Parameters("c", Gemma4Configs.object("model_type", "bert"))))
                .isEmpty();
        assertThat(Families.installed().describing(Dialect.GGUF, new Parameters("c", Gemma4Configs.object("model_type", "gemma4"))))
                .isEmpty();
        for (String name : List.of("gemma4", "gemma4-assistant")) {
            assertThat(Families.installed().describing(Dialect.GGUF,
                    new Parameters("c", Gemma4Configs.object("general.architecture", name)))).isPresent();
        }
    }
}
