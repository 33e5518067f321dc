package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

/// Policies on the command line, held against real checkpoints.
class PolicyCommandTest {
    @TempDir private static Path folder;
    private static Path dense;
    private static Path mobile;
    private static Path towers;

    @BeforeAll
    static void unpack() throws IOException {
        dense = folder.resolve("dense");
        mobile = folder.resolve("mobile");
        towers = folder.resolve("towers");
        TrainedCheckpoints.unpack(dense, TrainedCheckpoints.QAT_Q4_0);
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
        Gemma4Fixture.write(towers, Gemma4Options.of(Gemma4Size.TINY_TOWERS));
    }

    private static Path policy(String text) throws IOException {
        return Files.writeString(folder.resolve("mine.yaml"), text);
    }

    /// Each ends with exit code 4 and one line that names file, line, rule and tensor; nothing is written.
    static Stream<Arguments> impossible() {
        String rules = "rules:\n";
        return Stream.of(
                arguments("safetensors", rules + "- { match: { role: ffn_up }, encoding: int3/group5 }",
                        ":2:3: rule 1: a folder of plain numbers (safetensors) has no encoding \"int3/group5\", only bf16, f16 and f32, asked for model.language_model.layers.0.mlp.up_proj.weight"),
                arguments("gguf", rules + "- { match: { role: ffn_up }, encoding: int4/group33 }",
                        ":2:3: rule 1: the target has no encoding \"int4/group33\", asked for blk.0.ffn_up.weight"),
                arguments("gguf", rules + "- { match: { role: ffn_upp }, encoding: f16 }",
                        ":2:3: rule 1: there is no role \"ffn_upp\", did you mean \"ffn_up\"?"),
                arguments("gguf", rules + "- { match: { component: text }, encoding: f16 }",
                        ":2:3: rule 1: there is no component \"text\", only audio_encoder, drafter, other, output_head, per_layer_embedding,"
                                + " projector, text_decoder, token_embedding, vision_encoder"),
                arguments("gguf", rules + "- { match: { component: vision_encoder }, encoding: f16 }",
                        ":2:3: rule 1 matches no tensor that it could decide"),
                arguments("gguf", rules + "- { match: { layers: 99 }, encoding: f16 }",
                        ":2:3: rule 1 matches no tensor that it could decide"),
                arguments("gguf", rules + "- { match: { role: attention_norm }, encoding: f16 }",
                        ":2:3: rule 1 matches no tensor that it could decide; the runtime fixes all that it matches"),
                arguments("gguf", rules
                        + "- { match: { role: ffn_up }, encoding: f16 }\n- { match: { role: ffn_up, layers: first 2 }, encoding: bf16 }",
                        ":3:3: rule 2 matches no tensor that it could decide; earlier rules decide blk.0.ffn_up.weight, blk.1.ffn_up.weight"),
                arguments("gguf", rules + "- { match: { name: '(.*.*)*(.*.*)*=$' }, encoding: f16 }",
                        ":2:3: rule 1: the pattern (.*.*)*(.*.*)*=$ takes more than 1000000 steps on one name, "),
                arguments("gguf", rules + "- { match: { role: per_layer_projection }, encoding: gguf:Q4_K }",
                        ":2:3: rule 1: blk.0.proj.weight cannot be Q4_K: rows of 32 are no multiple of 256"),
                arguments("gguf", rules + "- { match: { role: per_layer_projection }, encoding: gguf:Q4_K, fallback: [gguf:Q6_K] }",
                        ":2:3: rule 1: blk.0.proj.weight cannot be Q4_K: rows of 32 are no multiple of 256"),
                arguments("gguf", rules + "- { match: { role: ffn_up }, encoding: 'int4/group{no_such_number}' }",
                        ":2:3: rule 1: \"int4/group{no_such_number}\": the model has no whole number no_such_number"),
                arguments("safetensors", rules + "- { match: { role: ffn_up }, encoding: gguf:Q4_K }",
                        ":2:3: rule 1: a folder of plain numbers (safetensors) has no encoding \"gguf:Q4_K\", only bf16, f16 and f32, asked for model.language_model.layers.0.mlp.up_proj.weight"),
                arguments("gguf", "requires:\n- when: { num_hidden_layers: '> 100' }\n  otherwise: this is for large models",
                        ":2:3: requirement: this is for large models (num_hidden_layers > 100 does not hold of "),
                arguments("safetensors", "type: { gguf: Q4_K_M, litertlm: INT4 }",
                        ":1:7: type says nothing for safetensors, only for gguf, litertlm; safetensors has BF16, F16, F32"),
                arguments("litertlm", "default: { gguf: 'gguf:Q4_K' }", ":1:10: default says nothing for litertlm, only for gguf"),
                arguments("compressed-tensors",
                        rules + "- { match: { role: ffn_up }, encoding: { gguf: 'gguf:Q4_K', litertlm: int4/group32 } }",
                        ":2:3: rule 1: says no encoding for compressed-tensors, only for gguf, litertlm"),
                arguments("gguf", rules + "- { match: { role: per_layer_projection }, encoding: gguf:Q4_K, fallback: { litertlm: keep } }",
                        ":2:3: rule 1: blk.0.proj.weight cannot be Q4_K: rows of 32 are no multiple of 256"),
                arguments("gguf", rules + "- { match: { role: ffn_norm }, formats: [gguf, task], encoding: f16 }",
                        ":2:3: rule 1 matches no tensor that it could decide; the runtime fixes all that it matches"),
                arguments("safetensors", "extends: q4_k_m", "policy q4_k_m says nothing for safetensors, only for gguf, compressed-tensors,"
                        + " litertlm, task; safetensors has BF16, F16, F32"),
                arguments("gguf", "type: Q9_K", ":1:7: type: --type Q9_K: gguf has "),
                arguments("gguf", "activations: static\ndefault: int8/channel\nfallbacks: { int8/channel: keep }",
                        "activations: static: the source has no trained activation scale for "),
                arguments("gguf", "kv_cache: { type: int8, scales: trained }",
                        "kv_cache scales: trained: the source has no trained cache scale for layer 0 and 3 more"),
                arguments("gguf", rules + "- { match: { role: ffn_norm }, encoding: drop }", "gguf needs blk.0.ffn_norm.weight"));
    }

    @ParameterizedTest
    @MethodSource("impossible")
    void whatCannotBeMetIsNamedAndNothingIsWritten(String format, String text, String message) throws IOException {
        Path file = policy(text);
        Path target = folder.resolve("never." + format);
        Cli.Result result = Cli.run("convert", dense, target, "--to", format, "--policy", file);
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.err()).contains(message).startsWith((message.startsWith(":") ? file : dense).toString());
        assertThat(result.code()).isEqualTo(4);
        assertThat(target).doesNotExist();
        assertThat(result.out()).isEmpty();
    }

    /// One file for all formats: each takes what is meant for it.
    @ParameterizedTest
    @CsvSource({"gguf, Q6_K, Q4_0", "compressed-tensors, int8/channel, int4/group32", "litertlm, int8/channel, int4/channel"})
    void onePolicyForEveryFormat(String format, String down, String up) throws IOException {
        Path file = policy("""
                rules:
                  - { match: { role: ffn_down }, encoding: { gguf: "gguf:Q6_K", else: int8/channel } }
                  - { match: { role: ffn_up }, formats: [compressed-tensors, litertlm], encoding: "compressed-tensors:int4/group32",
                      fallback: { litertlm: int4/channel } }
                  - { match: { name: "no such tensor in gguf, nor needed" }, formats: task, encoding: keep }
                type: { gguf: "Q4_0:plain" }
                pure: true
                default: { else: keep }
                """);
        Cli.Result result = Cli.run("plan", dense, "--to", format, "--policy", file, "--json");
        assertThat(result.err()).isEmpty();
        Map<String, Set<String>> encodings = new TreeMap<>();
        result.json().list("tensors").orElseThrow().forEach(tensor -> {
            var fields = (Value.Fields) tensor;
            encodings.computeIfAbsent(fields.text("role").orElseThrow(), _ -> new TreeSet<>()).add(fields.text("encoding").orElseThrow());
        });
        assertThat(encodings.get("ffn_down")).containsExactly(down);
        assertThat(encodings.get("ffn_up")).containsExactly(up);
        assertThat(encodings.get("attention_q"))
                .containsExactly(format.equals("gguf") ? "Q4_0" : format.equals("litertlm") ? "F32" : "BF16");
    }

    @Test
    void aWrongFileEndsWithItsPlace() throws IOException {
        Path file = policy("rules:\n  - match: all\n    encodin: f16\n");
        Cli.Result result = Cli.run("plan", dense, "--to", "gguf", "--policy", file);
        assertThat(result.code()).isEqualTo(4);
        assertThat(result.err()).isEqualTo(file + ":3:5: a rule has no \"encodin\", did you mean \"encoding\"?\n");
        Path nowhere = folder.resolve("nowhere.yaml");
        result = Cli.run("plan", dense, "--to", "gguf", "--policy", nowhere);
        assertThat(result.code()).isEqualTo(5);
        assertThat(result.err()).isEqualTo(nowhere + ": no such file or folder\n");
    }

    @Test
    void aModelWithoutPerLayerEmbeddingsIsNotMobile() {
        Path other = folder.resolve("other");
        for (String preset : List.of("gemma4-mobile", "gemma4-mobile-text", "gemma4-mobile-text-no-ple")) {
            assertThat(Cli.run("plan", dense, "--to", "gguf", "--policy", preset).code()).as(preset).isZero();
        }
        assertThat(Cli.run("convert", dense, other, "--to", "safetensors", "--strip", "ple").code()).isZero();
        Cli.Result result = Cli.run("plan", other, "--to", "gguf", "--policy", "gemma4-mobile");
        assertThat(result.code()).isEqualTo(4);
        assertThat(result.err()).contains("gemma4-mobile requirement: gemma4-mobile is for models with per-layer embeddings");
    }

    @Test
    void aPolicyGivesWhatItSays() throws IOException {
        Path file = policy("""
                strip: [vision, audio]
                rules:
                  - { match: { role: [ffn_gate, ffn_up, ffn_down], layers: kv-shared }, encoding: int2/channel }
                  - { match: { layers: full, role: attention_q }, encoding: 'gguf:Q5_K', fallback: bf16 }
                  - { match: { role: per_layer_projection }, encoding: int2/channel, fallback: [int4/channel] }
                default: int8/channel
                fallbacks: { int8/channel: keep }
                kv_cache: q8_0
                """);
        Cli.Result result = Cli.run("plan", dense, "--to", "gguf", "--policy", file, "--json", "--tensor", "blk\\.0\\.attn_k\\.=Q6_K");
        assertThat(result.err()).isEmpty();
        List<String> found = new ArrayList<>();
        result.json().list("tensors").orElseThrow().forEach(tensor -> {
            var fields = (Value.Fields) tensor;
            found.add(fields.text("name").orElseThrow() + " " + fields.text("encoding").orElseThrow());
        });
        assertThat(found).contains("blk.4.ffn_up.weight Q2_K", "blk.3.ffn_up.weight Q8_0", "blk.3.attn_q.weight Q5_K",
                "blk.2.attn_q.weight Q8_0",
                "blk.0.proj.weight Q4_0", "blk.0.attn_k.weight Q6_K", "blk.1.attn_k.weight Q8_0", "output_norm.weight F32");
        assertThat(result.out()).contains("blk.0.proj.weight", "became Q4_0 instead of int2/channel: rows of 32 are no multiple of 256");
    }

    @Test
    void codesOfAMobileCheckpointStayWhatTheyAre() {
        Path kept = folder.resolve("kept.gguf");
        Path preset = folder.resolve("preset.gguf");
        assertThat(Cli.run("convert", mobile, kept, "--to", "gguf").code()).isZero();
        assertThat(Cli.run("convert", mobile, preset, "--to", "gguf", "--policy", "gemma4-mobile").code()).isZero();
        assertThat(preset).hasSameBinaryContentAs(kept);
    }

    /// Rows that do not fit the blocks of 2 bits take the next encoding that holds the same codes, and the plan says so.
    @Test
    void rowsThatFitNoBlockTakeTheNextExactType() throws IOException {
        Path file = policy("extends: gemma4-mobile\nrules: [{ match: { role: per_layer_projection }, encoding: int2/channel }]\n");
        Cli.Result result = Cli.run("plan", dense, "--to", "gguf", "--policy", file, "--json");
        assertThat(result.err()).isEmpty();
        Set<String> encodings = new TreeSet<>();
        result.json().list("tensors").orElseThrow().forEach(tensor -> {
            var fields = (Value.Fields) tensor;
            if (fields.text("role").orElseThrow().equals("per_layer_projection")) {
                encodings.add(fields.text("encoding").orElseThrow());
            }
        });
        assertThat(encodings).containsExactly("Q4_0");
        assertThat(result.json().list("findings").orElseThrow().toString())
                .contains("rule 1: 8 tensors (").contains("became Q4_0 instead of int2/channel: rows of 32 are no multiple of 256");
    }

    /// What is printed is a policy file, and does what the preset does, in every format.
    @Test
    void policiesArePrintedAsFiles() throws IOException {
        for (String preset : List.of("q4_k_m", "gemma4-mobile", "keep", "bf16")) {
            Cli.Result printed = Cli.run("policies", preset);
            assertThat(printed.err()).isEmpty();
            Path file = policy(printed.out());
            for (String format : List.of("gguf", "compressed-tensors", "litertlm")) {
                Cli.Result mine = Cli.run("plan", dense, "--to", format, "--policy", file, "--json");
                Cli.Result named = Cli.run("plan", dense, "--to", format, "--policy", preset, "--json");
                assertThat(mine.err()).isEmpty();
                assertThat(mine.json().list("tensors")).as(preset + " " + format).isEqualTo(named.json().list("tensors"));
            }
            assertThat(Cli.run("policies", file).out()).isEqualTo(printed.out());
            assertThat(Cli.run("policies", preset, "--json").json().text("name")).contains(preset);
        }
        Cli.Result unknown = Cli.run("policies", "q4_k");
        assertThat(unknown.code()).isEqualTo(2);
        assertThat(unknown.err()).contains("policies \"q4_k\" is no file and no preset, did you mean \"q2_k\"?");
        assertThat(Cli.run("policies", folder.resolve("nowhere.yaml")).code()).isEqualTo(5);
        assertThat(Cli.run("policies", policy("strip: smell\n")).code()).isEqualTo(4);
    }

    /// A plan that is put away keeps what a policy says for formats apart.
    @Test
    void aPlanKeepsWhatIsSaidForFormatsApart() throws IOException {
        Path named = folder.resolve("named");
        Path planned = folder.resolve("planned");
        Cli.Result plan = Cli.run("plan", dense, "--to", "compressed-tensors", "--policy", "q4_k_m", "--json");
        Path kept = Files.writeString(folder.resolve("kept.json"), plan.out());
        assertThat(Cli.run("convert", dense, planned, "--plan", kept).err()).isEmpty();
        assertThat(Cli.run("convert", dense, named, "--to", "compressed-tensors", "--policy", "q4_k_m").err()).isEmpty();
        assertThat(planned.resolve("model.safetensors")).hasSameBinaryContentAs(named.resolve("model.safetensors"));
        assertThat(planned.resolve("config.json")).hasSameBinaryContentAs(named.resolve("config.json"));
    }

    @Test
    void theSchemaComesWithTheProgram() throws IOException {
        Path page = Path.of(System.getProperty("weighbridge.root"), "docs/policy.schema.json");
        assertThat(Cli.run("policies", "--schema").out()).isEqualTo(Files.readString(page));
        assertThat(Cli.run("policies", "--schema", "--json").code()).isEqualTo(2);
        assertThat(Cli.run("policies", "keep", "--schema").code()).isEqualTo(2);
    }

    /// A checkpoint that is a hole: what it would become is more than any disk has.
    @Test
    void aDiskThatIsTooSmallIsSaidBeforeAnythingIsWritten() throws IOException {
        long side = 1 << 20;
        byte[] header = ("{\"x\":{\"dtype\":\"BF16\",\"shape\":[" + side + "," + side + "],\"data_offsets\":[0," + 2 * side * side
                + "]}}").getBytes(StandardCharsets.UTF_8);
        byte[] begin = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).put(header).array();
        Path huge = SparseCheckpoint.extend(folder.resolve("huge.safetensors"), begin, begin.length + 2 * side * side);
        Path place = Files.createDirectory(folder.resolve("place"));
        Path target = place.resolve("result");
        long needed = 4 * side * side;
        Value.Fields plan = Cli.run("plan", huge, target, "--to", "safetensors", "--type", "F32", "--json").json();
        Value.Fields needs = plan.object("needs").orElseThrow();
        assertThat(needs.whole("disk_bytes").orElseThrow()).isGreaterThan(needed);
        long free = needs.whole("disk_free").orElseThrow();
        assertThat(free).isPositive();
        assumeTrue(free < needed, "a disk with more than 4 TiB free");
        assertThat(plan.object("contract").orElseThrow().toString()).doesNotContain("disk_free");
        assertThat(Cli.run("plan", huge, "--to", "safetensors", "--type", "F32", "--json").json().object("needs").orElseThrow()
                .get("disk_free")).as("of no place").isEmpty();
        assertThat(Cli.run("plan", huge, target, "--to", "safetensors", "--type", "F32").out()).contains("free on disk", "not enough");
        Cli.Result result = Cli.run("convert", huge, target, "--to", "safetensors", "--type", "F32");
        assertThat(result.code()).isEqualTo(5);
        assertThat(result.err()).startsWith(target + ": the result needs " + needs.whole("disk_bytes").orElseThrow() + " bytes, ")
                .endsWith(" are free\n").hasLineCount(1);
        assertThat(place).isEmptyDirectory();
    }

    @Test
    void everyPresetPlansOrSaysWhyNot() {
        for (String preset : io.github.weighbridge.policy.file.PolicyFiles.presets()) {
            Cli.Result result = Cli.run("plan", towers, "--to", "gguf", "--policy", preset);
            assertThat(result.code()).as(preset + ": " + result.err()).isIn(0, 4);
            assertThat(result.code() == 4 && !result.err().contains("importance")).as(preset + ": " + result.err()).isFalse();
        }
    }
}
