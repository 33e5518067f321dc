package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.DecoderFixture;
import io.github.weighbridge.fixtures.DecoderModel;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Options.Numbers;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/// The parts of every report sum up to the length of the files, whatever the format.
class SumsTest {
    @TempDir Path folder;

    private static long whole(Value.Fields fields, String name) {
        return fields.whole(name).orElseThrow();
    }

    private static void check(Path source) throws IOException {
        Cli.Result result = Cli.run("inspect", source, "--json");
        assertThat(result.code()).as("%s: %s", source, result.err()).isZero();
        check(source.toString(), result.json());
    }

    private static void check(String name, Value.Fields report) {
        ReportCheck.inspect(report.with("schema", Value.of("weighbridge.inspect/1")));
        Value.Fields totals = report.object("totals").orElseThrow();
        Value.Fields overhead = report.object("overhead").orElseThrow();
        long parts = 0;
        for (String part : List.of("header_bytes", "metadata_bytes", "tokenizer_bytes", "graph_bytes", "padding_bytes", "other_bytes")) {
            assertThat(whole(overhead, part)).as("%s %s", name, part).isNotNegative();
            parts += whole(overhead, part);
        }
        assertThat(parts).as(name).isEqualTo(whole(totals, "overhead_bytes"));
        assertThat(parts + whole(totals, "tensor_bytes")).as(name).isEqualTo(whole(report.object("source").orElseThrow(), "bytes"));
        long codes = 0;
        long bytes = 0;
        for (Value.Fields component : ReportCheck.list(report, "components")) {
            codes += whole(component, "code_bytes");
            bytes += whole(component, "bytes");
            assertThat(whole(component, "code_bytes")).as(name).isBetween(0L, whole(component, "bytes"));
        }
        assertThat(codes).as(name).isEqualTo(whole(totals, "code_bytes"));
        assertThat(bytes).as(name).isEqualTo(whole(totals, "tensor_bytes"));
        long dead = ReportCheck.list(report, "layers").stream().mapToLong(layer -> whole(layer, "dead_bytes")).sum();
        assertThat(whole(report.object("memory").orElseThrow(), "dead_bytes")).as(name).isEqualTo(dead);
    }

    @Test
    void ofMadeCheckpoints() throws IOException {
        List<Gemma4Options> all = new ArrayList<>(List.of(Gemma4Options.of(Gemma4Size.TINY).withShardBytes(2_000_000),
                Gemma4Options.of(Gemma4Size.TINY_TOWERS).withNumbers(Numbers.MOBILE)));
        for (Gemma4Size size : List.of(Gemma4Size.TINY_MOE, Gemma4Size.TINY_UNIFIED, Gemma4Size.TINY_ASSISTANT)) {
            all.add(Gemma4Options.of(size));
        }
        for (Gemma4Options options : all) {
            Path source = folder.resolve("source-" + all.indexOf(options));
            Gemma4Fixture.write(source, options);
            check(source);
            Path gguf = folder.resolve("made-" + all.indexOf(options) + ".gguf");
            check("plan", Cli.run("plan", source, gguf, "--json").json());
            assertThat(Cli.run("convert", source, gguf).err()).isEmpty();
            check(gguf);
        }
        for (DecoderModel model : DecoderModel.values()) {
            Path source = folder.resolve(model.name());
            DecoderFixture.write(source, model, SafetensorsType.BF16, 1);
            check(source);
        }
        check(ToyFiles.small(folder.resolve("small.toy")));
    }

    /// 24 bytes of numbers, entries of tensors and of keys: a plan tells them as the written file does.
    @Test
    void overheadOfAGgufFileIsToldApart() throws IOException {
        Path source = folder.resolve("mobile");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        Path gguf = folder.resolve("mobile.gguf");
        Value.Fields plan = Cli.run("plan", source, gguf, "--json").json();
        assertThat(Cli.run("convert", source, gguf, "--report", folder.resolve("report.json")).err()).isEmpty();
        Value.Fields written = Cli.run("inspect", gguf, "--json").json();
        check(gguf.toString(), written);
        assertThat(plan.object("overhead")).isEqualTo(written.object("overhead"));
        Value.Fields overhead = written.object("overhead").orElseThrow();
        long entries = ReportCheck.list(written, "tensors").stream().mapToLong(tensor -> 8 + tensor.text("name").orElseThrow().length() + 4
                + 8L * Math.max(1, tensor.list("shape").orElseThrow().size()) + 4 + 8).sum();
        assertThat(whole(overhead, "header_bytes")).isEqualTo(24 + entries);
        assertThat(whole(overhead, "tokenizer_bytes")).isBetween(30_000L, 200_000L);
        assertThat(whole(overhead, "other_bytes")).isZero();
        Value.Fields from = Cli.run("inspect", source, "--json").json();
        check(source.toString(), from);
        assertThat(whole(from.object("overhead").orElseThrow(), "padding_bytes")).isZero();
        assertThat(from.object("overhead").orElseThrow().list("documents").orElseThrow()).hasSize(5);
        // 2 bits of codes for each of two tables of 2 560 rows, and 4 bytes of scale for each row.
        for (Value.Fields component : ReportCheck.list(from, "components")) {
            String name = component.text("component").orElseThrow();
            if (name.equals("token_embedding") || name.equals("output_head")) {
                assertThat(whole(component, "code_bytes")).as(name).isGreaterThanOrEqualTo(2560L * 256 / 4)
                        .isLessThan(2560L * 256 / 4 + 16);
            }
        }
        assertThat(from.object("architecture").orElseThrow().flag("tied_head")).contains(false);
        assertThat(ReportCheck.list(from, "layers").stream().map(layer -> layer.whole("cache_owner").orElse(-1L)))
                .containsExactly(-1L, -1L, -1L, -1L, 2L, 2L, 2L, 3L);
    }

    @Test
    void ofRealFiles() throws IOException {
        var data = SharedData.folder();
        if (data.isEmpty()) {
            System.out.println("skipped: sums of the files in shared/data, which are not there");
            return;
        }
        int checked = 0;
        try (Stream<Path> files = Files.walk(data.get(), 3)) {
            for (Path path : files.sorted().toList()) {
                boolean checkpoint = Files.isDirectory(path) ? Files.exists(path.resolve("config.json"))
                        : List.of(".litertlm", ".tflite", ".task").stream().anyMatch(path.toString()::endsWith);
                if (checkpoint && Cli.run("inspect", path, "--json").code() == 0) {
                    check(path);
                    checked++;
                }
            }
        }
        assertThat(checked).isPositive();
    }
}
