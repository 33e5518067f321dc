package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/// `inspect --values`.
class ValuesTest {
    @TempDir Path folder;

    private static Map<String, Value.Fields> values(Path source) throws IOException {
        Map<String, Value.Fields> values = new TreeMap<>();
        for (Value.Fields tensor : ReportCheck.list(Cli.run("inspect", source, "--values", "--json").json(), "tensors")) {
            tensor.object("values").ifPresent(found -> values.put(tensor.text("name").orElseThrow(), found));
        }
        return values;
    }

    private static List<String> findings(Value.Fields report) {
        return ReportCheck.list(report, "findings").stream().map(finding -> finding.text("code").orElseThrow()).toList();
    }

    @Test
    void figuresByHand() throws IOException {
        float[] flat = new float[100];
        Arrays.fill(flat, 1);
        flat[7] = -9;
        Path toy = new ToyFiles("odd", Value.Fields.EMPTY).numbers("a", 3, 0, -4, 0).numbers("b", flat).numbers("c", 0, 0, 0)
                .numbers("d", Float.NaN, Float.NEGATIVE_INFINITY, 2, 65_504, -65_520, 1e30f).numbers("e", Float.NaN)
                .numbers("f", 3, 0, -4, -0f)
                .numbers("g", 3, 0, -4, 0).write(folder.resolve("odd.toy"));
        Map<String, Value.Fields> values = values(toy);
        assertThat(values.keySet()).containsExactly("a", "b", "c", "d", "e", "f", "g");
        Value.Fields a = values.get("a");
        assertThat(a.number("min")).contains(-4.0);
        assertThat(a.number("max")).contains(3.0);
        assertThat(a.number("rms")).contains(2.5);
        assertThat(a.whole("zeros")).contains(2L);
        assertThat(a.whole("outliers")).contains(0L);
        assertThat(values.get("b").whole("outliers")).contains(1L);
        assertThat(values.get("b").number("rms").orElseThrow()).isEqualTo(Math.sqrt((99 + 81) / 100.0), within(1e-12));
        assertThat(values.get("c").whole("zero_rows")).contains(1L);
        Value.Fields d = values.get("d");
        assertThat(d.whole("nan")).contains(1L);
        assertThat(d.whole("infinite")).contains(1L);
        assertThat(d.whole("beyond_half")).contains(2L);
        assertThat(d.number("max").orElseThrow()).isEqualTo(1e30f);
        assertThat(values.get("e").get("min")).isEmpty();
        assertThat(values.get("e").number("rms")).contains(0.0);
        Value.Fields report = Cli.run("inspect", toy, "--values", "--json").json();
        assertThat(findings(report)).contains("not-finite", "beyond-half", "duplicates").doesNotContain("zero-rows");
        Cli.Result text = Cli.run(Screen.ofWidth(80), "inspect", toy, "--values");
        assertThat(text.out()).contains("Numbers, the oddest first", "same bytes: a, g");
        assertThat(text.lines()).allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(80));
        assertThat(Cli.run("inspect", toy, "--values", "--markdown").code()).isZero();
        assertThat(Cli.run("inspect", toy).out()).doesNotContain("oddest", "not-finite");
    }

    /// Codes of 2 and 4 bits that were trained, and what stands in a GGUF file for them.
    @Test
    void codesAtTheEndsOfTheirRange() throws IOException {
        Path mobile = folder.resolve("mobile");
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
        Map<String, Value.Fields> values = values(mobile);
        String ffn = "model.language_model.layers.0.mlp.down_proj.weight";
        Value.Fields codes = values.get(ffn).object("codes").orElseThrow();
        long ends = codes.whole("lowest").orElseThrow() + codes.whole("highest").orElseThrow();
        assertThat(codes.number("at_bounds").orElseThrow()).isEqualTo(ends / (256.0 * 512)).isBetween(0.001, 0.2);
        assertThat(codes.whole("scales")).contains(256L);
        assertThat(codes.whole("negative_scales")).contains(0L);
        assertThat(codes.number("largest_scale").orElseThrow()).isPositive();
        Path gguf = folder.resolve("mobile.gguf");
        assertThat(Cli.run("convert", mobile, gguf).err()).isEmpty();
        Value.Fields moved = values(gguf).get("blk.0.ffn_down.weight").object("codes").orElseThrow();
        assertThat(moved.whole("lowest")).isEqualTo(codes.whole("lowest"));
        assertThat(moved.whole("highest")).isEqualTo(codes.whole("highest"));
        assertThat(moved.whole("scales")).contains(256L * 512 / 32);
    }

    @Test
    void theAnswerIsTheSameEachTime() throws IOException {
        Path qat = folder.resolve("qat");
        TrainedCheckpoints.unpack(qat, TrainedCheckpoints.QAT_Q4_0);
        String one = Cli.run("inspect", qat, "--values", "--json").out();
        assertThat(Cli.run("inspect", qat, "--values", "--json").out()).isEqualTo(one);
        assertThat(findings(Cli.run("inspect", qat, "--values", "--json").json())).doesNotContain("not-finite", "beyond-half");
    }
}
