package io.github.weighbridge.audit;

import io.github.weighbridge.family.Gemma4Configs;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Layer;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class KeyValueCacheTest {
    private static final List<Long> CONTEXTS = List.of(4096L, 32_768L, 131_072L, 262_144L);

    private static Architecture released(String size) throws CheckpointFormatException {
        return Gemma4Configs.architecture(Gemma4Configs.config(size));
    }

    @ParameterizedTest
    @CsvSource({"E2B,3,12,3072,6144,512", "E4B,4,20,8192,20480,512", "12B,8,40,8192,163840,1024", "26B-A4B,5,25,10240,102400,1024",
        "31B,10,50,40960,409600,1024"})
    void everyByteFollowsFromTheElementsOfAToken(String size, int full, int sliding, long fullElements, long slidingElements, long window)
            throws CheckpointFormatException {
        Architecture architecture = released(size);
        assertThat(architecture.layers()).filteredOn(layer -> layer.ownsCache() && layer.attention() == Layer.Attention.FULL).hasSize(full);
        assertThat(architecture.layers()).filteredOn(layer -> layer.ownsCache() && layer.attention() == Layer.Attention.SLIDING)
                .hasSize(sliding);
        for (long context : new long[] {1, 511, 512, 513, 1024, 4096, 32_768, 131_072, 262_144}) {
            long elements = fullElements * context + slidingElements * Math.min(context, window);
            assertThat(KeyValueCache.bytes(architecture, context, KeyValueCache.Type.F16)).isEqualTo(elements * 2);
            assertThat(KeyValueCache.bytes(architecture, context, KeyValueCache.Type.INT8)).isEqualTo(elements);
            assertThat(KeyValueCache.bytes(architecture, context, KeyValueCache.Type.Q8_0)).isEqualTo(elements / 32 * 34);
            assertThat(KeyValueCache.bytes(architecture, context, KeyValueCache.Type.Q4_0)).isEqualTo(elements / 32 * 18);
        }
        assertThat(KeyValueCache.bytes(architecture, 0, KeyValueCache.Type.F16)).isZero();
    }

    @ParameterizedTest
    @CsvSource({"E2B,30 198 774,15.9 105.2 411.2,15 99 387,8.4 55.7 217.7",
        "E4B,84 532 2068,44.6 282.6 1098.6,42 266 1034,23.6 149.6 581.6",
        "12B,384 832 2368 4416,204 442 1258 2346,192 416 1184 2208,108 234 666 1242",
        "26B-A4B,280 840 2760 5320,148.8 446.2 1466.2 2826.2,140 420 1380 2660,78.8 236.2 776.2 1496.2",
        "31B,1120 3360 11040 21280,595 1785 5865 11305,560 1680 5520 10640,315 945 3105 5985"})
    void theCacheOfEveryReleasedModelInMebibytes(String size, String f16, String q8, String int8, String q4)
            throws CheckpointFormatException {
        assertTable(size, KeyValueCache.Type.F16, f16);
        assertTable(size, KeyValueCache.Type.Q8_0, q8);
        assertTable(size, KeyValueCache.Type.INT8, int8);
        assertTable(size, KeyValueCache.Type.Q4_0, q4);
    }

    private static void assertTable(String size, KeyValueCache.Type type, String cells) throws CheckpointFormatException {
        List<String> expected = List.of(cells.split(" ", -1));
        for (int i = 0; i < expected.size(); i++) {
            BigDecimal cell = new BigDecimal(expected.get(i));
            BigDecimal mebibytes = BigDecimal.valueOf(KeyValueCache.bytes(released(size), CONTEXTS.get(i), type))
                    .divide(BigDecimal.valueOf(1 << 20));
            assertThat(mebibytes.setScale(cell.scale(), RoundingMode.HALF_EVEN)).as("%s %s %s", size, type, CONTEXTS.get(i))
                    .isEqualTo(cell);
            if (cell.scale() == 0) {
                assertThat(mebibytes).as("a whole cell is exact").isEqualByComparingTo(cell);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"E2B", "E4B", "12B", "26B-A4B", "31B"})
    void draftersKeepNoCache(String size) throws CheckpointFormatException {
        assertThat(KeyValueCache.bytes(Gemma4Configs.architecture(Gemma4Configs.assistant(size)), 131_072, KeyValueCache.Type.F16))
                .isZero();
    }

    @Test
    void aBlockThatIsNotFullCountsWhole() {
        assertThat(KeyValueCache.Type.Q8_0.bytes(1)).isEqualTo(34);
        assertThat(KeyValueCache.Type.Q8_0.bytes(32)).isEqualTo(34);
        assertThat(KeyValueCache.Type.Q8_0.bytes(33)).isEqualTo(68);
        assertThat(KeyValueCache.Type.Q4_0.bytes(0)).isZero();
        Layer layer = new Layer(0, Layer.Attention.SLIDING, 10, 1, 1, 4, 5, 0, 1, 0, 0, 0);
        assertThat(KeyValueCache.bytes(layer, 3, KeyValueCache.Type.Q4_0)).as("12 keys and 15 values").isEqualTo(36);
        assertThat(KeyValueCache.bytes(layer, 100, KeyValueCache.Type.F16)).isEqualTo(10 * 9 * 2);
    }

    @Test
    void typesAreKnownByTheirWords() {
        assertThat(KeyValueCache.Type.of("q8_0")).contains(KeyValueCache.Type.Q8_0);
        assertThat(KeyValueCache.Type.of("F16")).contains(KeyValueCache.Type.F16);
        assertThat(KeyValueCache.Type.of("q5_0")).isEmpty();
        for (KeyValueCache.Type type : KeyValueCache.Type.values()) {
            assertThat(KeyValueCache.Type.of(type.word())).contains(type);
        }
    }

    @Test
    void aContextBeyondAllNumbersIsNoWrongNumber() throws CheckpointFormatException {
        Architecture architecture = released("31B");
        assertThatThrownBy(() -> KeyValueCache.bytes(architecture, Long.MAX_VALUE / 2, KeyValueCache.Type.F16))
                .isInstanceOf(ArithmeticException.class);
    }

    @Test
    void theCacheOfEveryAcceptedConfigurationIsANumberAtItsLongestContext() throws CheckpointFormatException {
        int accepted = 0;
        for (long context : new long[] {1, 1L << 20, (1L << 32) - 1}) {
            for (int heads = 1; heads <= 1 << 20; heads <<= 4) {
                for (int size = 1; size <= 1 << 20; size <<= 4) {
                    Value.Fields config = Gemma4Configs.tiny().with("max_position_embeddings", Value.of(context))
                            .with("sliding_window", Value.of(context)).with("num_key_value_heads", Value.of(heads))
                            .with("global_head_dim", Value.of(size)).with("head_dim", Value.of(size));
                    Architecture architecture;
                    try {
                        architecture = Gemma4Configs.architecture(config);
                    } catch (CheckpointFormatException e) {
                        continue;
                    }
                    for (KeyValueCache.Type type : KeyValueCache.Type.values()) {
                        assertThat(KeyValueCache.bytes(architecture, architecture.contextLength(), type)).isPositive();
                    }
                    accepted++;
                }
            }
        }
        assertThat(accepted).isGreaterThan(50).isLessThan(108);
    }
}
