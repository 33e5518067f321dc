package io.github.weighbridge.policy.file;

import io.github.weighbridge.model.Layer;
import io.github.weighbridge.policy.Activations;
import io.github.weighbridge.policy.CachePolicy;
import io.github.weighbridge.policy.Condition;
import io.github.weighbridge.policy.LayerSet;
import io.github.weighbridge.policy.Match;
import io.github.weighbridge.policy.PerFormat;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.Rule;
import io.github.weighbridge.scan.Tolerance;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class PolicyFilesTest {
    @TempDir private Path folder;

    private static final String FULL = """
            name: mine
            description: everything there is
            extends: gemma4-mobile
            strip: [vision, audio]
            rules:
              - match: { component: text_decoder, role: [ffn_gate, ffn_up], layers: [15-34, "0, 3", sliding, full, kv-shared, first 4, last 2] }
                encoding: int2/channel
                fallback: [int4/channel, keep]
                optional: true
                when: { use_double_wide_mlp: true, num_hidden_layers: "> 30" }
              - match: { name: 'attn_[qk]', parameters: { min: 1.5M, max: 2G } }
                encoding: gguf:Q6_K
            default: bf16
            fallbacks: { int4/channel: gguf:Q4_K }
            kv_cache: { sliding: f16, full: int8, scales: dynamic }
            activations: none
            notes: { made_for: "a phone" }
            """;

    @Test
    void aFileSaysAllThis() throws PolicyException {
        Policy policy = PolicyFiles.parse("mine.yaml", FULL);
        assertThat(policy.name()).isEqualTo("mine");
        assertThat(policy.strip()).containsExactly("audio", "vision");
        Rule first = policy.rules().getFirst();
        assertThat(first.match().components()).containsExactly("text_decoder");
        assertThat(first.match().roles()).containsExactly("ffn_gate", "ffn_up");
        assertThat(first.match().layers()).containsExactly(new LayerSet.Range(15, 34), new LayerSet.Range(0, 0), new LayerSet.Range(3, 3),
                new LayerSet.Attention(Layer.Attention.SLIDING), new LayerSet.Attention(Layer.Attention.FULL), new LayerSet.Shared(),
                new LayerSet.First(4), new LayerSet.Last(2));
        assertThat(first.encoding()).isEqualTo("int2/channel");
        assertThat(first.fallbacks()).containsExactly("int4/channel", "keep");
        assertThat(first.optional()).isTrue();
        assertThat(first.when()).containsExactly(new Condition("use_double_wide_mlp", Condition.Comparison.IS, "true"),
                new Condition("num_hidden_layers", Condition.Comparison.ABOVE, "30"));
        assertThat(first.label()).isEqualTo("mine.yaml:6:5: rule 1");
        Match second = policy.rules().get(1).match();
        assertThat(second.name().orElseThrow().pattern()).isEqualTo("attn_[qk]");
        assertThat(second.minimum()).isEqualTo(1_500_000);
        assertThat(second.maximum()).isEqualTo(2_000_000_000);
        assertThat(policy.rules().get(2).label()).isEqualTo("gemma4-mobile rule 1");
        assertThat(policy.otherwise().orElseThrow().encoding()).isEqualTo("bf16");
        assertThat(policy.settings().fallbacks()).containsEntry("int4/channel", PerFormat.of(List.of("gguf:Q4_K")))
                .containsKey("int2/channel");
        assertThat(policy.settings().cache()).contains(new CachePolicy("f16", "int8", CachePolicy.Scales.DYNAMIC));
        assertThat(policy.settings().activations()).isEqualTo(Activations.NONE);
        assertThat(policy.settings().notes()).isEqualTo(Map.of("made_for", "a phone"));
        assertThat(policy.settings().requirements()).hasSize(2);
    }

    @Test
    void jsonSaysTheSame() throws PolicyException {
        Policy policy = PolicyFiles.parse("mine.json", """
                {"name": "mine", "rules": [{"match": {"layers": [0, "2-3"]}, "encoding": "f16", "optional": true}], "type": "Q4_K_M", "pure": true}
                """);
        assertThat(policy.rules().getFirst().match().layers()).containsExactly(new LayerSet.Range(0, 0), new LayerSet.Range(2, 3));
        assertThat(policy.type()).contains("Q4_K_M");
        assertThat(policy.pure()).isTrue();
    }

    @Test
    void formatsApart() throws PolicyException {
        Policy policy = PolicyFiles.parse("p.yaml", """
                rules:
                  - { match: { layers: more-bits }, formats: [gguf, task], encoding: { gguf: "gguf:Q6_K", else: int8/channel }, fallback: { task: keep } }
                  - { match: all, formats: litertlm, encoding: f32 }
                type: { gguf: Q4_K_M }
                pure: true
                default: { task: f32, else: bf16 }
                fallbacks: { bf16: { task: [f16, f32] } }
                """);
        Policy gguf = policy.in("gguf");
        assertThat(gguf.type()).contains("Q4_K_M");
        assertThat(gguf.pure()).isTrue();
        assertThat(gguf.otherwise()).isEmpty();
        assertThat(gguf.rules()).extracting(Rule::encoding).containsExactly("gguf:Q6_K");
        assertThat(gguf.rules().getFirst().match().layers()).containsExactly(new LayerSet.MoreBits());
        assertThat(gguf.rules().getFirst().fallbacks()).isEmpty();
        assertThat(gguf.settings().fallbacks()).isEmpty();
        Policy task = policy.in("task");
        assertThat(task.type()).isEmpty();
        assertThat(task.pure()).isFalse();
        assertThat(task.otherwise().orElseThrow().encoding()).isEqualTo("f32");
        assertThat(task.rules().getFirst().encoding()).isEqualTo("int8/channel");
        assertThat(task.rules().getFirst().fallbacks()).containsExactly("keep");
        assertThat(task.settings().fallbacks().get("bf16").same()).contains(List.of("f16", "f32"));
        assertThat(policy.in("litertlm").rules()).extracting(Rule::encoding).containsExactly("f32");
        assertThat(policy.in("safetensors").rules()).isEmpty();
        assertThat(policy.in("safetensors").otherwise().orElseThrow().encoding()).isEqualTo("bf16");
        assertThatThrownBy(() -> PolicyFiles.parse("p.yaml", "type: { gguf: Q4_0 }\ndefault: { task: keep }\n").in("safetensors"))
                .isInstanceOf(PolicyException.class).hasMessage("p.yaml:1:7: type says nothing for safetensors, only for gguf, task");
        assertThatThrownBy(policy::type).isInstanceOf(IllegalStateException.class);
        assertThat(policy.withRulesFor("litertlm").rules()).hasSize(1);
        for (String preset : PolicyFiles.presets()) {
            Policy ours = PolicyFiles.preset(preset).orElseThrow().in("litertlm");
            assertThat(ours.otherwise().map(Rule::label).orElse("policy " + preset)).as(preset)
                    .isEqualTo("policy " + preset.replaceFirst("-text.*", "").replace("google-", ""));
        }
    }

    /// A policy that extends another replaces its type or default for the formats of which it says something.
    @Test
    void formatsAreReplacedOneByOne() throws IOException, PolicyException {
        Files.writeString(folder.resolve("base.yaml"), "type: { gguf: Q4_K_M, compressed-tensors: W4A16 }\ndefault: { else: keep }\n");
        Files.writeString(folder.resolve("mine.yaml"), "extends: base.yaml\ndefault: { gguf: 'gguf:Q8_0' }\ntype: { litertlm: INT8 }\n");
        Policy mine = PolicyFiles.read(folder.resolve("mine.yaml"));
        assertThat(mine.in("gguf").otherwise().orElseThrow().encoding()).isEqualTo("gguf:Q8_0");
        assertThat(mine.in("gguf").type()).isEmpty();
        assertThat(mine.in("compressed-tensors").type()).contains("W4A16");
        assertThat(mine.in("litertlm").type()).contains("INT8");
        assertThat(mine.in("task").otherwise().orElseThrow().encoding()).isEqualTo("keep");
        assertThat(PolicyWriter.value(PolicyFiles.parse("again.yaml", PolicyWriter.yaml(mine)))).isEqualTo(PolicyWriter.value(mine));
        Files.writeString(folder.resolve("all.yaml"), "extends: base.yaml\ndefault: f32\n");
        Policy all = PolicyFiles.read(folder.resolve("all.yaml"));
        for (String format : List.of("gguf", "compressed-tensors", "task")) {
            assertThat(all.in(format).otherwise().orElseThrow().encoding()).isEqualTo("f32");
        }
        Files.writeString(folder.resolve("pure.yaml"), "extends: base.yaml\npure: true\ntype: { litertlm: INT8 }\n");
        assertThatThrownBy(() -> PolicyFiles.read(folder.resolve("pure.yaml"))).isInstanceOf(PolicyException.class)
                .hasMessage(folder.resolve("pure.yaml") + ":3:7: type: " + folder.resolve("base.yaml")
                        + " has a type that is not pure for gguf, compressed-tensors, and a"
                        + " policy is one or the other");
    }

    @Test
    void toleranceOfARuleAndOfTheRest() throws IOException, PolicyException {
        Files.writeString(folder.resolve("base.yaml"), "tolerance: exact:1\nrules:\n"
                + "  - { match: { role: ffn_up }, encoding: int4/channel, tolerance: 'snr_db:20, MAX_ABS:1.5e-2' }\n");
        Files.writeString(folder.resolve("mine.json"), "{\"extends\": \"base.yaml\", \"tolerance\": {\"rmse\": 0.5, \"cosine\": 1}}");
        Policy base = PolicyFiles.read(folder.resolve("base.yaml"));
        assertThat(base.settings().tolerance()).contains(Tolerance.NONE.with("exact", 1));
        assertThat(base.rules().getFirst().tolerance()).contains(Tolerance.NONE.with("snr_db", 20).with("max_abs", 0.015));
        Policy mine = PolicyFiles.read(folder.resolve("mine.json"));
        assertThat(mine.settings().tolerance()).contains(Tolerance.NONE.with("rmse", 0.5).with("cosine", 1));
        assertThat(mine.rules()).containsExactlyElementsOf(base.rules());
    }

    @Test
    void filesExtendFilesBesideThem() throws IOException, PolicyException {
        Files.createDirectories(folder.resolve("below"));
        Files.writeString(folder.resolve("base.yaml"), "type: Q4_K_M\nkv_cache: q8_0\nstrip: audio\n");
        Files.writeString(folder.resolve("below/mine.yaml"), "extends: [../base.yaml, q8_0]\nstrip: [vision]\n");
        Policy policy = PolicyFiles.read(folder.resolve("below/mine.yaml"));
        assertThat(policy.type()).as("the first that has one").contains("Q4_K_M");
        assertThat(policy.strip()).containsExactly("audio", "vision");
        assertThat(policy.settings().cache()).contains(CachePolicy.of("q8_0"));
    }

    @Test
    void whatExtendsItselfIsRefused() throws IOException {
        Files.writeString(folder.resolve("a.yaml"), "name: a\nextends: b.yaml\n");
        Files.writeString(folder.resolve("b.yaml"), "name: b\nextends:\n  - ./a.yaml\n");
        assertThatThrownBy(() -> PolicyFiles.read(folder.resolve("a.yaml"))).isInstanceOf(PolicyException.class)
                .hasMessage(folder.resolve("b.yaml") + ":3:5: extends \"./a.yaml\", which extends this file: that has no end");
        Files.writeString(folder.resolve("self.yaml"), "extends: self.yaml\n");
        assertThatThrownBy(() -> PolicyFiles.read(folder.resolve("self.yaml"))).isInstanceOf(PolicyException.class)
                .hasMessageContaining("self.yaml:1:10: extends \"self.yaml\"");
        Files.writeString(folder.resolve("lost.yaml"), "extends: nowhere.yaml\n");
        assertThatThrownBy(() -> PolicyFiles.read(folder.resolve("lost.yaml"))).isInstanceOf(PolicyException.class)
                .hasMessage(folder.resolve("lost.yaml") + ":1:10: extends \"nowhere.yaml\": there is no such file");
        Files.write(folder.resolve("binary.yaml"), new byte[] {'a', (byte) 0xff});
        assertThatThrownBy(() -> PolicyFiles.read(folder.resolve("binary.yaml"))).isInstanceOf(PolicyException.class)
                .hasMessageEndingWith(":1:1: is no text in UTF-8");
        Files.write(folder.resolve("long.yaml"), new byte[(1 << 20) + 1]);
        assertThatThrownBy(() -> PolicyFiles.read(folder.resolve("long.yaml"))).isInstanceOf(PolicyException.class)
                .hasMessageEndingWith(":1:1: 1048577 bytes, a policy has at most 1048576");
        for (int i = 0; i < 20; i++) {
            Files.writeString(folder.resolve("d" + i + ".yaml"), "extends: d" + (i + 1) + ".yaml\n");
        }
        assertThatThrownBy(() -> PolicyFiles.read(folder.resolve("d0.yaml"))).isInstanceOf(PolicyException.class)
                .hasMessageContaining("d16.yaml:1:10: more than 16 policies extend one another");
    }

    static Stream<Arguments> wrong() {
        return Stream.of(
                wrong("", "1:1: the file is empty"),
                wrong("just words", "1:1: a policy is a mapping of names to values, not \"just words\""),
                wrong("name: x\nrule: []\n", "2:1: a policy has no \"rule\", did you mean \"rules\"?"),
                wrong("name: x\nname: y\n", "2:1: \"name\" is there a second time"),
                wrong("name: [x]\n", "1:7: \"name\" is needed, not a list"),
                wrong("default: bf16\ntype: Q4_0\n", "1:10: a policy has a \"default\" or a \"type\", not both"),
                wrong("pure: true\n", "1:7: \"pure\" goes with \"type\""),
                wrong("type: Q4_0\npure: yes please\n", "2:7: \"pure\" is true or false, not \"yes please\""),
                wrong("strip: [vision, smell]\n", "1:17: there is no part \"smell\", only audio, mtp, ple, vision"),
                wrong("extends: gemma4-mobil\n",
                        "1:10: extends \"gemma4-mobil\": there is no such preset, did you mean \"gemma4-mobile\"?"),
                wrong("extends: other.yaml\n", "1:10: extends \"other.yaml\": a policy that is in no file extends presets only"),
                wrong("rules: {}\n", "1:8: \"rules\" is a list, not a mapping"),
                wrong("rules:\n  - keep\n", "2:5: a rule is a mapping of names to values, not \"keep\""),
                wrong("rules:\n  - encoding: keep\n", "2:5: a rule has no \"match\""),
                wrong("rules:\n  - match: all\n", "2:5: a rule has no \"encoding\""),
                wrong("rules:\n  - match: all\n    encoding:\n", "3:14: an encoding is needed, not nothing"),
                wrong("rules:\n  - match: all\n    encoding: int4 group32\n",
                        "3:15: an encoding is one word, such as int4/group32, bf16, keep or gguf:Q4_K, not \"int4 group32\""),
                wrong("rules:\n  - match: {}\n    encoding: keep\n", "2:12: a match without conditions; \"all\" means every tensor"),
                wrong("rules:\n  - match: {rol: ffn_up}\n    encoding: keep\n", "2:13: a match has no \"rol\", did you mean \"role\"?"),
                wrong("rules:\n  - match: {role: [FFN]}\n    encoding: keep\n",
                        "2:20: a word of lower case letters, digits and underscores is needed, not \"FFN\""),
                wrong("rules:\n  - match: {role: []}\n    encoding: keep\n", "2:19: the list is empty"),
                wrong("rules:\n  - match: {layers: 9-3}\n    encoding: keep\n", "2:21: layers 9-3 go backwards"),
                wrong("rules:\n  - match: {layers: first 0}\n    encoding: keep\n", "2:21: \"first 0\" means no layer"),
                wrong("rules:\n  - match: {layers: middle}\n    encoding: keep\n",
                        "2:21: layers are given as 3, 15-34, first 4, last 2, sliding, full, kv-shared or more-bits, not \"middle\""),
                wrong("rules:\n  - match: {layers: -1}\n    encoding: keep\n",
                        "2:21: layers are given as 3, 15-34, first 4, last 2, sliding, full, kv-shared or more-bits, not \"-1\""),
                wrong("rules:\n  - match: {name: '(a'}\n    encoding: keep\n", "2:19: the pattern \"(a\": Unclosed group at character 3"),
                wrong("rules:\n  - match: {name: '(((){1000}){1000}){1000}'}\n    encoding: keep\n",
                        "2:19: the pattern \"(((){1000}){1000}){1000}\": its counts multiply to more than 1000000"),
                wrong("rules:\n  - match: {name: '" + "a".repeat(1001) + "'}\n    encoding: keep\n",
                        "2:19: the pattern \"" + "a".repeat(200) + "..." + "a".repeat(100)
                                + "\": a pattern of 1001 characters, more than 1000"),
                wrong("rules:\n  - match: {parameters: many}\n    encoding: keep\n",
                        "2:25: \"parameters\" has \"min\", \"max\" or both, such as { min: 1M }"),
                wrong("rules:\n  - match: {parameters: {min: 2M, max: 1M}}\n    encoding: keep\n",
                        "2:25: no number is at least 2000000 and at most 1000000"),
                wrong("rules:\n  - match: all\n    encoding: keep\n    when: {width: \"> wide\"}\n",
                        "4:19: \">\" compares with a number, not with \"> wide\""),
                wrong("kv_cache: int3\n", "1:11: there is no type of cache \"int3\", did you mean \"int8\"?"),
                wrong("kv_cache: {sliding: f16}\n", "1:11: kv_cache needs a \"type\", or both \"sliding\" and \"full\""),
                wrong("activations: sometimes\n", "1:14: there is no way with activations \"sometimes\", only keep, none, dynamic, static"),
                wrong("fallbacks: {int2/channel: drop}\n", "1:27: \"drop\" is no fallback"),
                wrong("tolerance: close\n",
                        "1:12: \"close\" is no limit such as rmse:0.001, with one of max_abs, rmse, snr_db, cosine, exact"),
                wrong("tolerance: \"rmse:0.1,snr_db:NaN\"\n",
                        "1:12: \"snr_db:NaN\" is no limit such as rmse:0.001, with one of max_abs, rmse, snr_db, cosine, exact"),
                wrong("tolerance: [rmse]\n", "1:12: a tolerance is needed, not a list"),
                wrong("tolerance: {}\n", "1:12: a tolerance without limits"),
                wrong("rules:\n  - match: all\n    encoding: keep\n    tolerance: {snr: 20}\n",
                        "4:17: a tolerance has no \"snr\", only max_abs, rmse, snr_db, cosine, exact"),
                wrong("rules:\n  - match: all\n    encoding: keep\n    tolerance: {snr_db: 20dB}\n",
                        "4:25: a limit is a number, not \"20dB\""),
                wrong("tolerance: {rmse: '1,exact:1'}\n", "1:19: a limit is a number, not \"1,exact:1\""),
                wrong("floors: [{match: all, bits: 99}]\n", "1:29: a number from 1 to 64 is needed, not \"99\""),
                wrong("type: {gguff: Q4_0}\n", "1:8: there is no format \"gguff\", did you mean \"gguf\"?"),
                wrong("type: {gguf: Q4_0, Else: Q8_0}\n", "1:20: there is no format \"Else\", did you mean \"else\"?"),
                wrong("type: {}\n", "1:7: \"type\" is said for no format"),
                wrong("type: {gguf: [Q4_0]}\n", "1:14: a type is needed, not a list"),
                wrong("type: {gguf: Q4_0, gguf: Q8_0}\n", "1:20: \"gguf\" is there a second time"),
                wrong("type: {gguf: Q4_0}\ndefault: {gguf: keep}\n", "2:10: for gguf a policy has a \"default\" or a \"type\", not both"),
                wrong("type: {gguf: Q4_0, else: F32}\ndefault: keep\n", "2:10: a policy has a \"default\" or a \"type\", not both"),
                wrong("default: {litertlm: two words}\n",
                        "1:21: an encoding is one word, such as int4/group32, bf16, keep or gguf:Q4_K, not \"two words\""),
                wrong("fallbacks: {bf16: {litertlm: drop}}\n", "1:30: \"drop\" is no fallback"),
                wrong("fallbacks: {bf16: {tflite2: f32}}\n",
                        "1:20: there is no format \"tflite2\", only compressed-tensors, gguf, litertlm, safetensors, task, else"),
                wrong("rules:\n  - match: all\n    formats: []\n    encoding: keep\n",
                        "3:14: \"formats\" is empty, so that the rule is for no format"),
                wrong("rules:\n  - match: all\n    formats: [gguf, [task]]\n    encoding: keep\n",
                        "3:21: the word of a format is needed, not a list"),
                wrong("rules:\n  - match: all\n    formats: else\n    encoding: keep\n",
                        "3:14: there is no format \"else\", only compressed-tensors, gguf, litertlm, safetensors, task"),
                wrong("rules:\n  - match: all\n    formats: [gguf, task]\n    encoding: {gguf: keep}\n",
                        "4:15: says no encoding for task, which the rule is for"),
                wrong("rules:\n  - match: all\n    encoding: {gguf: ''}\n", "3:22: an encoding is needed, not nothing"),
                wrong("notes: {Made: x}\n", "1:9: a note's name has lower case letters, digits and underscores"),
                wrong("name: &x y\ndescription: *x\n", "2:14: anchors and aliases are not read"),
                wrong("name: !!java/object x\n", "1:7: tags such as !tag:yaml.org,2002:java/object are not read"),
                wrong("name: x\n---\nname: y\n", "3:1: there is more after the end of the policy"),
                wrong("name: \"x\n", "1:5: while scanning a quoted scalar"),
                wrong("\tname: x\n", "1:1: while scanning for the next token"));
    }

    private static Arguments wrong(String text, String message) {
        return Arguments.of(text, message);
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void aWrongPolicyIsNamedWithItsPlace(String text, String message) {
        assertThatThrownBy(() -> PolicyFiles.parse("p.yaml", text)).isInstanceOf(PolicyException.class).hasMessage("p.yaml:" + message);
    }

    @Test
    void brokenJsonIsNamedWithItsPlace() {
        assertThatThrownBy(() -> PolicyFiles.parse("p.json", "{\n \"name\": }")).isInstanceOf(PolicyException.class)
                .hasMessageStartingWith("p.json:2:10: Unexpected character ('}'");
    }

    @Test
    void deepNestingIsRefused() {
        assertThatThrownBy(() -> PolicyFiles.parse("p.yaml", "[".repeat(100_000))).isInstanceOf(PolicyException.class)
                .hasMessageStartingWith("p.yaml:1:");
        assertThatThrownBy(() -> PolicyFiles.parse("p.json", "[".repeat(100_000))).isInstanceOf(PolicyException.class)
                .hasMessageStartingWith("p.json:1:");
    }
}
