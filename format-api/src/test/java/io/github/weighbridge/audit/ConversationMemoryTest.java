package io.github.weighbridge.audit;

import io.github.weighbridge.audit.Accounting.Reservation;
import io.github.weighbridge.audit.Audited.AuditedFile;
import io.github.weighbridge.audit.Audited.AuditedTensor;
import io.github.weighbridge.audit.ConversationMemory.Fit;
import io.github.weighbridge.audit.KeyValueCache.Type;
import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.Gemma4Configs;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

class ConversationMemoryTest {
    private static final long MIB = 1 << 20;

    private static Architecture released(String size) throws CheckpointFormatException {
        return Gemma4Configs.architecture(Gemma4Configs.config(size));
    }

    private static ConversationMemory memory(Architecture architecture, AuditedTensor... tensors) {
        long bytes = List.of(tensors).stream().mapToLong(each -> each.tensor().bytes()).sum();
        return ConversationMemory.of(new Audited("test", Optional.empty(), List.of(new AuditedFile("f", bytes)), architecture,
                List.of(tensors), List.of(), false));
    }

    private static AuditedTensor tensor(String name, Identity identity, Encoding encoding, long... dimensions) {
        Shape shape = Shape.of(dimensions);
        List<Span> planes = new ArrayList<>();
        for (int plane = 0; plane < encoding.planes().size(); plane++) {
            planes.add(new Span(0, 0, encoding.planeBytes(plane, shape)));
        }
        return new AuditedTensor(new StoredTensor(name, shape, encoding, planes), identity);
    }

    /// llama.cpp rounds windows up: its figures for 4 096 tokens in half precision.
    @ParameterizedTest
    @CsvSource({"E2B,36", "E4B,104", "12B,544", "26B-A4B,380", "31B,1520"})
    void llamaSetsMoreAside(String size, long mebibytes) throws CheckpointFormatException {
        assertThat(Accounting.LLAMA_CPP.reserve(released(size), 4096, Type.F16))
                .contains(new Reservation(mebibytes * MIB, mebibytes * MIB));
        assertThat(Accounting.LLAMA_CPP.reserve(released(size), 4000, Type.F16))
                .contains(new Reservation(mebibytes * MIB, mebibytes * MIB));
        assertThat(Accounting.LLAMA_CPP.reserve(released(size), 4096, Type.INT8)).isEmpty();
    }

    /// All caches of LiteRT-LM are as long as the context: 15 of E2B, of 256 and 512 numbers for keys and for values.
    @Test
    void litertKeepsNoWindows() throws CheckpointFormatException {
        long token = 2 * (12 * 256 + 3 * 512);
        assertThat(Accounting.LITERT_LM.reserve(released("E2B"), 32_003, Type.INT8)).contains(new Reservation(32_003 * token,
                32_003 * token));
        assertThat(Accounting.LITERT_LM.reserve(released("E2B"), 100, Type.F16)).contains(new Reservation(200 * token, 200 * token));
        assertThat(Accounting.LITERT_LM.reserve(released("E2B"), 100, Type.Q8_0)).isEmpty();
    }

    /// Pages of 16 tokens of a full layer (32 KiB in E2B) hold 32 tokens of a sliding one.
    @Test
    void vllmTakesPages() throws CheckpointFormatException {
        long page = 16 * 2 * 512 * 2;
        long full = 3 * 2048 * page;
        assertThat(Accounting.VLLM.reserve(released("E2B"), 32_768, Type.F16)).contains(new Reservation(
                full + 12 * (Math.ceilDiv(511 + 2048, 32) + 1) * page, full + 12 * (Math.ceilDiv(511 + 8192, 32) + 1) * page));
        assertThat(Accounting.VLLM.reserve(released("E2B"), 10, Type.F16)).contains(new Reservation(3 * page + 12 * 2 * page,
                3 * page + 12 * 2 * page));
        assertThat(Accounting.VLLM.reserve(released("E2B"), 10, Type.INT8)).isEmpty();
    }

    @Test
    void nothingIsSaidOfUnknownArchitectures() {
        ConversationMemory memory = memory(Architecture.unknown("x", Value.Fields.EMPTY),
                tensor("a", Identity.NONE, DenseEncoding.F32, 10, 10));
        assertThat(memory.residentBytes()).isEqualTo(400);
        assertThat(memory.logitsBytes()).isEmpty();
        assertThat(memory.widestActivationBytes()).isEmpty();
        assertThat(memory.caches(List.of(4096L), List.of(Type.values()))).isEmpty();
        assertThat(memory.fit(1 << 30, Type.F16, Accounting.ARCHITECTURE, true)).isEmpty();
        assertThat(new AuditOptions(true, List.of(), List.of()).withLimit(1 << 30).fit(memory)).isFalse();
    }

    /// Sizes of E2B as its mobile release has them.
    @Test
    void partsOfTheWeightsAreToldApart() throws CheckpointFormatException {
        GridEncoding table = new GridEncoding("int4/group256", new Grid(Grid.Levels.Range.ofBits(4), new Grid.Granularity.Group(256),
                DenseType.F32, false, Grid.Zero.NONE), new Packing(4, true, 8));
        ConversationMemory memory = memory(released("E2B"),
                tensor("ple", new Identity(Role.PER_LAYER_EMBEDDING, Component.PER_LAYER_EMBEDDING, Identity.NO_LAYER), table, 262_144,
                        35 * 256),
                tensor("k14", new Identity(Role.ATTENTION_K, Component.TEXT_DECODER, 14), DenseEncoding.BF16, 512, 1536),
                tensor("k15", new Identity(Role.ATTENTION_K, Component.TEXT_DECODER, 15), DenseEncoding.BF16, 256, 1536),
                tensor("n15", new Identity(Role.ATTENTION_K_NORM, Component.TEXT_DECODER, 15), DenseEncoding.BF16, 256),
                tensor("q15", new Identity(Role.ATTENTION_Q, Component.TEXT_DECODER, 15), DenseEncoding.BF16, 2048, 1536),
                tensor("v", new Identity(Role.ATTENTION_K, Component.VISION_ENCODER, 15), DenseEncoding.BF16, 768, 768),
                tensor("d", new Identity(Role.ATTENTION_Q, Component.DRAFTER, 0), DenseEncoding.BF16, 10, 10));
        assertThat(memory.streamableBytes()).isEqualTo(1_211_105_280L);
        assertThat(memory.streamedPerToken()).isEqualTo(4480 + 140);
        assertThat(memory.deadBytes()).isEqualTo(256 * 1536 * 2 + 512);
        assertThat(memory.encoderBytes()).isEqualTo(768 * 768 * 2);
        assertThat(memory.drafterBytes()).isEqualTo(200);
        assertThat(memory.logitsBytes()).hasValue(MIB);
        assertThat(memory.widestActivationBytes()).hasValue(12_288 * 4);
        assertThat(memory.perLayerInputBytes()).isEqualTo(35 * 256 * 4);
        assertThat(memory.layersWithCache()).hasSize(15);
    }

    @Test
    void theLongestContextIsTheLastThatFits() throws CheckpointFormatException {
        ConversationMemory memory = memory(released("E2B"),
                tensor("q", new Identity(Role.ATTENTION_Q, Component.TEXT_DECODER, 0), DenseEncoding.BF16, 2048, 1536));
        for (Accounting accounting : Accounting.values()) {
            long limit = 300 * MIB;
            Fit fit = memory.fit(limit, Type.F16, accounting, true).orElseThrow();
            long context = fit.context().orElseThrow();
            assertThat(memory.needed(context, Type.F16, accounting, true).orElseThrow()).isLessThanOrEqualTo(limit);
            assertThat(memory.needed(context + 1, Type.F16, accounting, true).orElseThrow()).isGreaterThan(limit);
        }
        assertThat(memory.fit(1L << 40, Type.F16, Accounting.ARCHITECTURE, true).orElseThrow().context()).hasValue(131_072);
        assertThat(memory.fit(5 * MIB, Type.F16, Accounting.ARCHITECTURE, true).orElseThrow().context()).isEqualTo(OptionalLong.empty());
        assertThat(memory.fit(1 << 30, Type.INT8, Accounting.LLAMA_CPP, true)).isEmpty();
        AuditOptions options = new AuditOptions(true, List.of(4096L, 32_768L), List.of()).withLimit(300 * MIB);
        assertThat(options.fit(memory)).isTrue();
        assertThat(options.withLimit(100 * MIB).fit(memory)).isFalse();
        assertThat(options.fits(memory)).hasSize(4);
    }
}
