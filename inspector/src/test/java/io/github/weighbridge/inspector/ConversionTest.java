package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Options.Numbers;
import io.github.weighbridge.fixtures.Gemma4Options.Parts;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

/// A plan says what a conversion writes, to the byte.
class ConversionTest {
    private static final Map<Gemma4Options, Path> MADE = new HashMap<>();

    @TempDir static Path sources;

    @TempDir Path folder;

    private static Path source(Gemma4Options options) throws IOException {
        Path path = MADE.get(options);
        if (path == null) {
            path = sources.resolve(options.size() + "-" + options.parts() + "-" + options.numbers() + "-" + MADE.size());
            Gemma4Fixture.write(path, options);
            MADE.put(options, path);
        }
        return path;
    }

    static Stream<Arguments> conversions() {
        List<Arguments> all = new ArrayList<>();
        for (Gemma4Size size : Gemma4Size.values()) {
            if (size.small()) {
                for (List<String> wish : size == Gemma4Size.TINY ? wishes() : fewWishes()) {
                    all.add(arguments(Gemma4Options.of(size), wish));
                }
            }
        }
        for (Numbers numbers : List.of(Numbers.F16, Numbers.F32, Numbers.MOBILE)) {
            for (List<String> wish : List.of(List.of("gguf"), List.of("gguf", "--type", "Q8_0"), List.of("safetensors"))) {
                all.add(arguments(Gemma4Options.of(Gemma4Size.TINY).withNumbers(numbers), wish));
            }
        }
        for (List<String> wish : List.of(List.of("gguf"), List.of("safetensors"))) {
            all.add(arguments(Gemma4Options.of(Gemma4Size.TINY).withShardBytes(2_000_000), wish));
            all.add(arguments(Gemma4Options.of(Gemma4Size.TINY).withDeadWeights(false), wish));
            all.add(arguments(Gemma4Options.of(Gemma4Size.TINY_TOWERS).withParts(Parts.WITHOUT_TOWERS), wish));
            all.add(arguments(Gemma4Options.of(Gemma4Size.TINY_TOWERS).withParts(Parts.TEXT_ONLY), wish));
        }
        return all.stream();
    }

    private static List<List<String>> wishes() {
        List<List<String>> wishes = new ArrayList<>();
        wishes.add(List.of("gguf"));
        wishes.add(List.of("safetensors"));
        for (String type : List.of("BF16", "F16", "F32", "Q8_0", "Q4_0")) {
            wishes.add(List.of("gguf", "--type", type));
        }
        for (String type : List.of("BF16", "F16", "F32")) {
            wishes.add(List.of("safetensors", "--type", type));
        }
        wishes.add(List.of("gguf", "--type", "Q4_0", "--tensor", "ffn_down=Q8_0", "--tensor", "^token_embd=F16"));
        return wishes;
    }

    private static List<List<String>> fewWishes() {
        return List.of(List.of("gguf"), List.of("gguf", "--type", "Q4_0"), List.of("safetensors"), List.of("safetensors", "--type", "F32"));
    }

    @ParameterizedTest
    @MethodSource("conversions")
    void planResultAndLengthAgree(Gemma4Options options, List<String> wish) throws IOException {
        Path source = source(options);
        Path target = folder.resolve(wish.getFirst().equals("gguf") ? "out.gguf" : "out");
        Path report = folder.resolve("report.json");
        Cli.Result plan = Cli.run(with(List.of("plan", source, target, "--json", "--to"), wish));
        assertThat(plan.err()).isEmpty();
        Cli.Result withoutTarget = Cli.run(with(List.of("plan", source, "--json", "--to"), wish));
        Cli.Result convert = Cli.run(with(List.of("convert", source, target, "--report", report, "--to"), wish));
        assertThat(convert.err()).isEmpty();
        assertThat(convert.code()).isZero();
        Cli.Result result = Cli.run("inspect", target, "--json");
        assertThat(result.err()).isEmpty();
        ReportCheck.plan(plan.json());
        ReportCheck.inspect(result.json(), target);
        ReportCheck.same(plan.json(), result.json());
        ReportCheck.same(withoutTarget.json(), result.json());
        ReportCheck.same(new Cli.Result(0, Files.readString(report), "").json(), result.json());
        assertThat(filesIn(folder)).containsExactly(target.getFileName().toString(), "report.json");
        assertThat(cache(plan.json())).isEqualTo(cache(result.json()));
    }

    @Test
    void theResultDependsOnNothingElse() throws IOException {
        Path source = source(Gemma4Options.of(Gemma4Size.TINY_TOWERS));
        for (List<String> wish : List.of(List.of("gguf", "--type", "Q4_0"), List.of("gguf", "--type", "F16"),
                List.of("safetensors", "--type", "F32"))) {
            List<Path> results = new ArrayList<>();
            for (String threads : List.of("1", "2", "2", "7")) {
                Path target = folder.resolve(wish.getFirst() + wish.getLast() + results.size());
                assertThat(Cli.run(with(List.of("convert", source, target, "--threads", threads, "--to"), wish)).err()).isEmpty();
                results.add(target);
            }
            for (Path result : results) {
                assertSameBytes(results.getFirst(), result);
            }
        }
    }

    /// There and back without a change of numbers: nothing is lost but what is said to be.
    @Test
    void keepingNumbersGoesRoundToTheByte() throws IOException {
        Path source = source(Gemma4Options.of(Gemma4Size.TINY).withDeadWeights(false));
        Path gguf = folder.resolve("there.gguf");
        Path again = folder.resolve("again.gguf");
        assertThat(Cli.run("convert", source, gguf).err()).isEmpty();
        assertThat(Cli.run("convert", gguf, again).err()).isEmpty();
        assertSameBytes(gguf, again);
        Path copy = folder.resolve("copy");
        assertThat(Cli.run("convert", source, copy, "--to", "safetensors").err()).isEmpty();
        for (String file : filesIn(source)) {
            if (file.endsWith(".safetensors") || file.equals("tokenizer.json")) {
                assertThat(Files.mismatch(source.resolve(file), copy.resolve(file))).as(file).isEqualTo(-1);
            }
        }
    }

    @Test
    void partsAreStripped() throws IOException {
        Path source = source(Gemma4Options.of(Gemma4Size.TINY_TOWERS));
        Path target = folder.resolve("text");
        Value.Fields plan = Cli.run("plan", source, "--to", "safetensors", "--strip", "vision,audio", "--json").json();
        assertThat(Cli.run("convert", source, target, "--to", "safetensors", "--strip", "vision,audio").err()).isEmpty();
        Value.Fields result = Cli.run("inspect", target, "--json").json();
        ReportCheck.same(plan, result);
        Set<String> components = new TreeSet<>();
        ReportCheck.list(result, "components").forEach(component -> components.add(component.text("component").orElseThrow()));
        assertThat(components).containsExactly("per_layer_embedding", "text_decoder", "token_embedding");
    }

    /// The refusal comes in the middle of the work, when the number is met.
    @Test
    void aNumberThatCannotBeHeldLeavesNothing() throws IOException {
        Path source = folder.resolve("source");
        Gemma4Fixture.write(source, Gemma4Options.of(Gemma4Size.TINY));
        Value.Fields tensor = ReportCheck.list(Cli.run("inspect", source, "--json").json(), "tensors").stream()
                .filter(each -> each.text("role").orElseThrow().equals("ffn_down") && each.whole("layer").orElseThrow() == 5).findFirst()
                .orElseThrow();
        try (FileChannel file = FileChannel.open(source.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
            // 3e38 in BF16: the scale of its block is no F16
            file.write(ByteBuffer.wrap(new byte[] {0x61, 0x7f}), tensor.whole("offset").orElseThrow());
        }
        for (String threads : List.of("1", "2")) {
            Cli.Result result = Cli.run("convert", source, folder.resolve("out.gguf"), "--type", "Q8_0", "--threads", threads);
            assertThat(result.code()).isEqualTo(4);
            assertThat(result.err().lines()).hasSize(1);
            assertThat(result.err()).startsWith(source + ": blk.5.ffn_down.weight cannot be Q8_0: ");
            assertThat(filesIn(folder)).containsExactly("source");
        }
    }

    @Test
    void theDemoShowsBoth() throws IOException {
        Path place = folder.resolve("demo");
        Cli.Result demo = Cli.run(Screen.ofWidth(80), "demo", place);
        assertThat(demo.err()).isEmpty();
        assertThat(demo.code()).isZero();
        assertThat(demo.out()).contains("format safetensors", "format gguf 3", "Q8_0", "The files stay in " + place);
        assertThat(Cli.run("inspect", place.resolve("gemma-4-demo-Q8_0.gguf")).code()).isZero();
        Cli.Result again = Cli.run("demo", place);
        assertThat(again.code()).isEqualTo(5);
        assertThat(again.err()).isEqualTo(place + "/gemma-4-demo: already exists\n");
    }

    private static Object[] with(List<Object> first, List<String> more) {
        List<Object> all = new ArrayList<>(first);
        all.addAll(more);
        return all.toArray();
    }

    private static List<Value.Fields> cache(Value.Fields report) {
        return ReportCheck.list(report.object("memory").orElseThrow(), "kv_cache");
    }

    private static void assertSameBytes(Path a, Path b) throws IOException {
        if (Files.isDirectory(a)) {
            assertThat(filesIn(b)).isEqualTo(filesIn(a));
            for (String file : filesIn(a)) {
                assertThat(Files.mismatch(a.resolve(file), b.resolve(file))).as(file).isEqualTo(-1);
            }
        } else {
            assertThat(Files.mismatch(a, b)).isEqualTo(-1);
        }
    }

    private static List<String> filesIn(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
