package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/// The memory of a conversation, on the command line.
class MemoryTest {
    /// 2 560 rows of 8 blocks: 128 bytes of codes and 8 scales.
    private static final long TABLE = 2560 * (128 + 32);

    @TempDir static Path folder;
    private static Path mobile;

    @BeforeAll
    static void unpack() throws IOException {
        mobile = folder.resolve("mobile");
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
    }

    private static Value.Fields memory(Object... more) throws IOException {
        Object[] arguments = new Object[more.length + 3];
        arguments[0] = "inspect";
        arguments[1] = mobile;
        arguments[2] = "--json";
        System.arraycopy(more, 0, arguments, 3, more.length);
        return Cli.run(arguments).json().object("memory").orElseThrow();
    }

    private static List<Long> bytes(Value.Fields memory, String accounting) {
        return ReportCheck.list(memory, "kv_cache").stream().filter(cache -> cache.text("accounting").orElse("").equals(accounting))
                .map(cache -> cache.whole("bytes").orElseThrow()).toList();
    }

    /// Two layers keep caches of a window of 64, 64 wide, and of everything, 128 wide: three sliding ones and a full one.
    @Test
    void partsByHand() throws IOException {
        Value.Fields memory = memory("--context", "32,1k", "--kv-cache", "f16,int8");
        assertThat(memory.whole("streamable_bytes")).contains(TABLE);
        assertThat(memory.whole("streamed_bytes_per_token")).contains(160L);
        long row = 256 / 2 + 4;
        assertThat(memory.whole("dead_bytes")).contains(2 * (3 * 64 + 128) * row);
        assertThat(memory.whole("logits_bytes")).contains(4L * 2560);
        assertThat(memory.whole("widest_activation_bytes")).contains(4L * 1024);
        assertThat(memory.whole("per_layer_input_bytes")).contains(4L * 256);
        assertThat(ReportCheck.list(memory, "kv_layers")).hasSize(4);
        assertThat(bytes(memory, "")).containsExactly(2L * 32 * (3 * 128 + 256), 2L * (64 * 3 * 128 + 1024 * 256),
                32L * (3 * 128 + 256), 64L * 3 * 128 + 1024 * 256);
        assertThat(bytes(memory, "litert-lm")).containsExactly(2L * 32 * 640, 2L * 1024 * 640, 32L * 640, 1024L * 640);
        assertThat(bytes(memory, "llama.cpp")).containsExactly(2L * 256 * 640, 2L * (768 * 3 * 128 + 1024 * 256));
        assertThat(bytes(memory, "vllm")).containsExactly(2L * 32 * 256 + 3 * 2 * 32 * 128 * 2, 2L * 1024 * 256 + 3 * 33 * 32 * 128 * 2);
    }

    @Test
    void theLongestContextThatFits() throws IOException {
        long weights =
                memory().whole("resident_bytes").orElseThrow() - memory().whole("dead_bytes").orElseThrow() + 4 * (2560 + 1024 + 256);
        long limit = weights + 2 * (64 * 3 * 128 + 1000 * 256);
        Value.Fields fit = ReportCheck.list(memory("--fits", limit), "fits").getFirst();
        assertThat(fit.whole("context")).contains(1000L);
        assertThat(fit.flag("streamed")).contains(true);
        Value.Fields whole = ReportCheck.list(memory("--fits", limit + TABLE), "fits").get(1);
        assertThat(whole.whole("context")).contains(1000L);
        assertThat(whole.flag("streamed")).contains(false);
        assertThat(Cli.run("inspect", mobile, "--fits", limit).out()).contains("What fits into ", "1,000");
        assertThat(Cli.run("inspect", mobile, "--fits", limit, "--context", "1000").code()).isZero();
        Cli.Result longer = Cli.run("inspect", mobile, "--fits", limit, "--context", "32,1001", "--json");
        assertThat(longer.code()).isEqualTo(6);
        assertThat(longer.err()).startsWith(mobile + ": a conversation of the length asked for does not fit into ");
        assertThat(Cli.run("inspect", mobile, "--fits", weights).code()).isEqualTo(6);
        assertThat(Cli.run("inspect", mobile, "--fits", "1GiB").code()).isZero();
        assertThat(Cli.run("inspect", mobile, "--fits", "6 elephants").code()).isEqualTo(2);
        Path toy = ToyFiles.small(folder.resolve("small.toy"));
        Cli.Result unknown = Cli.run("inspect", toy, "--fits", "1GiB");
        assertThat(unknown.code()).isEqualTo(6);
        assertThat(unknown.out()).contains("0 B").doesNotContain("What runtimes");
    }
}
