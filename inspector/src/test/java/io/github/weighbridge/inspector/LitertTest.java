package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.EditedFolder;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Options.Numbers;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleItem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

/// Bundles of LiteRT-LM from the command line.
class LitertTest {
    /// One piece of a SentencePiece model: as much as a container looks at.
    private static final byte[] SENTENCEPIECE = {0x0a, 3, 0x0a, 1, 'a'};
    private static final List<String> SHORT = List.of("--cache-length", "256", "--prefill", "16");

    @TempDir static Path sources;

    @TempDir Path folder;

    private static Path dense;
    private static Path towers;
    private static Path mobile;

    @BeforeAll
    static void make() throws IOException {
        dense = sources.resolve("dense");
        Gemma4Fixture.write(dense, Gemma4Options.of(Gemma4Size.TINY));
        towers = sources.resolve("towers");
        Gemma4Fixture.write(towers, Gemma4Options.of(Gemma4Size.TINY_TOWERS));
        mobile = sources.resolve("mobile");
        Gemma4Fixture.write(mobile, Gemma4Options.of(Gemma4Size.TINY).withNumbers(Numbers.MOBILE));
        Files.write(mobile.resolve("tokenizer.model"), SENTENCEPIECE);
    }

    private List<String> left() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static Object[] line(List<Object> first, List<String> more) {
        List<Object> all = new ArrayList<>(first);
        all.addAll(more);
        all.addAll(SHORT);
        return all.toArray();
    }

    static Stream<Arguments> conversions() {
        return Stream.of(arguments("dense", List.of("--to", "litertlm")), arguments("dense", List.of("--to", "litertlm", "--type", "INT8")),
                arguments("dense", List.of("--to", "litertlm", "--type", "F16")),
                arguments("dense", List.of("--to", "litertlm", "--type", "BF16")),
                arguments("dense", List.of("--to", "litertlm", "--type", "INT4", "--tensor", "lm_head=int8")),
                arguments("dense", List.of("--to", "litertlm", "--type", "INT4/GROUP32", "--pure")),
                arguments("dense", List.of("--to", "litertlm", "--strip", "ple")), arguments("towers", List.of("--to", "litertlm")),
                arguments("towers", List.of("--to", "litertlm", "--type", "F16")),
                arguments("mobile", List.of("--to", "litertlm")), arguments("mobile", List.of("--to", "litertlm", "--type", "INT8")),
                arguments("mobile", List.of("--to", "task")));
    }

    @ParameterizedTest
    @MethodSource("conversions")
    void planResultAndLengthAgree(String source, List<String> wish) throws IOException {
        Path from = sources.resolve(source);
        Path target = folder.resolve("out." + wish.get(1));
        Cli.Result plan = Cli.run(line(List.of("plan", from, target, "--json"), wish));
        assertThat(plan.err()).isEmpty();
        Path report = folder.resolve("report.json");
        Cli.Result convert = Cli.run(line(List.of("convert", from, target, "--report", report), wish));
        assertThat(convert.err()).isEmpty();
        assertThat(convert.code()).isZero();
        Cli.Result result = Cli.run("inspect", target, "--json");
        assertThat(result.err()).isEmpty();
        ReportCheck.plan(plan.json());
        ReportCheck.inspect(result.json(), target);
        ReportCheck.same(plan.json(), result.json());
        ReportCheck.same(new Cli.Result(0, Files.readString(report), "").json(), result.json());
        assertThat(ReportCheck.list(plan.json(), "findings"))
                .noneMatch(finding -> finding.text("code").orElseThrow().equals("encoders-left-out"));
    }

    @Test
    void theResultDependsOnNothingElse() throws IOException {
        List<Path> results = new ArrayList<>();
        for (String threads : List.of("1", "2", "7")) {
            Path target = folder.resolve("out" + threads + ".litertlm");
            assertThat(Cli.run(line(List.of("convert", mobile, target, "--threads", threads), List.of())).err()).isEmpty();
            results.add(target);
        }
        for (Path result : results) {
            assertThat(Files.mismatch(results.getFirst(), result)).isEqualTo(-1);
        }
    }

    /// Codes go into a bundle and out of it again without a change.
    @Test
    void aBundleIsASource() {
        Path bundle = folder.resolve("there.litertlm");
        assertThat(Cli.run(line(List.of("convert", mobile, bundle), List.of())).err()).isEmpty();
        for (String other : List.of("direct.gguf", "direct.safetensors")) {
            String format = other.substring(other.indexOf('.') + 1);
            Path straight = folder.resolve(other);
            Path through = folder.resolve("through-" + other);
            assertThat(Cli.run("convert", mobile, straight, "--to", format).err()).isEmpty();
            assertThat(Cli.run("convert", bundle, through, "--to", format).err()).isEmpty();
            Cli.Result diff = Cli.run("verify", through, "--against", straight);
            assertThat(diff.code()).as(diff.out() + diff.err()).isZero();
        }
    }

    @Test
    void uuidAndTimeStandInTheBundleWhenTheyAreGiven() throws IOException {
        Path plain = folder.resolve("plain.litertlm");
        Path named = folder.resolve("named.litertlm");
        String uuid = "01234567-89ab-4cde-8f01-23456789abcd";
        assertThat(Cli.run(line(List.of("convert", dense, plain), List.of())).err()).isEmpty();
        assertThat(Cli.run(line(List.of("convert", dense, named, "--uuid", uuid, "--timestamp", "2026-01-31T12:00:00+00:00"), List.of()))
                .err())
                .isEmpty();
        assertThat(header(plain)).doesNotContain(uuid, "creation_timestamp");
        assertThat(header(named)).contains(uuid, "creation_timestamp", "2026-01-31T12:00:00+00:00", "tf_lite_prefill_decode",
                "backend_constraint");
    }

    /// What was taken out, the caches that were asked for and notes stand in the bundle, in the same order each time; what is no part of a bundle
    /// leaves no record.
    @Test
    void theBundleSaysHowItCameAbout() throws IOException {
        Path policy = Files.writeString(folder.resolve("policy.yaml"), """
                extends: keep
                strip: [vision, ple, audio]
                kv_cache: { sliding: int8, full: f16 }
                notes: { to: a phone, made_for: tests }
                """);
        List<Path> bundles = List.of(folder.resolve("one.litertlm"), folder.resolve("two.litertlm"));
        for (Path bundle : bundles) {
            assertThat(Cli.run(line(List.of("convert", mobile, bundle, "--policy", policy), List.of())).err()).isEmpty();
        }
        assertThat(Files.mismatch(bundles.getFirst(), bundles.getLast())).isEqualTo(-1);
        assertThat(system(bundles.getFirst())).containsExactly(BundleItem.of("Authors", "Weighbridge"),
                BundleItem.of("weighbridge.stripped", "ple"), BundleItem.of("weighbridge.kv_cache.sliding", "int8"),
                BundleItem.of("weighbridge.kv_cache.full", "f16"), BundleItem.of("weighbridge.note.made_for", "tests"),
                BundleItem.of("weighbridge.note.to", "a phone"));
        Path plain = folder.resolve("plain.litertlm");
        assertThat(Cli.run(line(List.of("convert", dense, plain), List.of())).err()).isEmpty();
        assertThat(system(plain)).containsExactly(BundleItem.of("Authors", "Weighbridge"));
    }

    /// Loaders look for a bundle's header in its first 16384 bytes.
    @Test
    void notesThatAHeaderHasNoRoomForAreRefused() throws IOException {
        Path policy = Files.writeString(folder.resolve("policy.yaml"), "extends: keep\nnotes: { long: " + "x".repeat(9000) + " }\n");
        Path many = Files.writeString(folder.resolve("many.yaml"), "extends: keep\nnotes:\n"
                + IntStream.range(0, 400).mapToObj(i -> "  n" + i + ": x\n").collect(Collectors.joining()));
        Path bundle = folder.resolve("out.litertlm");
        for (Path one : List.of(policy, many)) {
            Cli.Result result = Cli.run(line(List.of("convert", dense, bundle, "--policy", one), List.of()));
            assertThat(result.code()).as(result.err()).isEqualTo(4);
            assertThat(result.err()).contains("the header of a bundle has room for 8192").hasLineCount(1);
        }
        assertThat(left()).containsExactly("many.yaml", "policy.yaml");
    }

    private static List<BundleItem> system(Path bundle) throws IOException {
        try (ByteSource bytes = ByteSource.of(bundle)) {
            return BundleHeader.read(bytes, Limits.DEFAULT).system();
        }
    }

    private static String header(Path file) throws IOException {
        return new String(Files.readAllBytes(file), 0, 16_384, StandardCharsets.ISO_8859_1);
    }

    static Stream<Arguments> refusals() {
        return Stream.of(
                arguments(2, List.of("--cache-length", "0"), "--cache-length \"0\" is no number of tokens"),
                arguments(2, List.of("--prefill", "16,16"), "--prefill \"16,16\" is no list"),
                arguments(2, List.of("--uuid", "x"), "--uuid \"x\" is no uuid"),
                arguments(2, List.of("--timestamp", "now"), "--timestamp \"now\" is no time"),
                arguments(4, List.of("--cache-length", "64", "--prefill", "128"), "--prefill 128: the caches hold 64 tokens"),
                arguments(4, List.of("--type", "Q4_0"), "--type Q4_0: LiteRT-LM has F32, F16, BF16, int8/channel"),
                arguments(4, List.of("--tensor", "layers.0.mlp.down_proj=bf16"), "cannot be BF16: a product would widen its numbers anew"),
                arguments(4, List.of("--tensor", "layers.0.mlp.down_proj=Q6_K"), "the target has no encoding \"Q6_K\""),
                arguments(4, List.of("--kv-cache", "q4_0"), "--kv-cache q4_0: the caches of LiteRT-LM hold int8"));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void aRefusalLeavesNothing(int code, List<String> options, String message) throws IOException {
        List<Object> arguments = new ArrayList<>(List.of("convert", dense, folder.resolve("out.litertlm")));
        arguments.addAll(options);
        Cli.Result result = Cli.run(arguments.toArray());
        assertThat(result.err()).contains(message);
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.code()).isEqualTo(code);
        assertThat(left()).isEmpty();
    }

    /// A number that half precision makes infinite.
    @Test
    void whatHalfPrecisionDoesNotHoldIsRefused() throws IOException {
        Path large = sources.resolve("large");
        Gemma4Fixture.write(large, Gemma4Options.of(Gemma4Size.TINY));
        EditedFolder edited = EditedFolder.read(large);
        String name = "model.language_model.layers.0.mlp.down_proj.weight";
        for (int exponent : new int[] {15, 16}) {
            ByteBuffer.wrap(edited.bytes(name)).order(ByteOrder.LITTLE_ENDIAN).putShort(0,
                    (short) (Float.floatToRawIntBits(-0x1p0f * (1 << exponent)) >>> 16));
            edited.write();
            Path target = folder.resolve("out.litertlm");
            Cli.Result result = Cli.run(line(List.of("convert", large, target, "--type", "F16"), List.of()));
            if (exponent == 15) {
                assertThat(result.err()).isEmpty();
                Files.delete(target);
            } else {
                assertThat(result.err()).contains(name + " cannot be F16: a number of -65536.0 passes 65504").hasLineCount(1);
                assertThat(result.code()).isEqualTo(4);
            }
            assertThat(left()).isEmpty();
        }
    }

    /// 16-bit numbers go into a bundle and out of it again without a change; a table of bfloat16 numbers stays one.
    @Test
    void sixteenBitsAreKept() throws IOException {
        Path half = folder.resolve("half");
        Path bundle = folder.resolve("half.litertlm");
        Path back = folder.resolve("back");
        assertThat(Cli.run("convert", dense, half, "--to", "safetensors", "--type", "F16").err()).isEmpty();
        assertThat(Cli.run(line(List.of("convert", half, bundle), List.of())).err()).isEmpty();
        assertThat(encodings(bundle)).containsOnly("F16");
        assertThat(Cli.run("convert", bundle, back, "--to", "safetensors", "--type", "F16").err()).isEmpty();
        Cli.Result diff = Cli.run("verify", back, "--against", half, "--tolerance", "exact:1");
        assertThat(diff.code()).as(diff.out() + diff.err()).isZero();
        Path brain = folder.resolve("brain.litertlm");
        assertThat(Cli.run(line(List.of("convert", dense, brain), List.of())).err()).isEmpty();
        assertThat(encodings(brain)).containsOnly("BF16", "F32");
        diff = Cli.run("verify", brain, "--against", dense, "--tolerance", "exact:1");
        assertThat(diff.code()).as(diff.out() + diff.err()).isZero();
    }

    /// Encodings of a bundle's matrices.
    private static List<String> encodings(Path bundle) throws IOException {
        return ReportCheck.list(Cli.run("inspect", bundle, "--json").json(), "tensors").stream()
                .filter(tensor -> tensor.list("shape").orElseThrow().size() == 2).map(tensor -> tensor.text("encoding").orElseThrow())
                .distinct().toList();
    }

    /// Who asks for what only a trained checkpoint has gets the rest, and is told so.
    @Test
    void cachesWithoutScalesHoldNumbers() throws IOException {
        Cli.Result plan = Cli.run("plan", dense, "--to", "litertlm", "--policy", "gemma4-mobile", "--kv-cache", "int8", "--json");
        assertThat(plan.err()).isEmpty();
        assertThat(ReportCheck.list(plan.json(), "findings")).extracting(finding -> finding.text("code").orElseThrow())
                .contains("cache-scales-missing");
        assertThat(ReportCheck.list(plan.json(), "tensors")).extracting(tensor -> tensor.text("encoding").orElseThrow())
                .contains("int2/channel", "int4/channel", "int8/channel");
    }

    @Test
    void codesThatAreGivenUpAreFindings() throws IOException {
        for (String[] type : new String[][] {{"INT4", "requantised"}, {"F32", "codes-not-carried"}, {"INT2", "requantised"}}) {
            Cli.Result plan = Cli.run("plan", mobile, "--to", "litertlm", "--type", type[0], "--json");
            assertThat(ReportCheck.list(plan.json(), "findings")).extracting(finding -> finding.text("code").orElseThrow())
                    .contains(type[1]);
        }
        // A byte holds codes of all widths.
        for (List<String> type : List.of(List.<String>of(), List.of("--type", "INT8"))) {
            List<Object> arguments = new ArrayList<>(List.of("plan", mobile, "--to", "litertlm", "--json"));
            arguments.addAll(type);
            Cli.Result kept = Cli.run(arguments.toArray());
            assertThat(ReportCheck.list(kept.json(), "findings")).extracting(finding -> finding.text("code").orElseThrow())
                    .doesNotContain("requantised", "codes-not-carried");
        }
    }

    @Test
    void aTaskNeedsASentencePieceModel() throws IOException {
        Cli.Result result = Cli.run("convert", dense, folder.resolve("out.task"));
        assertThat(result.err()).contains("a .task holds a SentencePiece model, and the source has no tokenizer.model");
        assertThat(result.code()).isEqualTo(4);
        assertThat(left()).isEmpty();
    }
}
