package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/// One model in every format, and one story: the bits and bytes of each layer are what a hand computes from shapes and the rules of each format.
///
/// 8 layers of width 256: every fourth sees everything, with heads of 128, the others a window, with heads of 64; 4 query heads, 1 of keys. The
/// last 4 are twice as wide (1024), hold their feed-forward network in 2 bits instead of 4, and read the caches of layers 2 and 3.
class StoryTest {
    private static final int WIDTH = 256;
    private static final int LAYERS = 8;

    /// How a format holds the trained codes.
    private enum Form {
        /// Codes, a scale in single precision for each row; dead keys and values are there.
        MOBILE("", 4, 0, true, 2),
        /// The same with the shape of each packed matrix, two numbers of 8 bytes.
        COMPRESSED("compressed-tensors", 4, 16, true, 2),
        /// The same without dead ones; all else in single precision.
        LITERT("litertlm", 4, 0, false, 4),
        /// Blocks: 4 bits in 18 bytes of 32, 2 bits in 84 of 256, 8 bits in 34 of 32.
        GGUF("gguf", 0, 0, false, 4),
        /// Numbers in single precision, as decoded.
        DENSE("safetensors", 0, 0, true, 2);

        private final String word;
        private final int scaleBytes;
        private final int shapeBytes;
        private final boolean dead;
        private final int normBytes;

        Form(String word, int scaleBytes, int shapeBytes, boolean dead, int normBytes) {
            this.word = word;
            this.scaleBytes = scaleBytes;
            this.shapeBytes = shapeBytes;
            this.dead = dead;
            this.normBytes = normBytes;
        }

        long matrix(long rows, long columns, int bits) {
            long elements = rows * columns;
            return switch (this) {
                case MOBILE, LITERT, COMPRESSED -> elements * bits / 8 + rows * scaleBytes + (bits < 8 ? shapeBytes : 0);
                case GGUF -> bits == 2 ? elements / 256 * 84 : elements / 32 * (bits == 4 ? 18 : 34);
                case DENSE -> elements * 4;
            };
        }

        /// Scales of activations and caches stay where they are trained for: two for each matrix, two for the cache.
        long scalars(boolean shared) {
            return switch (this) {
                case MOBILE, COMPRESSED -> 4 * (2 * 9 + 2);
                case LITERT -> 4 * (2 * (shared ? 7 : 9) + (shared ? 0 : 2));
                case GGUF, DENSE -> 0;
            };
        }
    }

    @TempDir static Path folder;

    private static final Map<Form, Value.Fields> REPORTS = new EnumMap<>(Form.class);
    private static final Map<Form, Path> PLACES = new EnumMap<>(Form.class);

    @BeforeAll
    static void convert() throws IOException {
        Path mobile = folder.resolve("mobile");
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
        for (Form form : Form.values()) {
            Path place = mobile;
            if (form != Form.MOBILE) {
                place = folder.resolve("made." + form.word);
                assertThat(Cli.run("convert", mobile, place, "--to", form.word).err()).isEmpty();
            }
            PLACES.put(form, place);
            REPORTS.put(form, Cli.run("inspect", place, "--json", "--context", "100,1k", "--kv-cache", "f16,int8").json());
        }
    }

    private static Value.Fields layer(Form form, int index) {
        return ReportCheck.list(REPORTS.get(form), "layers").stream()
                .filter(layer -> layer.text("component").orElseThrow().equals("text_decoder")
                        && layer.whole("layer").orElseThrow() == index)
                .findFirst().orElseThrow();
    }

    @Test
    void bitsAndBytesOfEveryLayer() {
        for (Form form : Form.values()) {
            for (int index = 0; index < LAYERS; index++) {
                String what = form + " " + index;
                boolean full = index % 4 == 3;
                boolean shared = index >= 4;
                int head = full ? 128 : 64;
                int inner = shared ? 1024 : 512;
                int bits = shared ? 2 : 4;
                boolean keys = !shared || form.dead;
                long attention = form.matrix(4 * head, WIDTH, 4) + form.matrix(WIDTH, 4 * head, 4)
                        + (keys ? 2 * form.matrix(head, WIDTH, 4) : 0);
                long feedForward = 2 * form.matrix(inner, WIDTH, bits) + form.matrix(WIDTH, inner, bits);
                long perLayer = form.matrix(32, WIDTH, 8) + form.matrix(WIDTH, 32, 8);
                long norms = (5 * WIDTH + (shared ? 1 : 2) * head + 1) * (long) form.normBytes;
                Value.Fields layer = layer(form, index);
                assertThat(layer.text("attention")).as(what).contains(full ? "full" : "sliding");
                assertThat(layer.whole("cache_owner")).as(what).isEqualTo(shared ? java.util.Optional.of(full ? 3L : 2L)
                        : java.util.Optional.empty());
                Value.Fields parts = layer.object("bits").orElseThrow();
                long attentionNumbers = 8L * head * WIDTH + (keys ? 2L * head * WIDTH : 0);
                assertThat(parts.number("attention").orElseThrow()).as(what).isEqualTo(attention * 8.0 / attentionNumbers, within(5e-5));
                assertThat(parts.number("ffn").orElseThrow()).as(what).isEqualTo(feedForward * 8.0 / (3.0 * inner * WIDTH), within(5e-5));
                assertThat(parts.number("per_layer").orElseThrow()).as(what).isEqualTo(perLayer * 8.0 / (64 * WIDTH), within(5e-5));
                assertThat(layer.whole("bytes")).as(what)
                        .contains(attention + feedForward + perLayer + norms + form.scalars(shared));
                assertThat(layer.whole("dead_bytes")).as(what).contains(shared && form.dead ? 2 * form.matrix(head, WIDTH, 4) : 0);
            }
        }
    }

    /// Codes are as wide wherever they went; what is decoded is not.
    @Test
    void codesKeepTheirWidth() {
        Map<String, Long> widths = widths(Form.MOBILE);
        assertThat(widths).hasSize(8 * 9 + 2);
        assertThat(widths.get("text_decoder 5 ffn_up")).isEqualTo(2);
        assertThat(widths.get("text_decoder 3 ffn_up")).isEqualTo(4);
        for (Form form : List.of(Form.COMPRESSED, Form.LITERT, Form.GGUF)) {
            Map<String, Long> expected = new TreeMap<>(widths);
            if (!form.dead) {
                expected.keySet().removeIf(key -> key.matches("text_decoder [4-7] attention_[kv]"));
            }
            assertThat(widths(form)).as(form.word).isEqualTo(expected);
        }
        assertThat(widths(Form.DENSE)).isEmpty();
    }

    /// Width of the codes of every matrix, by what it is. Tables that a format keeps in parts are looked at apart.
    private static Map<String, Long> widths(Form form) {
        Map<String, Long> widths = new TreeMap<>();
        for (Value.Fields tensor : ReportCheck.list(REPORTS.get(form), "tensors")) {
            String component = tensor.text("component").orElseThrow();
            if (tensor.whole("code_bits").orElseThrow() <= 8 && !component.equals("per_layer_embedding")) {
                widths.put(component + tensor.whole("layer").map(layer -> " " + layer).orElse("") + " " + tensor.text("role").orElseThrow(),
                        tensor.whole("code_bits").orElseThrow());
            }
        }
        return widths;
    }

    @Test
    void tablesAndCaches() {
        for (Form form : Form.values()) {
            long table = 2560L * WIDTH;
            assertThat(component(form, "token_embedding")).as(form.word).isEqualTo(form.matrix(2560, WIDTH, 2));
            // Blocks of 32, each with a scale: a row of 8 tables of 32.
            assertThat(component(form, "per_layer_embedding")).as(form.word).isEqualTo(switch (form) {
                case MOBILE, LITERT -> table / 2 + 2560 * 8 * 4;
                case COMPRESSED -> table / 2 + 2560 * 8 * 4 + 16;
                case GGUF -> table / 32 * 18;
                case DENSE -> table * 4;
            });
            Value.Fields memory = REPORTS.get(form).object("memory").orElseThrow();
            assertThat(ReportCheck.list(memory, "kv_cache").stream().filter(cache -> cache.text("accounting").isEmpty())
                    .map(cache -> cache.whole("bytes").orElseThrow())).as(form.word)
                    .containsExactly(2L * (64 * 3 * 128 + 100 * 256), 2L * (64 * 3 * 128 + 1024 * 256), 64L * 3 * 128 + 100 * 256,
                            64L * 3 * 128 + 1024 * 256);
            assertThat(ReportCheck.list(memory, "kv_layers")).as(form.word).hasSize(4);
            assertThat(memory.whole("streamed_bytes_per_token")).as(form.word).contains(component(form, "per_layer_embedding") / 2560);
        }
    }

    private static long component(Form form, String word) {
        return ReportCheck.list(REPORTS.get(form), "components").stream().filter(each -> each.text("component").orElseThrow().equals(word))
                .findFirst().orElseThrow().whole("bytes").orElseThrow();
    }

    /// Whatever is no tensor is told apart where files hold it: only folders keep the tokenizer beside it.
    @Test
    void overheadIsToldApart() {
        for (Form form : Form.values()) {
            Value.Fields overhead = REPORTS.get(form).object("overhead").orElseThrow();
            boolean one = form == Form.GGUF || form == Form.LITERT;
            assertThat(overhead.whole("other_bytes")).as(form.word).contains(0L);
            assertThat(overhead.whole("header_bytes").orElseThrow()).as(form.word).isPositive();
            assertThat(overhead.whole("tokenizer_bytes").orElseThrow() > 0).as(form.word).isEqualTo(one);
            assertThat(overhead.whole("metadata_bytes").orElseThrow() > 0).as(form.word).isEqualTo(one);
            assertThat(overhead.whole("graph_bytes").orElseThrow() > 0).as(form.word).isEqualTo(form == Form.LITERT);
            assertThat(overhead.list("documents").orElseThrow().isEmpty()).as(form.word).isEqualTo(one);
        }
    }

    /// What the bytes say, the numbers do too: equal, but for the scales that GGUF rounds to half precision.
    @Test
    void numbersAreTheSameInEveryFormat() throws IOException {
        for (Form form : Form.values()) {
            Value.Fields verify = Cli.run("verify", PLACES.get(form), "--against", PLACES.get(Form.MOBILE), "--json").json();
            assertThat(verify.flag("passed")).as(form.word).contains(true);
            double exact = verify.object("totals").orElseThrow().number("exact").orElseThrow();
            double worst = verify.object("totals").orElseThrow().number("max_abs").orElseThrow();
            assertThat(exact).as(form.word).isEqualTo(form == Form.GGUF ? exact : 1);
            assertThat(worst).as(form.word).isLessThan(3e-4);
        }
    }
}
