package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.policy.file.PolicyWriter;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/// A plan that was put away is kept, or what has changed is said.
class PlanContractTest {
    @TempDir private Path folder;
    private Path source;
    private Path plan;

    @BeforeEach
    void unpack() throws IOException {
        source = folder.resolve("source");
        plan = folder.resolve("plan.json");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
    }

    private void save(Object... arguments) throws IOException {
        Cli.Result result = Cli.run(arguments);
        assertThat(result.err()).isEmpty();
        Files.writeString(plan, result.out());
    }

    private String refused(Object... more) {
        Object[] arguments = new Object[5 + more.length];
        Path target = folder.resolve("refused.gguf");
        System.arraycopy(new Object[] {"convert", source, target, "--plan", plan}, 0, arguments, 0, 5);
        System.arraycopy(more, 0, arguments, 5, more.length);
        Cli.Result result = Cli.run(arguments);
        assertThat(result.out()).isEmpty();
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.code()).isEqualTo(more.length > 0 ? 2 : 4);
        assertThat(target).doesNotExist();
        return result.err();
    }

    @Test
    void aPlanIsCarriedOutAsItWasMade() throws IOException {
        Path policy = Files.writeString(folder.resolve("mine.yaml"), """
                extends: gemma4-mobile
                rules: [{ match: { role: attention_v }, encoding: 'gguf:Q6_K' }]
                kv_cache: { sliding: f16, full: int8 }
                """);
        save("plan", source, "--to", "gguf", "--policy", policy, "--tensor", "output\\.weight=Q8_0", "--split-max-size", "1M", "--json");
        Path direct = folder.resolve("direct.gguf");
        assertThat(
                Cli.run("convert", source, direct, "--policy", policy, "--tensor", "output\\.weight=Q8_0", "--split-max-size", "1M").code())
                .isZero();
        // The policy file is needed no more.
        Files.delete(policy);
        Cli.Result result = Cli.run("convert", source, folder.resolve("planned.gguf"), "--plan", plan);
        assertThat(result.err()).isEmpty();
        List<Path> written;
        try (var files = Files.list(folder)) {
            written = files.filter(file -> file.getFileName().toString().startsWith("direct-")).sorted().toList();
        }
        assertThat(written).hasSizeGreaterThan(2);
        for (Path file : written) {
            assertThat(folder.resolve(file.getFileName().toString().replace("direct", "planned"))).hasSameBinaryContentAs(file);
        }
    }

    @Test
    void foldersAreCarriedOutToo() throws IOException {
        save("plan", source, "--to", "safetensors", "--type", "BF16", "--strip", "ple", "--json");
        assertThat(Cli.run("convert", source, folder.resolve("direct"), "--to", "safetensors", "--type", "BF16", "--strip", "ple").code())
                .isZero();
        assertThat(Cli.run("convert", source, folder.resolve("planned"), "--plan", plan).code()).isZero();
        for (String name : List.of("model.safetensors", "config.json", "tokenizer.json")) {
            assertThat(folder.resolve("planned").resolve(name)).hasSameBinaryContentAs(folder.resolve("direct").resolve(name));
        }
    }

    @Test
    void anotherSourceIsRefused() throws IOException {
        save("plan", source, "--to", "gguf", "--json");
        Path config = source.resolve("tokenizer_config.json");
        String text = Files.readString(config);
        Files.writeString(config, text.replaceFirst("\\{", "{ "));
        assertThat(refused()).isEqualTo(source + ": the plan is of another source: tokenizer_config.json has other bytes\n");
        Files.writeString(config, text);
        Path weights = source.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[20]++;
        Files.write(weights, bytes);
        assertThat(Cli.run("convert", source, folder.resolve("refused.gguf"), "--plan", plan).code()).isIn(3, 4);
        assertThat(folder.resolve("refused.gguf")).doesNotExist();
        bytes[20]--;
        // Weights may change: the plan is of headers.
        bytes[bytes.length - 1]++;
        Files.write(weights, bytes);
        assertThat(Cli.run("convert", source, folder.resolve("other-weights.gguf"), "--plan", plan).code()).isZero();
    }

    @Test
    void aPlanThatCannotBeKeptIsRefused() throws IOException {
        save("plan", source, "--to", "gguf", "--type", "Q8_0", "--json");
        String text = Files.readString(plan);
        Files.writeString(plan, text.replace("\"type\": \"Q8_0\"", "\"type\": \"Q4_0\""));
        assertThat(refused()).startsWith(source + ": the plan cannot be carried out as it was made: ").contains(" would be ",
                ", planned was Q8_0");
        Files.writeString(plan, text.replace("\"policy\": {", "\"policy\": {\"rulez\": [], "));
        assertThat(refused()).contains("(its policy).json:1:2: a policy has no \"rulez\", did you mean \"rules\"?");
        Files.writeString(plan, text.replace("\"contract\"", "\"contact\""));
        assertThat(refused()).isEqualTo(plan + ": is no plan: it has no schema weighbridge.plan/1 with a \"contract\"\n");
        Files.writeString(plan, text.replace("\"format\": \"gguf\",", "\"format\": \"onnx\","));
        assertThat(refused()).isEqualTo(plan + ": is for the format onnx, which is not written\n");
        Files.writeString(plan, text);
        assertThat(refused("--to", "gguf")).contains("--plan says what is wanted");
        assertThat(refused("--strip", "ple")).contains("--plan says what is wanted");
        Files.writeString(plan, "{");
        assertThat(Cli.run("convert", source, folder.resolve("refused.gguf"), "--plan", plan).code()).isEqualTo(3);
    }

    @Test
    void aPolicyThatIsSavedGivesTheSame() throws IOException, PolicyException {
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_Q4_0);
        Path saved = folder.resolve("saved.yaml");
        Cli.Result solved =
                Cli.run("plan", source, "--to", "gguf", "--policy", "bf16", "--budget", "4MB", "--save-policy", saved, "--json");
        assertThat(solved.err()).isEmpty();
        assertThat(solved.json().object("budget").orElseThrow().whole("used").orElseThrow()).isBetween(3_960_000L, 4_000_000L);
        Cli.Result again = Cli.run("plan", source, "--to", "gguf", "--policy", saved, "--json");
        assertThat(again.err()).isEmpty();
        assertThat(again.json().object("contract").orElseThrow().text("plan_sha256"))
                .isEqualTo(solved.json().object("contract").orElseThrow().text("plan_sha256"));
        // What the report prints is the same file.
        String report = Cli.run("plan", source, "--to", "gguf", "--policy", "bf16", "--budget", "4MB").out();
        String printed = report.substring(report.indexOf("name: bf16-4000000"));
        Policy policy = PolicyFiles.read(saved);
        assertThat(PolicyWriter.yaml(PolicyFiles.parse("printed.yaml", printed))).isEqualTo(PolicyWriter.yaml(policy));
    }
}
