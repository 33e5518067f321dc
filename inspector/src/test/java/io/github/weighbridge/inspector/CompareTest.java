package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Options.Parts;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/// `diff` and `verify`.
class CompareTest {
    @TempDir static Path sources;

    @TempDir Path folder;

    private static Path qat;
    private static Path mobile;

    @BeforeAll
    static void unpack() throws IOException {
        qat = sources.resolve("qat");
        mobile = sources.resolve("mobile");
        TrainedCheckpoints.unpack(qat, TrainedCheckpoints.QAT_Q4_0);
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
    }

    private static Path copy(Path source, Path target) throws IOException {
        Files.createDirectories(target);
        try (var files = Files.list(source)) {
            for (Path file : files.toList()) {
                Files.copy(file, target.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        return target;
    }

    private static void replace(Path file, String what, String by) throws IOException {
        String text = Files.readString(file);
        assertThat(text).contains(what);
        Files.writeString(file, text.replace(what, by));
    }

    /// Writes bytes into a tensor of a checkpoint.
    private static void patch(Path checkpoint, String tensor, long at, byte[] bytes) throws IOException {
        Value.Fields report = Cli.run("inspect", checkpoint, "--json").json();
        Value.Fields found = ReportCheck.list(report, "tensors").stream().filter(each -> each.text("name").orElseThrow().equals(tensor))
                .findFirst().orElseThrow();
        Path file = Files.isDirectory(checkpoint) ? checkpoint.resolve("model.safetensors") : checkpoint;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(bytes), found.whole("offset").orElseThrow() + at);
        }
    }

    private static Set<String> kinds(Value.Fields diff) {
        return ReportCheck.list(diff, "changes").stream().map(change -> change.text("kind").orElseThrow())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /// Every type of llama.cpp is within its own bound, and what the type can hold is equal.
    @ParameterizedTest
    @ValueSource(strings = {"F16", "BF16", "Q8_0", "Q4_0", "Q4_0:plain", "Q5_1", "Q2_K", "Q3_K_M", "Q4_K_M", "TQ1_0", "IQ4_NL"})
    void conversionsAreWithinTheirEncodingsBounds(String type) throws IOException {
        Path target = folder.resolve("out.gguf");
        Cli.Result convert = Cli.run("convert", qat, target, "--type", type);
        assertThat(convert.err()).isEmpty();
        Cli.Result verify = Cli.run("verify", target, "--against", qat, "--json");
        Value.Fields json = verify.json();
        assertThat(verify.code()).as(verify.err()).isZero();
        assertThat(json.text("schema")).contains("weighbridge.verify/1");
        assertThat(json.flag("passed")).contains(true);
        List<Value.Fields> weights = ReportCheck.list(json, "weights");
        assertThat(weights).hasSize(129);
        for (Value.Fields weight : weights) {
            String demand = weight.text("demand").orElseThrow();
            String encoding = weight.text("output_encoding").orElseThrow();
            assertThat(demand).as(weight.toString()).isEqualTo(switch (encoding) {
                case "F32", "BF16" -> "equal";
                case "F16" -> "rounded";
                default -> "half_step";
            });
            assertThat(weight.number("rmse")).as(weight.toString()).isPresent();
            assertThat(!demand.equals("equal") || weight.number("exact").orElseThrow() == 1).as(weight.toString()).isTrue();
        }
    }

    /// Codes stay; scales are rounded to half precision, and no more than that.
    @Test
    void codesThatMovedAreWithinTheRoundingOfTheirScales() throws IOException {
        Path target = folder.resolve("mobile.gguf");
        assertThat(Cli.run("convert", mobile, target).err()).isEmpty();
        Cli.Result verify = Cli.run("verify", target, "--against", mobile, "--json");
        assertThat(verify.code()).as(verify.err()).isZero();
        List<Value.Fields> weights = ReportCheck.list(verify.json(), "weights");
        assertThat(weights.stream().map(weight -> weight.text("demand").orElseThrow()).distinct()).containsExactlyInAnyOrder("rounded",
                "equal");
        Set<String> findings = ReportCheck.list(verify.json(), "findings").stream().map(finding -> finding.text("code").orElseThrow())
                .collect(Collectors.toSet());
        assertThat(findings).containsExactlyInAnyOrder("dead-weights", "activation-scales-lost");
        Path back = folder.resolve("back");
        assertThat(Cli.run("convert", target, back, "--to", "safetensors").err()).isEmpty();
        assertThat(Cli.run("verify", back, "--against", target).code()).isZero();
    }

    /// One number in 7.7 million.
    @Test
    void oneWrongNumberIsFoundAndNamed() throws IOException {
        Path bad = copy(qat, folder.resolve("bad"));
        String tensor = "model.language_model.layers.5.mlp.down_proj.weight";
        patch(bad, tensor, 2 * 4711, new byte[] {0, 0x44});
        Cli.Result verify = Cli.run("verify", bad, "--against", qat);
        assertThat(verify.code()).isEqualTo(6);
        assertThat(verify.err()).isEqualTo(bad + ": 1 weight is off, the worst text_decoder.5.ffn_down (1 values differ, and the encoding "
                + "can hold them)\n");
        Value.Fields json = Cli.run("verify", bad, "--against", qat, "--json").json();
        Value.Fields worst = ReportCheck.list(json, "weights").getFirst();
        assertThat(worst.text("key")).contains("text_decoder.5.ffn_down");
        assertThat(worst.flag("within")).contains(false);
        assertThat(worst.number("max_abs").orElseThrow()).isEqualTo(512, within(1.0));
        assertThat(worst.number("exact").orElseThrow()).isEqualTo(1 - 1.0 / (256 * 1024));
        assertThat(ReportCheck.list(json, "weights").stream().filter(weight -> weight.flag("within").orElseThrow()).count())
                .isEqualTo(128);
        assertThat(Cli.run("verify", bad, "--against", qat, "--tolerance", "max_abs:600").code()).isZero();
        assertThat(Cli.run("verify", bad, "--against", qat, "--tolerance", "5.ffn_down=max_abs:600", "--tolerance", "exact:1").code())
                .isZero();
        assertThat(Cli.run("verify", bad, "--against", qat, "--tolerance", "4.ffn_down=max_abs:600", "--tolerance", "exact:1").code())
                .isEqualTo(6);

        Cli.Result diff = Cli.run("diff", qat, bad, "--json");
        assertThat(diff.code()).isEqualTo(6);
        assertThat(diff.err()).isEqualTo(qat + ": " + bad + " differs: 1 values\n");
        Value.Fields change = ReportCheck.list(diff.json(), "changes").getFirst();
        assertThat(change.text("subject")).contains("text_decoder.5.ffn_down");
        assertThat(change.text("role")).contains("ffn_down");
        assertThat(change.number("max_abs").orElseThrow()).isEqualTo(512, within(1.0));
        assertThat(Cli.run("diff", qat, bad, "--no-values").code()).isZero();
        assertThat(Cli.run("diff", qat, bad, "--ignore", "values").code()).isZero();
    }

    /// Numbers that ought to be finite, rows in another order, a scale of a block that is a little too large.
    @Test
    void damageIsFoundInQuantisedFiles() throws IOException {
        Path good = folder.resolve("good.gguf");
        assertThat(Cli.run("convert", qat, good, "--type", "Q4_0:plain").err()).isEmpty();
        Path bad = folder.resolve("bad.gguf");
        Files.copy(good, bad);
        patch(bad, "blk.2.ffn_gate.weight", 0, new byte[] {0, 0x7c});
        Cli.Result infinite = Cli.run("verify", bad, "--against", qat, "--json");
        assertThat(infinite.code()).isEqualTo(6);
        Value.Fields worst = ReportCheck.list(infinite.json(), "weights").getFirst();
        assertThat(worst.text("key")).contains("text_decoder.2.ffn_gate");
        assertThat(worst.get("rmse")).isEmpty();
        assertThat(worst.whole("broken").orElseThrow()).isEqualTo(32);

        Files.copy(good, bad, StandardCopyOption.REPLACE_EXISTING);
        byte[] row = new byte[256 / 32 * 18 * 400];
        patch(bad, "blk.2.ffn_gate.weight", 0, row);
        Cli.Result zeros = Cli.run("verify", bad, "--against", qat);
        assertThat(zeros.code()).isEqualTo(6);
        assertThat(zeros.err()).contains("1 weight is off, the worst text_decoder.2.ffn_gate (rmse ");
        assertThat(Cli.run("diff", good, bad).err()).isEqualTo(good + ": " + bad + " differs: 1 values\n");
    }

    @Test
    void theAnswerDoesNotDependOnThreads() throws IOException {
        Path target = folder.resolve("out.gguf");
        assertThat(Cli.run("convert", qat, target, "--type", "Q5_0").err()).isEmpty();
        String one = Cli.run("verify", target, "--against", qat, "--json", "--threads", "1").out();
        for (String threads : List.of("2", "7")) {
            assertThat(Cli.run("verify", target, "--against", qat, "--json", "--threads", threads).out()).isEqualTo(one);
        }
        String diff = Cli.run("diff", target, qat, "--json", "--threads", "1").out();
        assertThat(Cli.run("diff", target, qat, "--json", "--threads", "3").out()).isEqualTo(diff);
    }

    /// A policy that a file is made by also says how far the file may be from its source.
    @Test
    void limitsOfAPolicy() throws IOException {
        String rules = """
                rules:
                  - match: { component: text_decoder, role: [ffn_gate, ffn_up], layers: first 2 }
                    encoding: gguf:Q4_K
                    tolerance: { snr_db: %s }
                  - match: { name: 'attn_q\\.weight$', layers: 2 }
                    encoding: gguf:Q8_0
                    tolerance: %s
                """;
        Path policy =
                Files.writeString(folder.resolve("p.yaml"), rules.formatted("15", "\"snr_db:30,cosine:0.99\"") + "tolerance: exact:1\n");
        Path made = folder.resolve("made.gguf");
        assertThat(Cli.run("convert", qat, made, "--to", "gguf", "--policy", policy).err()).isEmpty();
        Cli.Result kept = Cli.run("verify", made, "--against", qat, "--policy", policy, "--json");
        assertThat(kept.err()).isEmpty();
        assertThat(kept.code()).isZero();
        assertThat(ReportCheck.list(kept.json(), "weights")).allMatch(weight -> weight.text("demand").equals(Optional.of("tolerance")));

        Path strict = Files.writeString(folder.resolve("strict.yaml"), rules.formatted("90", "snr_db:30"));
        Cli.Result beyond = Cli.run("verify", made, "--against", qat, "--policy", strict, "--json");
        assertThat(beyond.code()).isEqualTo(6);
        assertThat(beyond.err()).startsWith(made + ": 4 weights are off, the worst text_decoder.").contains(" below 90");
        List<Value.Fields> weights = ReportCheck.list(beyond.json(), "weights");
        assertThat(weights.stream().filter(weight -> weight.text("demand").equals(Optional.of("tolerance")))
                .map(weight -> weight.text("key")
                        .orElseThrow()))
                .containsExactlyInAnyOrder("text_decoder.0.ffn_gate", "text_decoder.0.ffn_up", "text_decoder.1.ffn_gate",
                        "text_decoder.1.ffn_up", "text_decoder.2.attention_q");
        assertThat(Cli.run("verify", made, "--against", qat, "--policy", strict, "--tolerance", "[01].ffn_(gate|up)=snr_db:15").code())
                .as("the command line comes first").isZero();

        Path wrong = Files.writeString(folder.resolve("wrong.yaml"), rules.formatted("90", "snr:30"));
        Cli.Result refused = Cli.run("verify", made, "--against", qat, "--policy", wrong);
        assertThat(refused.code()).isEqualTo(4);
        assertThat(refused.err()).isEqualTo(wrong + ":7:16: \"snr:30\" is no limit such as rmse:0.001, with one of max_abs, rmse, snr_db, "
                + "cosine, exact\n");
        Path idle = Files.writeString(folder.resolve("idle.yaml"),
                "rules:\n  - { match: { layers: 99 }, encoding: keep, tolerance: exact:1 }\n");
        Cli.Result unused = Cli.run("verify", made, "--against", qat, "--policy", idle);
        assertThat(unused.code()).isEqualTo(4);
        assertThat(unused.err()).isEqualTo(idle + ":2:5: rule 1 has a tolerance and is the first to match for no weight\n");
        assertThat(Cli.run("verify", made, "--against", qat, "--policy", folder.resolve("none.yaml")).code()).isEqualTo(5);
        assertThat(Cli.run("verify", made, "--against", qat, "--policy", "q9").code()).isEqualTo(2);
    }

    /// Figures of a small file, by hand.
    @Test
    void figuresByHand() throws IOException {
        Path a = new ToyFiles("a", Value.Fields.EMPTY).numbers("x", 3, 0, -4, 1).numbers("y", 1, 2).write(folder.resolve("a.toy"));
        Path b = new ToyFiles("b", Value.Fields.EMPTY).numbers("x", 3, 1, -4.5f, 1).numbers("y", 1, 2).write(folder.resolve("b.toy"));
        Value.Fields json = Cli.run("verify", b, "--against", a, "--json").json();
        Value.Fields x = ReportCheck.list(json, "weights").getFirst();
        assertThat(x.text("key")).contains("x");
        assertThat(x.number("max_abs")).contains(1.0);
        assertThat(x.number("rmse").orElseThrow()).isEqualTo(Math.sqrt(1.25 / 4));
        assertThat(x.number("snr_db").orElseThrow()).isEqualTo(10 * Math.log10(26 / 1.25), within(1e-12));
        assertThat(x.number("exact")).contains(0.5);
        Value.Fields totals = json.object("totals").orElseThrow();
        assertThat(totals.whole("values")).contains(6L);
        assertThat(totals.whole("failed")).contains(1L);
        assertThat(totals.number("rmse").orElseThrow()).isEqualTo(Math.sqrt(1.25 / 6));
        Value.Fields y = ReportCheck.list(json, "weights").getLast();
        assertThat(y.get("snr_db")).isEmpty();
        assertThat(y.number("cosine")).contains(1.0);
        for (String broken : List.of("max_abs:0.9", "rmse:0.55", "snr_db:14", "cosine:0.99", "exact:0.6")) {
            assertThat(Cli.run("verify", b, "--against", a, "--tolerance", broken).code()).as(broken).isEqualTo(6);
        }
        for (String kept : List.of("max_abs:1", "rmse:0.56", "snr_db:13", "cosine:0.9", "exact:0.5", "max_abs:1,rmse:0.56,exact:0.4")) {
            assertThat(Cli.run("verify", b, "--against", a, "--tolerance", kept).code()).as(kept).isZero();
        }
    }

    @Test
    void whatIsMissingOrNew() throws IOException {
        Path a = new ToyFiles("a", Value.Fields.EMPTY).numbers("x", 3, 1).numbers("y", 1, 2).tensor("z", DenseType.BF16, 4, 4)
                .write(folder.resolve("a.toy"));
        Path b = new ToyFiles("b", Value.Fields.EMPTY).numbers("x", 3, 1).tensor("z", DenseType.BF16, 2, 8).numbers("w", 1)
                .write(folder.resolve("b.toy"));
        Value.Fields diff = Cli.run("diff", a, b, "--json").json();
        assertThat(kinds(diff)).containsExactly("added", "removed", "reshaped");
        assertThat(diff.flag("equal")).contains(false);
        assertThat(Cli.run("diff", a, b, "--ignore", "added,removed,reshaped").code()).isZero();
        Cli.Result verify = Cli.run("verify", b, "--against", a);
        assertThat(verify.code()).isEqualTo(6);
        assertThat(verify.err()).startsWith(b + ": ").contains("weights of the source that are not in the output: 1", "z has shape [2, 8]");
        assertThat(Cli.run("verify", a, "--against", b, "--json").json().flag("passed")).contains(false);
    }

    @Test
    void towersThatAreLeftOutAreSaidAndNotHeldAgainstIt() throws IOException {
        Path whole = folder.resolve("whole");
        Gemma4Fixture.write(whole, Gemma4Options.of(Gemma4Size.TINY_TOWERS));
        Path text = folder.resolve("text.gguf");
        assertThat(Cli.run("convert", whole, text).err()).isEmpty();
        Cli.Result verify = Cli.run("verify", text, "--against", whole, "--json");
        assertThat(verify.code()).as(verify.err()).isZero();
        assertThat(ReportCheck.list(verify.json(), "findings").stream().map(finding -> finding.text("code").orElseThrow()))
                .containsExactlyInAnyOrder("left-out", "dead-weights");
        assertThat(Cli.run("diff", whole, text, "--json").code()).isEqualTo(6);
    }

    @Test
    void formatsAreNoDifference() throws IOException {
        Path a = folder.resolve("a");
        Gemma4Fixture.write(a, Gemma4Options.of(Gemma4Size.TINY).withDeadWeights(false));
        Path only = folder.resolve("only");
        Gemma4Fixture.write(only, Gemma4Options.of(Gemma4Size.TINY).withDeadWeights(false).withParts(Parts.TEXT_ONLY));
        Path gguf = folder.resolve("a.gguf");
        assertThat(Cli.run("convert", a, gguf).err()).isEmpty();
        Cli.Result diff = Cli.run("diff", a, gguf, "--json");
        assertThat(kinds(diff.json())).containsExactly("reencoded");
        assertThat(ReportCheck.list(diff.json(), "changes")).allSatisfy(change -> {
            assertThat(change.text("second")).contains("F32");
            assertThat(change.number("exact")).contains(1.0);
        });
        assertThat(Cli.run("diff", a, gguf, "--ignore", "reencoded").code()).isZero();
        assertThat(kinds(Cli.run("diff", a, only, "--json", "--no-values").json())).containsExactly("metadata");
    }

    @ParameterizedTest
    @CsvSource({"config.json, '\"final_logit_softcapping\": 30.0', '\"final_logit_softcapping\": 31.0', metadata",
        "tokenizer.json, '\"Ġ\"', '\"Ġ\"', ''", "chat_template.jinja, assistant, aSsistant, tokenizer",
        "generation_config.json, '}', ', \"x\": 1}', document"})
    void documentsAreCompared(String file, String what, String by, String kind) throws IOException {
        Path other = copy(qat, folder.resolve("other"));
        if (!what.equals(by)) {
            replace(other.resolve(file), what, by);
        }
        Cli.Result diff = Cli.run("diff", qat, other, "--json");
        assertThat(kinds(diff.json())).isEqualTo(kind == null || kind.isEmpty() ? Set.of() : Set.of(kind));
        assertThat(diff.code()).isEqualTo(kind == null || kind.isEmpty() ? 0 : 6);
    }

    /// What files say of themselves, in each format that has a place for it.
    @ParameterizedTest
    @CsvSource({"gguf, .gguf", "safetensors, ''", "litertlm, .litertlm"})
    void whatFilesSayOfThemselvesIsCompared(String format, String ending) throws IOException {
        Path noted = Files.writeString(folder.resolve("noted-" + format + ".yaml"), "notes: { made_for: a phone }\n");
        Path plain = folder.resolve("plain-" + format).resolve("same" + ending);
        Path other = folder.resolve("other-" + format).resolve("same" + ending);
        Files.createDirectories(plain.getParent());
        Files.createDirectories(other.getParent());
        assertThat(Cli.run("convert", qat, plain, "--to", format).code()).isZero();
        assertThat(Cli.run("convert", qat, other, "--to", format, "--policy", noted).code()).isZero();
        Cli.Result diff = Cli.run("diff", plain, other, "--json", "--no-values");
        assertThat(diff.code()).isEqualTo(6);
        assertThat(ReportCheck.list(diff.json(), "changes")).hasSize(1).allSatisfy(change -> {
            assertThat(change.text("kind")).contains("metadata");
            assertThat(change.text("subject").orElseThrow()).contains("made_for");
            assertThat(change.text("second").orElseThrow()).contains("a phone");
        });
    }

    @Test
    void tokensAreNamed() throws IOException {
        Path other = copy(qat, folder.resolve("other"));
        replace(other.resolve("tokenizer.json"), "\"<|turn>\"", "\"<|turm>\"");
        Value.Fields diff = Cli.run("diff", qat, other, "--json").json();
        Value.Fields change = ReportCheck.list(diff, "changes").getFirst();
        assertThat(change.text("kind")).contains("tokenizer");
        assertThat(change.text("subject")).contains("1 tokens");
        assertThat(change.text("first")).contains("5 \"<|turn>\"");
        assertThat(change.text("second")).contains("5 \"<|turm>\"");
        Path gguf = folder.resolve("other.gguf");
        assertThat(Cli.run("convert", other, gguf).err()).isEmpty();
        assertThat(kinds(Cli.run("diff", qat, gguf, "--json").json())).containsExactly("reencoded", "tokenizer");
    }

    @Test
    void wrongUsage() throws IOException {
        Path toy = ToyFiles.small(folder.resolve("small.toy"));
        assertThat(Cli.run("diff", toy, toy).code()).isZero();
        assertThat(Cli.run("diff", toy).code()).isEqualTo(2);
        assertThat(Cli.run("verify", toy).code()).isEqualTo(2);
        assertThat(Cli.run("diff", toy, toy, "--ignore", "colours").err()).contains("--ignore \"colours\" is none of added, removed");
        for (String tolerance : List.of("rmse", "rmse:x", "rmse:NaN", "size:1", "[=rmse:1", "")) {
            Cli.Result result = Cli.run("verify", toy, "--against", toy, "--tolerance", tolerance);
            assertThat(result.code()).as(tolerance).isEqualTo(2);
            assertThat(result.err().lines()).hasSize(1);
        }
        Cli.Result missing = Cli.run("verify", toy, "--against", folder.resolve("none"));
        assertThat(missing.code()).isEqualTo(5);
        assertThat(missing.err()).startsWith(folder.resolve("none") + ": ");
        Files.writeString(folder.resolve("bad.gguf"), "GGUF");
        Cli.Result bad = Cli.run("diff", toy, folder.resolve("bad.gguf"));
        assertThat(bad.code()).isEqualTo(3);
        assertThat(bad.err()).startsWith(folder.resolve("bad.gguf") + ": ");
    }
}
