package io.github.weighbridge.family;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class BadParametersTest {
    private static final List<Value> STRANGE = List.of(Value.of(-1), Value.of(0), Value.of(1), Value.of(3), Value.of(1L << 16),
            Value.of((1L << 20) - 1), Value.of(1L << 29), Value.of((1L << 31) - 1), Value.of(1L << 31), Value.of(1L << 32),
            Value.of(1L << 40),
            Value.of(Long.MAX_VALUE), Value.of(Long.MIN_VALUE), Value.of(1.5), Value.of(-1e300), Value.of(1e300), Value.of(Double.NaN),
            Value.of("1"), Value.of("full_attention"), Value.of(true), Value.of(false), new Value.Nothing(), Value.Fields.EMPTY,
            new Value.Items(List.of()), new Value.Items(List.of(Value.of(1), Value.of("x"))), Gemma4Configs.object("0", 1, "x", "y"));

    private static List<Value.Fields> good() {
        List<Value.Fields> configs = new ArrayList<>(List.of(Gemma4Configs.tiny(), Gemma4Configs.tinyExperts()));
        Value.Fields encoders = Gemma4Configs.object("model_type", "gemma4", "text_config", Gemma4Configs.tiny(), "vision_config",
                Gemma4Configs.config("E2B").object("vision_config").orElseThrow().with("num_hidden_layers", Value.of(1)), "audio_config",
                Gemma4Configs.config("E2B").object("audio_config").orElseThrow().with("num_hidden_layers", Value.of(1)));
        configs.add(encoders);
        configs.add(Gemma4Configs.object("model_type", "gemma4_unified", "text_config", Gemma4Configs.tiny(), "vision_config",
                Gemma4Configs.config("12B").object("vision_config").orElseThrow(), "audio_config",
                Gemma4Configs.config("12B").object("audio_config").orElseThrow()));
        configs.add(Gemma4Configs.assistant("E2B"));
        return configs;
    }

    /// Everything that is done with an architecture before a tensor is looked at.
    private static void use(Architecture architecture) {
        for (Dialect dialect : new Gemma4().dialects()) {
            dialect.tensors(architecture).forEach(spec -> assertThat(spec.holding().shape().elements()).isNotNegative());
            for (MetadataEntry entry : dialect.metadata(architecture)) {
                if (dialect.name().equals(Dialect.GGUF)) {
                    assertFits(entry, entry.value());
                }
            }
        }
    }

    private static void assertFits(MetadataEntry entry, Value value) {
        switch (value) {
            case Value.Whole(long number) -> {
                assertThat(number).as(entry.name())
                        .isLessThanOrEqualTo(entry.type() == MetadataEntry.Type.U32 ? 0xffffffffL : Integer.MAX_VALUE);
                assertThat(number).as(entry.name()).isGreaterThanOrEqualTo(entry.type() == MetadataEntry.Type.U32 ? 0 : Integer.MIN_VALUE);
            }
            case Value.Items(List<Value> items) -> items.forEach(item -> assertFits(entry, item));
            case Value.Text _, Value.Real _, Value.Flag _, Value.Nothing _, Value.Fields _ -> {
                // These have no range.
            }
        }
    }

    private static boolean isRefusedOrUsed(Value.Fields config) {
        try {
            use(Gemma4Configs.architecture(config));
            return false;
        } catch (CheckpointFormatException e) {
            assertThat(e.getMessage()).startsWith("config.json: ");
            return true;
        } catch (RuntimeException | OutOfMemoryError e) {
            throw new AssertionError("config " + config, e);
        }
    }

    @Test
    void anySingleStrangeValueIsRefusedOrCanBeUsed() {
        int refused = 0;
        for (Value.Fields config : good()) {
            assertThat(isRefusedOrUsed(config)).isFalse();
            for (String name : config.fields().keySet()) {
                for (Value strange : STRANGE) {
                    refused += isRefusedOrUsed(config.with(name, strange)) ? 1 : 0;
                }
                Value.Fields inner = config.object(name).orElse(Value.Fields.EMPTY);
                for (String innerName : inner.fields().keySet()) {
                    for (Value strange : STRANGE) {
                        refused += isRefusedOrUsed(config.with(name, inner.with(innerName, strange))) ? 1 : 0;
                    }
                }
            }
        }
        assertThat(refused).isGreaterThan(1000);
    }

    @Test
    void anyMixtureOfStrangeValuesIsRefusedOrCanBeUsed() {
        Random random = new Random(3);
        List<Value.Fields> good = good();
        List<Value> numbers = STRANGE.stream().filter(value -> value instanceof Value.Whole(long n) && n > 0).toList();
        for (int i = 0; i < 3000; i++) {
            Value.Fields config = good.get(random.nextInt(good.size()));
            for (int n = random.nextInt(1, 8); n > 0; n--) {
                List<String> names = List.copyOf(config.fields().keySet());
                String name = names.get(random.nextInt(names.size()));
                Value old = config.fields().get(name);
                Value strange = (random.nextInt(4) > 0 ? numbers : STRANGE).get(random.nextInt(random.nextInt(4) > 0 ? numbers.size() : 5));
                if (old instanceof Value.Fields inner && random.nextInt(20) > 0 && !inner.fields().isEmpty()) {
                    List<String> innerNames = List.copyOf(inner.fields().keySet());
                    config = config.with(name, inner.with(innerNames.get(random.nextInt(innerNames.size())), strange));
                } else if (old instanceof Value.Whole || random.nextInt(5) == 0) {
                    config = config.with(name, strange);
                }
            }
            isRefusedOrUsed(config);
        }
    }

    @Test
    void sizesThatFitOneByOneAndNotTogetherAreRefused() {
        Value huge = Value.of(1L << 29);
        for (Value.Fields config : List.of(
                Gemma4Configs.tiny().with("vocab_size", Value.of(1)).with("vocab_size_per_layer_input", huge)
                        .with("hidden_size_per_layer_input", huge).with("num_hidden_layers", Value.of(4096)).without("layer_types"),
                Gemma4Configs.tiny().with("hidden_size", huge).with("hidden_size_per_layer_input", huge).with("vocab_size", Value.of(1))
                        .with("num_hidden_layers", Value.of(4096)).without("layer_types"),
                Gemma4Configs.tiny().with("hidden_size", huge).with("num_attention_heads", Value.of(1 << 20)).with("head_dim",
                        Value.of(1 << 20)),
                Gemma4Configs.object("model_type", "gemma4_unified", "text_config", Gemma4Configs.tiny(), "vision_config",
                        Gemma4Configs.object("patch_size", 4096, "pooling_kernel_size", 4096, "mm_embed_dim", 1 << 24)),
                Gemma4Configs.tiny().with("max_position_embeddings", Value.of(1L << 31)).with("num_key_value_heads", Value.of(1 << 20))
                        .with("head_dim", Value.of(1 << 20)),
                Gemma4Configs.assistant("E2B").with("backbone_hidden_size", huge).with("text_config",
                        Gemma4Configs.assistant("E2B").object("text_config").orElseThrow().with("hidden_size", huge).with("head_dim",
                                Value.of(1 << 20)).with("num_attention_heads", Value.of(1 << 20))),
                Gemma4Configs.tiny().with("num_experts", Value.of(1 << 16)).with("top_k_experts", Value.of(1))
                        .with("moe_intermediate_size", huge).with("hidden_size", huge))) {
            assertThat(isRefusedOrUsed(config)).as(config.toString()).isTrue();
        }
    }

    @Test
    void encodersWithoutNumbersOrWithMoreHeadsThanNumbersAreRefused() {
        for (Map.Entry<String, Value.Fields> bad : Map.of("num_attention_heads", Gemma4Configs.object("hidden_size", 8,
                "num_attention_heads", 12), "hidden_size", Gemma4Configs.object("hidden_size", 0), "default_output_length",
                Gemma4Configs.object("default_output_length", 0), "pooling_kernel_size", Gemma4Configs.object("pooling_kernel_size", -3))
                .entrySet()) {
            Value.Fields config = Gemma4Configs.object("model_type", "gemma4", "text_config", Gemma4Configs.tiny(), "vision_config",
                    bad.getValue());
            assertThatThrownBy(() -> Gemma4Configs.architecture(config)).isInstanceOf(CheckpointFormatException.class)
                    .hasMessageContaining(bad.getKey());
        }
    }

    @Test
    void moreExpertsThanAnyCheckpointHasTensorsAreRefusedBeforeTheyAreListed() {
        Value.Fields config = Gemma4Configs.tinyExperts().with("num_hidden_layers", Value.of(4096)).without("layer_types")
                .with("num_experts", Value.of(1 << 16));
        assertThatThrownBy(() -> Gemma4Configs.architecture(config)).isInstanceOf(CheckpointFormatException.class)
                .hasMessageContaining("num_experts");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"hidden_size|-5|-5, expected a whole number from 1 to 2147483648",
        "hidden_size|x|\"x\", expected a whole number from 1 to 2147483648",
        "num_hidden_layers|0|0, expected a whole number from 1 to 4096",
        "num_hidden_layers|4097|4097, expected a whole number from 1 to 4096",
        "num_attention_heads|0|0, expected a whole number from 1 to 1048576",
        "tie_word_embeddings|3|3, expected true or false", "num_kv_shared_layers|5|5, expected a whole number from 0 to 4",
        "rope_parameters|3|3, expected an object", "per_layer_config|3|3, expected a list or an object"})
    void theMessageNamesFileParameterAndRange(String name, String value, String message) {
        Value bad = value.matches("-?\\d+") ? Value.of(Long.parseLong(value)) : Value.of(value);
        String range = message.replace("2147483648", Long.toString(Parameters.MAXIMUM));
        assertThatThrownBy(() -> Gemma4Configs.architecture(Gemma4Configs.tiny().with(name, bad)))
                .isInstanceOf(CheckpointFormatException.class).hasMessage("config.json: " + name + ": found " + range);
    }

    @Test
    void theRotatedPartOfAHeadIsAPart() throws CheckpointFormatException {
        for (double part : new double[] {-0.5, 1.5, 1e300, Double.NaN}) {
            assertThatThrownBy(() -> Gemma4Configs.architecture(
                    Gemma4Configs.tiny().with("rope_parameters", Gemma4Configs.object("partial_rotary_factor", part))))
                    .isInstanceOf(CheckpointFormatException.class)
                    .hasMessage("config.json: rope_parameters.partial_rotary_factor: found " + part + ", expected a part, from 0 to 1");
        }
        use(Gemma4Configs.architecture(Gemma4Configs.tiny().with("rope_parameters", Gemma4Configs.object("partial_rotary_factor", 0.5))));
    }

    @Test
    void whatMustBeThereIsMissed() {
        for (String name : List.of("hidden_size", "vocab_size", "num_hidden_layers", "intermediate_size")) {
            assertThatThrownBy(() -> Gemma4Configs.architecture(Gemma4Configs.tiny().without(name)))
                    .isInstanceOf(CheckpointFormatException.class)
                    .hasMessageStartingWith("config.json: " + name + ": found nothing, expected");
        }
    }

    @Test
    void layerTypesMustBeOneKnownWordForEachLayer() {
        Value.Fields whole = Gemma4Configs.config("E2B");
        Value.Fields text = whole.object("text_config").orElseThrow();
        assertThatThrownBy(() -> Gemma4Configs
                .architecture(whole.with("text_config", text.with("layer_types", Value.ofTexts(Gemma4Configs.pattern(34, 5))))))
                .isInstanceOf(CheckpointFormatException.class).hasMessage(
                        "config.json: text_config.layer_types: found a list of 34, expected one entry for each of the 35 layers");
        assertThatThrownBy(() -> Gemma4Configs.architecture(
                Gemma4Configs.tiny().with("layer_types", Value.ofTexts(List.of("full_attention", "linear", "full_attention", "x")))))
                .isInstanceOf(CheckpointFormatException.class).hasMessage(
                        "config.json: layer_types: found \"linear\", expected \"full_attention\" or \"sliding_attention\"");
    }

    @Test
    void aSharedLayerNeedsALayerOfItsKindToReadFrom() {
        assertThatThrownBy(() -> Gemma4Configs.architecture(Gemma4Configs.tiny().with("num_kv_shared_layers", Value.of(3))))
                .isInstanceOf(CheckpointFormatException.class).hasMessage(
                        "config.json: num_kv_shared_layers: found 3, expected a full layer before layer 1 whose cache layer 1 can read");
    }

    @Test
    void expertsNeedAWidthAndNoMoreUsedThanThereAre() {
        for (Value.Fields config : List.of(Gemma4Configs.tinyExperts().without("moe_intermediate_size"),
                Gemma4Configs.tinyExperts().without("top_k_experts"), Gemma4Configs.tinyExperts().with("top_k_experts", Value.of(4)))) {
            assertThatThrownBy(() -> Gemma4Configs.architecture(config)).isInstanceOf(CheckpointFormatException.class)
                    .hasMessageStartingWith("config.json: num_experts: found 3 experts of width");
        }
    }

    @Test
    void parametersAreReadWithTheirRange() throws CheckpointFormatException {
        Parameters p = new Parameters("f", Gemma4Configs.object("n", 5, "t", "x", "b", true, "o", Value.Fields.EMPTY, "l", List.of(1), "r",
                2.5));
        assertThat(p.whole("n", 5, 5)).isEqualTo(5);
        assertThat(p.whole("m", 1, 2, 9)).isEqualTo(9);
        assertThat(p.number("r")).isEqualTo(2.5);
        assertThat(p.number("n")).isEqualTo(5);
        assertThat(p.flag("b", false)).isTrue();
        assertThat(p.flag("m", true)).isTrue();
        assertThat(p.object("o")).isPresent();
        assertThat(p.object("m")).isEmpty();
        assertThat(p.list("l")).contains(List.of(Value.of(1)));
        assertThatThrownBy(() -> p.whole("n", 6, 7)).hasMessage("f: n: found 5, expected a whole number from 6 to 7");
        assertThatThrownBy(() -> p.whole("r", 1, 7)).hasMessage("f: r: found 2.5, expected a whole number from 1 to 7");
        assertThatThrownBy(() -> p.number("t")).hasMessage("f: t: found \"x\", expected a number");
        assertThatThrownBy(() -> p.number("m")).hasMessage("f: m: found nothing, expected a number");
        assertThatThrownBy(() -> p.flag("o", true)).hasMessage("f: o: found an object, expected true or false");
        assertThatThrownBy(() -> p.object("l")).hasMessage("f: l: found a list of 1, expected an object");
        assertThatThrownBy(() -> p.list("b")).hasMessage("f: b: found true, expected a list");
        assertThat(Parameters.describe(new Value.Nothing())).isEqualTo("null");
    }
}
