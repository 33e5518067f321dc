package io.github.weighbridge.inspector;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.policy.file.PolicyWriter;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/// Reports hold to the published schemas, as a validator that is not ours sees it.
class JsonSchemaTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir Path folder;
    private Path checkpoint;

    @BeforeEach
    void make() throws IOException {
        checkpoint = SparseCheckpoint.write(folder.resolve("tiny-mobile"),
                Gemma4Options.of(Gemma4Size.TINY_TOWERS).withNumbers(Gemma4Options.Numbers.MOBILE));
    }

    private static Schema schema(String kind, boolean closed) throws IOException {
        Path file = Path.of(System.getProperty("weighbridge.root"), "docs/schema/weighbridge." + kind + "-1.schema.json");
        JsonNode schema = JSON.readTree(file.toFile());
        if (closed) {
            close(schema);
        }
        return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12).getSchema(schema);
    }

    /// Readers pass over fields that they do not know, so the schema allows them; that it knows all that we write is for us to hold.
    private static void close(JsonNode schema) {
        if (schema instanceof ObjectNode object && object.get("properties") instanceof ObjectNode && !object.has("additionalProperties")) {
            object.put("additionalProperties", false);
        }
        schema.forEach(JsonSchemaTest::close);
    }

    /// What a report has against its schema, and what the schema does not know of it.
    static List<String> errors(String kind, String report) throws IOException {
        return errors(schema(kind, true), JSON.readTree(report));
    }

    private static List<String> errors(Schema schema, JsonNode report) {
        return schema.validate(report).stream().map(Error::toString).toList();
    }

    private static JsonNode report(Object... arguments) throws IOException {
        Cli.Result result = Cli.run(arguments);
        assertThat(result.err()).isEmpty();
        return JSON.readTree(result.out());
    }

    @ParameterizedTest
    @EnumSource(names = {"TINY", "TINY_TOWERS", "TINY_MOE", "TINY_UNIFIED", "TINY_ASSISTANT"})
    void inspections(Gemma4Size size) throws IOException {
        Path each = SparseCheckpoint.write(folder.resolve("each"), Gemma4Options.of(size));
        assertThat(
                errors(schema("inspect", true),
                        report("inspect", each, "--json", "--context", "1k", "--kv-cache", "f16,q8_0,int8,q4_0", "--fits",
                                "1GiB")))
                .isEmpty();
        assertThat(errors(schema("plan", true), report("plan", each, "--to", "safetensors", "--json"))).isEmpty();
    }

    /// A plan with all that a policy can bring into it.
    @Test
    void plansOfPolicies() throws IOException {
        Path policy = Files.writeString(folder.resolve("p.yaml"), "kv_cache: { sliding: f16, full: q8_0 }\nnotes: { a: b }\n"
                + "rules: [{ match: { role: ffn_up }, encoding: f32 }]\n");
        assertThat(errors(schema("plan", true), report("plan", checkpoint, "--to", "safetensors", "--json", "--policy", policy))).isEmpty();
        Path dense = folder.resolve("dense");
        Gemma4Fixture.write(dense, Gemma4Options.of(Gemma4Size.TINY));
        JsonNode plan = report("plan", dense, "--to", "gguf", "--json", "--budget", "9MB", "--policy", policy, "--strip", "ple");
        assertThat(errors(schema("plan", true), plan)).isEmpty();
        assertThat(plan.at("/budget/used").asLong()).isBetween(1L, 9_000_000L);
        assertThat(errors(policySchema(), plan.at("/contract/policy"))).isEmpty();
    }

    private static Schema policySchema() throws IOException {
        return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(JSON.readTree(Path.of(System.getProperty("weighbridge.root"), "docs/policy.schema.json").toFile()));
    }

    /// What the schema of policies allows is what is read, as far as a schema can say.
    @Test
    void policies() throws IOException, PolicyException {
        for (String name : PolicyFiles.presets()) {
            JsonNode preset = JSON.readTree(Json.bytes(PolicyWriter.value(PolicyFiles.preset(name).orElseThrow())));
            assertThat(errors(policySchema(), preset)).as(name).isEmpty();
        }
        for (String right : List.of("{\"tolerance\": \"snr_db:20, max_abs:1e-3\"}",
                "{\"type\": {\"gguf\": \"Q4_K_M\"}, \"pure\": true, \"default\": {\"litertlm\": \"keep\", \"else\": \"bf16\"}}",
                "{\"fallbacks\": {\"bf16\": {\"litertlm\": [\"f32\"], \"else\": \"keep\"}}, \"rules\": [{\"match\": {\"layers\": \"more-bits, 3\"}, \"formats\": "
                        + "[\"gguf\", \"task\"], \"encoding\": {\"gguf\": \"gguf:Q4_K\", \"else\": \"int4/group32\"}, \"fallback\": {\"task\": \"f32\"}}]}",
                "{\"rules\": [{\"match\": \"all\", \"encoding\": \"keep\", \"tolerance\": {\"snr_db\": -2.5, \"exact\": \"1\"}}]}")) {
            assertThat(errors(policySchema(), JSON.readTree(right))).as(right).isEmpty();
            JsonNode written = JSON.readTree(Json.bytes(PolicyWriter.value(PolicyFiles.parse("p.json", right))));
            assertThat(errors(policySchema(), written)).as(right).isEmpty();
        }
        for (String wrong : List.of("{\"rule\": []}", "{\"rules\": [{\"match\": {}, \"encoding\": \"keep\"}]}", "{\"strip\": [\"smell\"]}",
                "{\"rules\": [{\"match\": \"all\"}]}", "{\"default\": \"bf16\", \"type\": \"Q4_0\"}", "{\"pure\": true}",
                "{\"type\": {}}", "{\"type\": {\"GGUF\": \"Q4_0\"}}",
                "{\"rules\": [{\"match\": \"all\", \"formats\": [], \"encoding\": \"keep\"}]}",
                "{\"rules\": [{\"match\": \"all\", \"encoding\": {\"gguf\": [\"keep\"]}}]}", "{\"default\": {\"gguf\": \"two words\"}}",
                "{\"rules\": [{\"match\": {\"layers\": \"middle\"}, \"encoding\": \"keep\"}]}", "{\"kv_cache\": \"int3\"}",
                "{\"activations\": \"sometimes\"}", "{\"kv_cache\": {\"sliding\": \"f16\"}}", "{\"notes\": {\"Made\": \"x\"}}",
                "{\"tolerance\": \"snr:20\"}", "{\"tolerance\": {}}", "{\"tolerance\": {\"rmse\": true}}", "{\"tolerance\": [\"rmse:1\"]}",
                "{\"rules\": [{\"match\": \"all\", \"encoding\": \"keep\", \"tolerance\": {\"snr\": 20}}]}")) {
            assertThat(errors(policySchema(), JSON.readTree(wrong))).as(wrong).isNotEmpty();
            assertThatThrownBy(() -> PolicyFiles.parse("p.json", wrong)).as(wrong).isInstanceOf(PolicyException.class);
        }
    }

    @Test
    void everythingThatCanBeInAReport() throws IOException {
        assertThat(errors(schema("inspect", true), report("inspect", checkpoint, "--json"))).isEmpty();
        Path toy = ToyFiles.small(folder.resolve("small.toy"));
        assertThat(errors(schema("inspect", true), report("inspect", toy, "--json", "--grid"))).isEmpty();
    }

    @Test
    void numbersAndComparisons() throws IOException {
        assertThat(errors(schema("inspect", true), report("inspect", checkpoint, "--json", "--values"))).isEmpty();
        Path odd = new ToyFiles("odd", Value.Fields.EMPTY).numbers("x", Float.NaN, 1).numbers("y", 2).write(folder.resolve("odd.toy"));
        Path other = new ToyFiles("other", Value.Fields.EMPTY).numbers("x", 3, 1).numbers("z", 2).write(folder.resolve("other.toy"));
        Path dense = folder.resolve("dense");
        assertThat(Cli.run("convert", checkpoint, dense, "--to", "safetensors").err()).isEmpty();
        for (List<Path> pair : List.of(List.of(odd, other), List.of(odd, odd), List.of(checkpoint, dense))) {
            Cli.Result diff = Cli.run("diff", pair.getFirst(), pair.getLast(), "--json");
            assertThat(errors(schema("diff", true), JSON.readTree(diff.out()))).isEmpty();
            Cli.Result verify = Cli.run("verify", pair.getLast(), "--against", pair.getFirst(), "--json");
            assertThat(errors(schema("verify", true), JSON.readTree(verify.out()))).isEmpty();
        }
    }

    /// The schema is not so open that anything passes.
    @Test
    void wrongReportsAreSeen() throws IOException {
        JsonNode report = report("inspect", checkpoint, "--json");
        Schema schema = schema("inspect", false);
        assertThat(errors(schema, report)).isEmpty();
        for (Map.Entry<String, String> wrong : Map
                .of("/totals/parameters", "-1", "/layers/0/attention", "\"other\"", "/tensors/0/shape/0", "1.5",
                        "/components/0/component", "\"No\"", "/findings/0", "{\"code\": \"a\", \"severity\": \"fatal\", \"message\": \"\"}",
                        "/schema", "\"weighbridge.inspect/2\"",
                        "/source/files/0/bytes", "\"1\"", "/memory/kv_cache/0/type", "\"f64\"")
                .entrySet()) {
            JsonNode copy = report.deepCopy();
            int slash = wrong.getKey().lastIndexOf('/');
            JsonNode value = JSON.readTree(wrong.getValue());
            String field = wrong.getKey().substring(slash + 1);
            switch (copy.at(wrong.getKey().substring(0, slash))) {
                case ObjectNode object -> object.set(field, value);
                case ArrayNode array when array.isEmpty() -> array.add(value);
                case ArrayNode array -> array.set(Integer.parseInt(field), value);
                default -> throw new AssertionError(wrong.getKey());
            }
            assertThat(errors(schema, copy)).as(wrong.toString()).isNotEmpty();
        }
        ObjectNode more = report.deepCopy();
        more.put("new_in_version_1", 1);
        assertThat(errors(schema, more)).isEmpty();
        assertThat(Files.exists(checkpoint)).isTrue();
    }
}
