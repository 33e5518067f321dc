package io.github.weighbridge.family;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class Gemma4GgufTest {
    private static Value whole(List<Integer> numbers) {
        return new Value.Items(numbers.stream().map(n -> Value.of((long) n)).toList());
    }

    private static List<Integer> repeated(int times, int number) {
        return Collections.nCopies(times, number);
    }

    private static List<Integer> joined(List<Integer> one, List<Integer> other) {
        List<Integer> all = new ArrayList<>(one);
        all.addAll(other);
        return all;
    }

    private static Value slidingFlags(int layers, int every) {
        List<Value> flags = new ArrayList<>();
        for (int i = 1; i <= layers; i++) {
            flags.add(Value.of(i % every != 0));
        }
        return new Value.Items(flags);
    }

    private static void assertKeys(Value.Fields config, String prefix, Map<String, MetadataEntry> expected)
            throws CheckpointFormatException {
        List<MetadataEntry> entries = Gemma4Configs.gguf().metadata(Gemma4Configs.architecture(config));
        assertThat(entries).extracting(MetadataEntry::name).doesNotHaveDuplicates().allMatch(name -> name.startsWith(prefix));
        Map<String, MetadataEntry> found = new LinkedHashMap<>();
        entries.forEach(entry -> found.put(entry.name().substring(prefix.length()), entry));
        assertThat(found.keySet()).isEqualTo(expected.keySet());
        found.forEach((name, entry) -> {
            assertThat(entry.type()).as(name).isEqualTo(expected.get(name).type());
            assertThat(entry.value()).as(name).isEqualTo(expected.get(name).value());
        });
    }

    private static Map<String, MetadataEntry> keys(Object... namesTypesAndValues) {
        Map<String, MetadataEntry> keys = new LinkedHashMap<>();
        for (int i = 0; i < namesTypesAndValues.length; i += 3) {
            Object value = namesTypesAndValues[i + 2];
            keys.put((String) namesTypesAndValues[i],
                    new MetadataEntry((String) namesTypesAndValues[i], (MetadataEntry.Type) namesTypesAndValues[i + 1], switch (value) {
                        case Integer number -> Value.of(number);
                        case Double number -> Value.of(number);
                        case Value other -> other;
                        default -> throw new IllegalArgumentException(value.toString());
                    }));
        }
        return keys;
    }

    @Test
    void theKeysOfE2bAreThoseOfLlamaCppsConverter() throws CheckpointFormatException {
        assertKeys(Gemma4Configs.config("E2B"), "gemma4.",
                keys("block_count", MetadataEntry.Type.U32, 35, "context_length", MetadataEntry.Type.U32, 131_072,
                        "embedding_length", MetadataEntry.Type.U32, 1536, "feed_forward_length", MetadataEntry.Type.I32,
                        whole(joined(repeated(15, 6144), repeated(20, 12_288))),
                        "attention.head_count", MetadataEntry.Type.U32, 8, "attention.head_count_kv", MetadataEntry.Type.U32, 1,
                        "attention.layer_norm_rms_epsilon", MetadataEntry.Type.F32,
                        1e-6, "attention.key_length", MetadataEntry.Type.U32, 512, "attention.value_length", MetadataEntry.Type.U32, 512,
                        "attention.key_length_swa", MetadataEntry.Type.U32,
                        256, "attention.value_length_swa", MetadataEntry.Type.U32, 256, "attention.sliding_window", MetadataEntry.Type.U32,
                        512,
                        "attention.sliding_window_pattern", MetadataEntry.Type.BOOL, slidingFlags(35, 5), "attention.shared_kv_layers",
                        MetadataEntry.Type.U32, 20,
                        "embedding_length_per_layer_input", MetadataEntry.Type.U32, 256, "final_logit_softcapping", MetadataEntry.Type.F32,
                        30.0, "rope.freq_base", MetadataEntry.Type.F32,
                        1e6,
                        "rope.freq_base_swa", MetadataEntry.Type.F32, 1e4, "rope.dimension_count", MetadataEntry.Type.U32, 512,
                        "rope.dimension_count_swa", MetadataEntry.Type.U32, 256));
    }

    @Test
    void theKeysOf26bAreThoseOfLlamaCppsConverter() throws CheckpointFormatException {
        List<Integer> heads = new ArrayList<>();
        for (int group = 0; group < 5; group++) {
            heads.addAll(joined(repeated(5, 8), List.of(2)));
        }
        assertKeys(Gemma4Configs.config("26B-A4B"), "gemma4.",
                keys("block_count", MetadataEntry.Type.U32, 30, "context_length", MetadataEntry.Type.U32, 262_144,
                        "embedding_length", MetadataEntry.Type.U32, 2816, "feed_forward_length", MetadataEntry.Type.U32, 2112,
                        "attention.head_count", MetadataEntry.Type.U32, 16,
                        "attention.head_count_kv", MetadataEntry.Type.I32, whole(heads), "attention.layer_norm_rms_epsilon",
                        MetadataEntry.Type.F32, 1e-6,
                        "attention.key_length", MetadataEntry.Type.U32, 512, "attention.value_length", MetadataEntry.Type.U32, 512,
                        "attention.key_length_swa", MetadataEntry.Type.U32, 256,
                        "attention.value_length_swa", MetadataEntry.Type.U32, 256, "attention.sliding_window", MetadataEntry.Type.U32, 1024,
                        "attention.sliding_window_pattern", MetadataEntry.Type.BOOL, slidingFlags(30, 6), "attention.shared_kv_layers",
                        MetadataEntry.Type.U32, 0,
                        "embedding_length_per_layer_input", MetadataEntry.Type.U32, 0, "final_logit_softcapping", MetadataEntry.Type.F32,
                        30.0, "rope.freq_base", MetadataEntry.Type.F32, 1e6,
                        "rope.freq_base_swa", MetadataEntry.Type.F32, 1e4, "rope.dimension_count", MetadataEntry.Type.U32, 512,
                        "rope.dimension_count_swa", MetadataEntry.Type.U32, 256,
                        "expert_count", MetadataEntry.Type.U32, 128, "expert_used_count", MetadataEntry.Type.U32, 8,
                        "expert_feed_forward_length", MetadataEntry.Type.U32, 704));
    }

    @Test
    void aDrafterSaysWhoseWidthItGivesOut() throws CheckpointFormatException {
        Architecture drafter = Gemma4Configs.architecture(Gemma4Configs.assistant("31B"));
        Map<String, Value> found = new LinkedHashMap<>();
        Gemma4Configs.gguf().metadata(drafter).forEach(entry -> found.put(entry.name(), entry.value()));
        assertThat(found.keySet()).allMatch(name -> name.startsWith("gemma4-assistant."));
        assertThat(found).containsEntry("gemma4-assistant.embedding_length_out", Value.of(5376))
                .containsEntry("gemma4-assistant.nextn_predict_layers", Value.of(4))
                .containsEntry("gemma4-assistant.attention.shared_kv_layers", Value.of(4))
                .containsEntry("gemma4-assistant.attention.head_count_kv", whole(List.of(16, 16, 16, 4)))
                .doesNotContainKey("gemma4-assistant.final_logit_softcapping");
    }

    private static void assertRoundTrip(Value.Fields config) throws CheckpointFormatException {
        Architecture before = Gemma4Configs.architecture(config);
        Parameters keys = new Parameters("m.gguf", Gemma4Configs.ggufKeys(before));
        assertThat(Gemma4Configs.gguf().describes(keys)).isTrue();
        Architecture after = Gemma4Configs.gguf().architecture(keys, before.name());
        assertThat(after.layers()).isEqualTo(before.layers());
        assertThat(after.hiddenSize()).isEqualTo(before.hiddenSize());
        assertThat(after.vocabularySize()).isEqualTo(before.vocabularySize());
        assertThat(after.contextLength()).isEqualTo(before.contextLength());
        assertThat(Gemma4Configs.gguf().metadata(after)).isEqualTo(Gemma4Configs.gguf().metadata(before));
        assertThat(Gemma4Configs.gguf().tensors(after)).isEqualTo(Gemma4Configs.gguf().tensors(before));
    }

    @ParameterizedTest
    @ValueSource(strings = {"E2B", "E4B", "12B", "26B-A4B", "31B"})
    void anArchitectureSurvivesBeingWrittenAsGguf(String size) throws CheckpointFormatException {
        assertRoundTrip(Gemma4Configs.config(size));
        assertRoundTrip(Gemma4Configs.assistant(size));
    }

    @Test
    void smallArchitecturesSurviveToo() throws CheckpointFormatException {
        assertRoundTrip(Gemma4Configs.tiny());
        assertRoundTrip(Gemma4Configs.tiny().with("use_double_wide_mlp", Value.of(true)));
        assertRoundTrip(Gemma4Configs.tiny().with("final_logit_softcapping", Value.of(12.5)));
        assertRoundTrip(Gemma4Configs.tinyExperts());
    }

    @Test
    void keysUsedAsValuesSurviveWhereBothKindsOfLayersHaveEquallyManyHeads() throws CheckpointFormatException {
        assertRoundTrip(Gemma4Configs.tinyExperts().with("num_global_key_value_heads", Value.of(2)));
        assertRoundTrip(Gemma4Configs.tinyExperts().without("num_global_key_value_heads"));
    }

    private static void assertRefused(String message, String key, Value value) throws CheckpointFormatException {
        Value.Fields keys = Gemma4Configs.ggufKeys(Gemma4Configs.architecture(Gemma4Configs.tinyExperts()));
        Value.Fields changed = value instanceof Value.Nothing ? keys.without("gemma4." + key) : keys.with("gemma4." + key, value);
        assertThatThrownBy(() -> Gemma4Configs.gguf().architecture(new Parameters("m.gguf", changed), "x"))
                .isInstanceOf(CheckpointFormatException.class).hasMessage("m.gguf: gemma4." + key + ": found " + message);
    }

    @Test
    void impossibleKeysAreRefusedByName() throws CheckpointFormatException {
        Value missing = new Value.Nothing();
        assertRefused("nothing, expected a whole number from 1 to 512", "block_count", missing);
        assertRefused("513, expected a whole number from 1 to 512", "block_count", Value.of(513));
        assertRefused("nothing, expected a list of 2 flags", "attention.sliding_window_pattern", missing);
        assertRefused("a list of 3, expected one flag for each of the 2 layers", "attention.sliding_window_pattern", slidingFlags(3, 2));
        assertRefused("\"x\", expected a list", "attention.sliding_window_pattern", Value.of("x"));
        assertRefused("a list of 1, expected one number for each of the 2 layers", "attention.head_count_kv", whole(List.of(1)));
        assertRefused("\"two\", expected a whole number from 1 to 1048576", "attention.head_count_kv", Value.of("two"));
        assertRefused("a list of 3, expected one width for each of the 2 layers", "feed_forward_length", whole(List.of(16, 16, 16)));
        assertRefused("17 for layer 1, expected 16, or twice that in layers that share a cache", "feed_forward_length",
                whole(List.of(16, 17)));
        assertRefused("4, expected a whole number from 1 to 3", "expert_used_count", Value.of(4));
        assertRefused("nothing, expected a number", "attention.layer_norm_rms_epsilon", missing);
    }

    @Test
    void layersOfOneKindMustHaveEquallyManyHeads() throws CheckpointFormatException {
        Value.Fields keys = Gemma4Configs.ggufKeys(Gemma4Configs.architecture(Gemma4Configs.config("26B-A4B")));
        List<Value> heads = new ArrayList<>(keys.list("gemma4.attention.head_count_kv").orElseThrow());
        heads.set(7, Value.of(4));
        assertThatThrownBy(() -> Gemma4Configs.gguf().architecture(
                new Parameters("m.gguf", keys.with("gemma4.attention.head_count_kv", new Value.Items(heads))), "x"))
                .isInstanceOf(CheckpointFormatException.class)
                .hasMessage("m.gguf: gemma4.attention.head_count_kv: found 4 for layer 7, expected 8 as for the layers before");
    }

    @Test
    void aPatternOfNumbersIsAPatternOfFlagsAndTextIsNone() throws CheckpointFormatException {
        Value.Fields keys = Gemma4Configs.ggufKeys(Gemma4Configs.architecture(Gemma4Configs.tinyExperts()));
        Architecture expected = Gemma4Configs.gguf().architecture(new Parameters("m", keys), "x");
        assertThat(Gemma4Configs.gguf().architecture(
                new Parameters("m", keys.with("gemma4.attention.sliding_window_pattern", whole(List.of(1, 0)))), "x").layers())
                .isEqualTo(expected.layers());
        assertThatThrownBy(() -> Gemma4Configs.gguf().architecture(
                new Parameters("m", keys.with("gemma4.attention.sliding_window_pattern", Value.ofTexts(List.of("yes", "no")))), "x"))
                .isInstanceOf(CheckpointFormatException.class);
    }
}
