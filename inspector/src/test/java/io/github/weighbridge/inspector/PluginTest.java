package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.example.toy.ToyFiles;
import org.example.toy.ToyFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

/// A format that only these tests bring is a format like ours.
class PluginTest {
    @TempDir Path folder;

    private Path toy;

    @BeforeEach
    void makeToy() throws IOException {
        toy = ToyFiles.small(folder.resolve("small.toy"));
    }

    @Test
    void formatsListsIt() throws IOException {
        Cli.Result text = Cli.run("formats");
        assertThat(text.code()).isZero();
        assertThat(text.out()).contains("toy read, written (plugin org.example.toy.ToyFormat)", "--type: TOY32, TOY16")
                .contains("gguf read, written\n", "safetensors read, written\n");
        Value.Fields json = Cli.run("formats", "--json").json();
        Value.Fields format =
                ReportCheck.list(json, "formats").stream().filter(f -> f.text("name").orElse("").equals("toy")).findFirst().orElseThrow();
        assertThat(format.flag("plugin")).contains(true);
        assertThat(format.flag("reads")).contains(true);
        assertThat(format.text("class")).contains(ToyFormat.class.getName());
    }

    @Test
    void policiesListsItsTypes() throws IOException {
        assertThat(Cli.run("policies").out()).contains("--to toy: TOY32, TOY16", "keep: every tensor keeps its numbers");
        assertThat(Cli.run("policies", "--json").json().text("schema")).contains("weighbridge.policies/1");
    }

    @Test
    void inspectWeighsIt() throws IOException {
        Cli.Result json = Cli.run("inspect", toy, "--json");
        assertThat(json.err()).isEmpty();
        assertThat(json.code()).isZero();
        ReportCheck.inspect(json.json(), toy);
        Cli.Result text = Cli.run("inspect", toy, "--tensors");
        assertThat(text.code()).isZero();
        assertThat(text.out()).startsWith("a toy\n").contains("format toy 1", "alpha", "[4, 8]", "other");
    }

    @Test
    void planIsWhatConvertWrites() throws IOException {
        Path target = folder.resolve("copy.toy");
        Value.Fields plan = Cli.run("plan", toy, "--to", "toy", "--type", "TOY16", "--json").json();
        ReportCheck.plan(plan);
        Path report = folder.resolve("report.json");
        Cli.Result convert = Cli.run("convert", toy, target, "--type", "TOY16", "--report", report);
        assertThat(convert.err()).isEmpty();
        assertThat(convert.code()).isZero();
        assertThat(convert.lines()).hasSize(1);
        assertThat(convert.out()).startsWith(target + ": ").contains(" bytes in ", " MB/s; findings: toy-loses");
        Value.Fields result = Cli.run("inspect", target, "--json").json();
        ReportCheck.inspect(result, target);
        ReportCheck.same(plan, result);
        Cli.Result written = new Cli.Result(0, Files.readString(report), "");
        ReportCheck.inspect(written.json(), target);
        ReportCheck.same(plan, written.json());
        assertThat(written.out()).contains("toy-loses");
        assertThat(filesIn(folder)).containsExactlyInAnyOrder("small.toy", "copy.toy", "report.json");
    }

    /// The report is made of what was written, and held against the plan.
    @Test
    void aResultThatWasNotPlannedIsADefectAndDoesNotStay() throws IOException {
        Path wrong = new ToyFiles("wrong", Value.Fields.EMPTY).tensor("x", DenseType.F32, 2, 2).write(folder.resolve("wrong.toy"));
        Cli.Result result = Cli.run("convert", wrong, folder.resolve("out.toy"), "--report", folder.resolve("report.json"));
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).startsWith(folder.resolve("out.toy") + ": a defect of ours")
                .contains("what was written is not what was planned");
        assertThat(result.err().lines()).hasSize(1);
        assertThat(filesIn(folder)).containsExactlyInAnyOrder("small.toy", "wrong.toy");
    }

    @Test
    void itConvertsToSafetensorsAndBack() throws IOException {
        Path hub = folder.resolve("hub");
        Value.Fields plan = Cli.run("plan", toy, hub, "--to", "safetensors", "--json").json();
        assertThat(Cli.run("convert", toy, hub, "--to", "safetensors")).extracting(Cli.Result::code, Cli.Result::err).containsExactly(0,
                "");
        Value.Fields result = Cli.run("inspect", hub, "--json").json();
        ReportCheck.inspect(result, hub);
        ReportCheck.same(plan, result);
        Path back = folder.resolve("back.toy");
        assertThat(Cli.run("convert", hub, back)).extracting(Cli.Result::code, Cli.Result::err).containsExactly(0, "");
        List<Value.Fields> before = ReportCheck.list(Cli.run("inspect", toy, "--json").json(), "tensors");
        List<Value.Fields> after = ReportCheck.list(Cli.run("inspect", back, "--json").json(), "tensors");
        assertThat(after).extracting(tensor -> tensor.text("name"), tensor -> tensor.text("encoding"), tensor -> tensor.get("shape"))
                .containsExactlyInAnyOrderElementsOf(before.stream().map(tensor -> tuple(tensor.text("name"),
                        tensor.text("encoding"), tensor.get("shape"))).toList());
    }

    /// A policy's rule for all tensors gives way to a named type; rules for some tensors come before both.
    @Test
    void typesReplaceWhatAPolicyGivesToAll() throws IOException {
        Value.Fields plan = Cli
                .run("plan", toy, "--to", "toy", "--policy", "f16", "--type", "TOY32", "--tensor", "^al=BF16", "--tensor", "a$=F16",
                        "--json")
                .json();
        assertThat(ReportCheck.list(plan, "tensors"))
                .extracting(tensor -> tensor.text("name").orElseThrow(), tensor -> tensor.text("encoding").orElseThrow())
                .containsExactly(tuple("alpha", "BF16"), tuple("beta", "F16"), tuple("gamma", "F16"));
        Value.Fields policy = Cli.run("plan", toy, "--to", "toy", "--policy", "bf16", "--json").json();
        assertThat(ReportCheck.list(policy, "tensors")).extracting(tensor -> tensor.text("encoding").orElseThrow()).containsOnly("BF16");
        Value.Fields both = Cli.run("plan", toy, "--to", "toy", "--policy", "bf16", "--type", "TOY32", "--json").json();
        assertThat(ReportCheck.list(both, "tensors")).extracting(tensor -> tensor.text("encoding").orElseThrow()).containsOnly("F32");
    }

    @Test
    void planTellsHowTensorsComeAbout() {
        Cli.Result plan = Cli.run("plan", toy, "--to", "toy", "--tensor", "alpha=f16");
        assertThat(plan.code()).isZero();
        assertThat(plan.out()).contains("How tensors come about", "copied   F32", "encoded  F32", "--tensor \"alpha=f16\"", "small.toy",
                "free on disk",
                "memory");
    }

    /// The format is known by its service alone.
    @Test
    void noModuleOfOursNamesIt() throws IOException {
        Path root = Path.of(System.getProperty("weighbridge.root"));
        List<Path> naming = new ArrayList<>();
        try (Stream<Path> modules = Files.list(root)) {
            for (Path sources : modules.map(module -> module.resolve("src/main")).filter(Files::isDirectory).toList()) {
                try (Stream<Path> files = Files.walk(sources)) {
                    for (Path file : files.filter(Files::isRegularFile).toList()) {
                        String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).toLowerCase(Locale.ROOT);
                        if (text.contains("toyformat") || text.contains("org.example.toy") || text.contains("\"toy\"")) {
                            naming.add(file);
                        }
                    }
                }
            }
        }
        assertThat(naming).isEmpty();
    }

    private static List<String> filesIn(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
