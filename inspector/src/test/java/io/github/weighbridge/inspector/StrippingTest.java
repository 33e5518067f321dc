package io.github.weighbridge.inspector;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.UnknownFieldSet;
import io.github.weighbridge.fixtures.DecoderFixture;
import io.github.weighbridge.fixtures.DecoderModel;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Options.Numbers;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleItem;
import io.github.weighbridge.litert.file.BundleLayout;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

/// Parts are taken out of any source on the way to any target: their tensors are gone, every document and key that speaks of them speaks of what is
/// left, and the result says what was taken out.
class StrippingTest {
    private static final byte[] SENTENCEPIECE = {0x0a, 3, 0x0a, 1, 'a'};
    private static final List<String> SHORT = List.of("--cache-length", "256", "--prefill", "16");
    private static final Map<String, Pattern> NAMES = Map.of(
            "vision", Pattern.compile("vision|v\\.|mm\\.input|multi_modal"), "audio", Pattern.compile("audio|a\\.|mm\\.a\\."), "ple",
            Pattern.compile("per_layer|inp_gate|\\.proj\\.weight$|blk\\.\\d+\\.post_norm"));
    /// Fields of LlmMetadata: the kind of model; Gemma 4; what it says of images and of sound.
    private static final int MODEL_TYPE = 6;
    private static final int GEMMA4 = 8;
    private static final Map<String, List<Integer>> ENCODER_FIELDS =
            Map.of("vision", List.of(1, 2, 15, 16, 17, 18), "audio", List.of(3, 4));
    private static final List<String> PROCESSORS =
            List.of("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json");

    @TempDir static Path sources;

    @TempDir Path folder;

    private static final Map<String, Path> SOURCES = new LinkedHashMap<>();
    /// The parts that each source has.
    private static final Map<String, Set<String>> PARTS = new HashMap<>();

    @BeforeAll
    static void make() throws IOException {
        for (Numbers numbers : List.of(Numbers.BF16, Numbers.MOBILE)) {
            Path made = sources.resolve(numbers == Numbers.BF16 ? "base" : "gemma");
            Gemma4Fixture.write(made, Gemma4Options.of(Gemma4Size.TINY_TOWERS).withNumbers(numbers));
            processors(made);
            SOURCES.put(made.getFileName().toString(), made);
        }
        SOURCES.put("trained", sources.resolve("trained"));
        TrainedCheckpoints.unpack(SOURCES.get("trained"), TrainedCheckpoints.QAT_Q4_0);
        derive("base", "text.gguf", "gguf");
        derive("gemma", "compressed", "compressed-tensors");
        derive("gemma", "bundle.litertlm", "litertlm");
        derive("gemma", "bundle.task", "task");
        for (Map.Entry<String, Path> source : SOURCES.entrySet()) {
            Value.Fields report = Cli.run("inspect", source.getValue(), "--json").json();
            Set<String> components = new TreeSet<>();
            ReportCheck.list(report, "components").forEach(component -> components.add(component.text("component").orElseThrow()));
            Set<String> parts = new TreeSet<>(Set.of("ple"));
            if (components.contains("vision_encoder")) {
                parts.add("vision");
            }
            if (components.contains("audio_encoder")) {
                parts.add("audio");
            }
            PARTS.put(source.getKey(), parts);
        }
        assertThat(PARTS.get("base")).containsExactly("audio", "ple", "vision");
        assertThat(PARTS.get("compressed")).containsExactly("audio", "ple", "vision");
        assertThat(PARTS.get("text.gguf")).containsExactly("ple");
    }

    /// What beside the tensors is of images and sound.
    private static void processors(Path made) throws IOException {
        Files.write(made.resolve("tokenizer.model"), SENTENCEPIECE);
        Files.writeString(made.resolve("processor_config.json"), "{\"processor_class\": \"Gemma4Processor\", \"image_processor\": {}, "
                + "\"feature_extractor\": {\"sampling_rate\": 16000}, \"image_seq_length\": 280}");
        Files.writeString(made.resolve("preprocessor_config.json"), "{\"image_mean\": [0, 0, 0], \"image_std\": [1, 1, 1]}");
        Path tokenizer = made.resolve("tokenizer_config.json");
        ObjectNode config = (ObjectNode) Look.parse(Files.readAllBytes(tokenizer));
        Files.writeString(tokenizer, config.put("processor_class", "Gemma4Processor").toString());
    }

    private static void derive(String from, String name, String format) {
        Path target = sources.resolve(name);
        assertThat(Cli.run(line(List.of("convert", SOURCES.get(from), target), format, "")).err()).isEmpty();
        SOURCES.put(name, target);
    }

    private static Object[] line(List<?> first, String format, String strip) {
        List<Object> all = new ArrayList<>(first);
        all.addAll(List.of("--to", format.equals("gemma") ? "safetensors" : format));
        if (format.equals("gemma")) {
            all.addAll(List.of("--form", "gemma"));
        }
        if (format.equals("litertlm") || format.equals("task")) {
            all.addAll(SHORT);
        }
        if (!strip.isEmpty()) {
            all.addAll(List.of("--strip", strip));
        }
        return all.toArray();
    }

    static Stream<Arguments> matrix() {
        List<Arguments> all = new ArrayList<>();
        for (String target : List.of("safetensors", "gemma", "compressed-tensors", "gguf", "litertlm", "task")) {
            for (String source : List.of("base", "gemma", "trained", "text.gguf", "compressed", "bundle.litertlm", "bundle.task")) {
                boolean piece = !target.equals("task") || Set.of("base", "gemma", "compressed", "bundle.task").contains(source);
                if (piece) {
                    all.add(arguments(source, target));
                }
            }
        }
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("matrix")
    void whatIsTakenOutIsGoneEverywhere(String source, String format) throws IOException {
        Set<String> there = PARTS.get(source);
        for (String strip : List.of("vision", "audio", "ple", "audio,vision", "audio,ple,vision")) {
            Set<String> parts = Set.of(strip.split(","));
            Path target = folder.resolve("out-" + strip.replace(',', '-') + "." + format);
            Cli.Result result = Cli.run(line(List.of("convert", SOURCES.get(source), target), format, strip));
            String what = source + " without " + strip + " as " + format;
            if (!there.containsAll(parts)) {
                String missing = parts.stream().filter(part -> !there.contains(part)).sorted().findFirst().orElseThrow();
                assertThat(result.code()).as(what).isEqualTo(4);
                assertThat(result.err()).as(what).contains("--strip " + missing + ": ").contains(" has no such part").hasLineCount(1);
                assertThat(target).doesNotExist();
                continue;
            }
            assertThat(result.err()).as(what).isEmpty();
            Value.Fields plan = Cli.run(line(List.of("plan", SOURCES.get(source), target, "--json"), format, strip)).json();
            Value.Fields report = Cli.run("inspect", target, "--json").json();
            ReportCheck.inspect(report, target);
            ReportCheck.same(plan, report);
            findings(what, plan, parts);
            Look look = Look.at(target, format);
            for (String part : parts) {
                assertThat(look.names()).as(what).noneMatch(name -> NAMES.get(part).matcher(name).lookingAt()
                        || name.contains("model." + part) || part.equals("ple") && NAMES.get(part).matcher(name).find());
            }
            assertThat(look.metadata().get("weighbridge.stripped")).as(what).isEqualTo(strip);
            Set<String> encoders = new TreeSet<>(Set.of("vision", "audio"));
            encoders.removeIf(part -> !there.contains(part) || parts.contains(part));
            switch (format) {
                case "gguf" -> {
                    assertThat(look.metadata().keySet()).as(what).contains("gemma4.embedding_length_per_layer_input");
                    assertThat(look.metadata().get("gemma4.embedding_length_per_layer_input").equals("0")).as(what)
                            .isEqualTo(parts.contains("ple"));
                }
                case "litertlm", "task" -> bundle(what, look, parts, there);
                default -> folder(what, look, format, parts, encoders, there);
            }
        }
    }

    private static void findings(String what, Value.Fields plan, Set<String> parts) {
        List<String> texts = ReportCheck.list(plan, "findings").stream().map(finding -> finding.text("message").orElseThrow()).toList();
        for (String part : parts) {
            assertThat(texts).as(what).filteredOn(text -> text.startsWith("--strip " + part + " leaves out ")).hasSize(1);
        }
        if (parts.contains("ple")) {
            assertThat(texts).as(what).anyMatch(text -> text.contains("predicts far worse") && text.contains("llama.cpp"));
        }
    }

    /// @param encoders those that are left
    private static void folder(String what, Look look, String format, Set<String> parts, Set<String> encoders, Set<String> there)
            throws IOException {
        JsonNode config = look.json("config.json");
        boolean last = encoders.isEmpty() && (there.contains("vision") || there.contains("audio"));
        for (String part : List.of("vision", "audio")) {
            assertThat(config.path(part + "_config").isObject()).as(what).isEqualTo(encoders.contains(part));
        }
        JsonNode text = last ? config : config.path("text_config");
        assertThat(text.path("hidden_size_per_layer_input").asInt(-1) == 0).as(what).isEqualTo(parts.contains("ple"));
        assertThat(text.path("num_hidden_layers").asInt()).as(what).isEqualTo(8);
        if (last) {
            assertThat(config.has("text_config")).as(what).isFalse();
            assertThat(config.path("model_type").textValue()).as(what).isEqualTo("gemma4_text");
            assertThat(config.path("architectures").path(0).textValue()).as(what).isEqualTo("Gemma4ForCausalLM");
            assertThat(look.names()).as(what).noneMatch(name -> name.contains("language_model"));
            assertThat(look.documents().keySet()).as(what).doesNotContainAnyElementsOf(PROCESSORS);
        } else if (there.contains("vision")) {
            assertThat(look.documents().keySet()).as(what).contains("processor_config.json", "preprocessor_config.json");
        }
        if (look.documents().containsKey("tokenizer_config.json")) {
            assertThat(look.json("tokenizer_config.json").has("processor_class")).as(what).isEqualTo(there.contains("vision") && !last);
        }
        assertThat(look.documents().keySet()).as(what).contains("tokenizer.json");
        if (look.tensors().size() > 1) {
            JsonNode map = look.json("model.safetensors.index.json").path("weight_map");
            Set<String> listed = new HashSet<>();
            map.fieldNames().forEachRemaining(listed::add);
            assertThat(listed).as(what).isEqualTo(new HashSet<>(look.names()));
        }
        quantization(what, look, format, config.path("quantization_config"));
    }

    /// Rules and lists speak of modules that are there, and of no others.
    private static void quantization(String what, Look look, String format, JsonNode quantization) {
        Set<String> modules = new TreeSet<>();
        look.names().forEach(name -> modules.add(name.substring(0, Math.max(0, name.lastIndexOf('.')))));
        if (format.equals("safetensors")) {
            assertThat(quantization.isMissingNode()).as(what).isTrue();
        } else if (format.equals("gemma")) {
            quantization.path("module_quant_configs").fieldNames().forEachRemaining(pattern -> assertThat(modules).as(what + ": " + pattern)
                    .anyMatch(module -> Pattern.compile(pattern).matcher(module).find()));
            quantization.path("modules_to_not_convert").forEach(name -> assertThat(modules).as(what).contains(name.textValue()));
        } else {
            List<JsonNode> lists = new ArrayList<>(List.of(quantization.path("ignore")));
            quantization.path("config_groups").forEach(group -> lists.add(group.path("targets")));
            modules.add("lm_head");
            for (JsonNode list : lists) {
                list.forEach(target -> assertThat(modules).as(what + ": " + target).anyMatch(module -> names(target.textValue(), module)));
            }
        }
    }

    private static boolean names(String target, String module) {
        return target.startsWith("re:") ? Pattern.compile(target.substring(3)).matcher(module).lookingAt()
                : target.equals("Linear") || target.equals(module);
    }

    private static void bundle(String what, Look look, Set<String> parts, Set<String> there) throws IOException {
        JsonNode config = look.json("config.json");
        for (String part : parts) {
            assertThat(config.path(part + "_config").isObject()).as(what).isFalse();
            assertThat(look.tensors().keySet()).as(what).noneMatch(model -> model.toLowerCase(java.util.Locale.ROOT).contains(part));
        }
        assertThat(config.path("text_config").path("hidden_size_per_layer_input").asInt() == 0).as(what).isEqualTo(parts.contains("ple"));
        assertThat(look.tensors().keySet().stream().anyMatch(model -> model.toLowerCase(java.util.Locale.ROOT).contains("per_layer")))
                .as(what).isEqualTo(!parts.contains("ple"));
        UnknownFieldSet metadata =
                UnknownFieldSet.parseFrom(look.documents().getOrDefault(SectionKind.LLM_METADATA.word(), look.documents().get("METADATA")));
        UnknownFieldSet gemma = UnknownFieldSet.parseFrom(
                UnknownFieldSet.parseFrom(metadata.getField(MODEL_TYPE).getLengthDelimitedList().getFirst()).getField(GEMMA4)
                        .getLengthDelimitedList().getFirst());
        for (Map.Entry<String, List<Integer>> encoder : ENCODER_FIELDS.entrySet()) {
            if (parts.contains(encoder.getKey())) {
                assertThat(encoder.getValue()).as(what).noneMatch(gemma::hasField);
            }
        }
        if (parts.containsAll(Set.of("vision", "audio")) || !there.contains("vision")) {
            assertThat(look.documents().keySet()).as(what).doesNotContainAnyElementsOf(PROCESSORS);
            assertThat(new String(look.documents().getOrDefault("tokenizer_config.json", new byte[0]), StandardCharsets.UTF_8)).as(what)
                    .doesNotContain("processor_class");
        }
    }

    /// A second conversion passes on what the first says, and adds to it.
    @Test
    void recordsAreHandedOn() throws IOException {
        Path policy = Files.writeString(folder.resolve("policy.yaml"), """
                kv_cache: { sliding: f16, full: int8 }
                notes: { made_for: a phone, b: first }
                """);
        List<List<String>> ways = List.of(List.of("safetensors:vision", "compressed-tensors:audio", "gguf:ple", "gguf:", "safetensors:"),
                List.of("task:vision", "litertlm:ple", "safetensors:", "task:", "compressed-tensors:", "gguf:"),
                List.of("gemma:audio", "task:vision", "safetensors:ple"), List.of("gguf:vision", "gguf:ple", "litertlm:"));
        for (List<String> way : ways) {
            Path from = SOURCES.get("gemma");
            Set<String> stripped = new TreeSet<>();
            for (int i = 0; i < way.size(); i++) {
                String[] step = way.get(i).split(":", -1);
                Path target = folder.resolve(ways.indexOf(way) + "-" + i + "." + step[0]);
                List<Object> line = new ArrayList<>(Arrays.asList(line(List.of("convert", from, target), step[0], step[1])));
                if (i == 0) {
                    line.addAll(List.of("--policy", policy));
                }
                Cli.Result result = Cli.run(line.toArray());
                String what = way + " " + i;
                if (!step[1].isEmpty() && !result.err().isEmpty()) {
                    // Formats that leave encoders out have none to strip later.
                    assertThat(result.err()).as(what).contains("has no such part");
                    break;
                }
                assertThat(result.err()).as(what).isEmpty();
                if (!step[1].isEmpty()) {
                    stripped.add(step[1]);
                }
                Look look = Look.at(target, step[0]);
                assertThat(look.metadata().get("weighbridge.stripped")).as(what).isEqualTo(String.join(",", stripped));
                assertThat(look.metadata()).as(what).containsEntry("weighbridge.note.made_for", "a phone")
                        .containsEntry("weighbridge.note.b", "first");
                from = target;
            }
        }
    }

    /// What a policy has only to leave out where it is there is neither refused nor recorded.
    @Test
    void aPolicyLeavesOutWhatIsThere() throws IOException {
        Path policy = Files.writeString(folder.resolve("policy.yaml"), "strip: [vision, ple]\n");
        Path target = folder.resolve("out.gguf");
        assertThat(Cli.run("convert", SOURCES.get("trained"), target, "--policy", policy).err()).isEmpty();
        assertThat(Look.at(target, "gguf").metadata()).containsEntry("weighbridge.stripped", "ple");
        Path again = folder.resolve("again.gguf");
        Cli.Result twice = Cli.run("convert", target, again, "--strip", "ple");
        assertThat(twice.code()).isEqualTo(4);
        assertThat(twice.err()).contains("--strip ple: ", "has no such part: it was taken out before, as weighbridge.stripped says")
                .hasLineCount(1);
    }

    /// No model of the families that are known holds layers for several tokens at once: Gemma 4's drafter is a checkpoint of its own, and nothing
    /// would be left of it.
    @ParameterizedTest
    @CsvSource({"TINY, (gemma4) has no such part", "TINY_MOE, (gemma4) has no such part",
        "TINY_ASSISTANT, is that part alone: nothing would be left"})
    void noModelHoldsADrafter(Gemma4Size size, String reason) throws IOException {
        Path source = folder.resolve("source");
        Gemma4Fixture.write(source, Gemma4Options.of(size));
        for (String format : List.of("safetensors", "compressed-tensors", "gguf", "litertlm")) {
            Cli.Result result = Cli.run(line(List.of("plan", source), format, "mtp"));
            assertThat(result.code()).as(format).isEqualTo(4);
            assertThat(result.err()).as(format).contains("--strip mtp: ", reason).hasLineCount(1);
        }
    }

    /// The whole Gemma 3 wants its tower; what is left is the text model, under the names and the class of its own, and gives the same GGUF.
    @Test
    void gemma3IsLeftAsItsTextModel() throws IOException {
        Path source = folder.resolve("source");
        DecoderFixture.write(source, DecoderModel.GEMMA3_VISION, SafetensorsType.BF16, 1);
        Path text = folder.resolve("text");
        assertThat(Cli.run("convert", source, text, "--to", "safetensors", "--strip", "vision").err()).isEmpty();
        Look look = Look.at(text, "safetensors");
        JsonNode config = look.json("config.json");
        assertThat(config.path("model_type").textValue()).isEqualTo("gemma3_text");
        assertThat(config.path("architectures").path(0).textValue()).isEqualTo("Gemma3ForCausalLM");
        assertThat(config.has("text_config") || config.path("vision_config").isObject()).isFalse();
        assertThat(config.path("num_hidden_layers").intValue()).isEqualTo(7);
        assertThat(look.names()).isNotEmpty().allMatch(name -> name.startsWith("model.layers.") || name.startsWith("model.embed_tokens")
                || name.startsWith("model.norm") || name.startsWith("lm_head"));
        Path left = folder.resolve("left.gguf");
        Path straight = folder.resolve("straight.gguf");
        assertThat(Cli.run("convert", text, left).err()).isEmpty();
        assertThat(Cli.run("convert", source, straight, "--strip", "vision").err()).isEmpty();
        assertThat(Cli.run("verify", left, "--against", straight, "--tolerance", "max_abs:0").code()).isZero();
        Map<String, String> first = new HashMap<>(Look.at(left, "gguf").metadata());
        Map<String, String> second = new HashMap<>(Look.at(straight, "gguf").metadata());
        first.remove("general.name");
        second.remove("general.name");
        assertThat(first).isEqualTo(second).containsEntry("weighbridge.stripped", "vision");
    }

    /// A bundle as others make them, without the documents that make it a source, and with a drafter beside.
    private static Path foreign(Path ours, Path target) throws IOException {
        byte[] bytes = Files.readAllBytes(ours);
        List<BundleLayout.Planned> planned = new ArrayList<>();
        List<byte[]> contents = new ArrayList<>();
        try (ByteSource source = ByteSource.of(ours)) {
            BundleHeader header = BundleHeader.read(source, Limits.DEFAULT);
            for (BundleSection section : header.sections()) {
                byte[] own = Arrays.copyOfRange(bytes, (int) section.begin(), (int) section.end());
                if (!section.kind().equals(SectionKind.GENERIC)) {
                    planned.add(new BundleLayout.Planned(section.kind(), section.items(), own.length));
                    contents.add(own);
                }
                if (section.modelType().equals(BundleSection.EMBEDDER)) {
                    planned.add(new BundleLayout.Planned(section.kind(),
                            List.of(BundleItem.of(BundleSection.MODEL_TYPE, "tf_lite_mtp_drafter")), own.length));
                    contents.add(own);
                }
            }
            BundleLayout layout = BundleLayout.of(5, List.of(BundleItem.of("Authors", "somebody")), planned, false);
            byte[] file = Arrays.copyOf(layout.prefix(), (int) layout.length());
            for (int i = 0; i < contents.size(); i++) {
                System.arraycopy(contents.get(i), 0, file, (int) layout.header().sections().get(i).begin(), contents.get(i).length);
            }
            return Files.write(target, file);
        }
    }

    private static Map<String, byte[]> sections(Path bundle) throws IOException {
        Map<String, byte[]> sections = new LinkedHashMap<>();
        byte[] bytes = Files.readAllBytes(bundle);
        try (ByteSource source = ByteSource.of(bundle)) {
            for (BundleSection section : BundleHeader.read(source, Limits.DEFAULT).sections()) {
                sections.put(section.kind().word() + " " + (section.kind().equals(SectionKind.TFLITE_MODEL) ? section.modelType() : ""),
                        Arrays.copyOfRange(bytes, (int) section.begin(), (int) section.end()));
            }
        }
        return sections;
    }

    /// Graphs of others cannot be built anew, but models of images, sound and drafters can be left out, with what the runtime is told of them.
    @Test
    void modelsOfForeignBundlesAreLeftOut() throws IOException {
        Path ours = folder.resolve("ours.litertlm");
        assertThat(Cli.run(line(List.of("convert", SOURCES.get("base"), ours), "litertlm", "")).err()).isEmpty();
        Path whole = foreign(ours, folder.resolve("whole.litertlm"));
        Map<String, byte[]> before = sections(whole);
        Set<String> stripped = new TreeSet<>();
        Path from = whole;
        for (String part : List.of("vision", "mtp", "audio")) {
            String word = part.equals("mtp") ? "mtp_" : part;
            boolean there = sections(from).keySet().stream().anyMatch(name -> name.contains(word));
            Path target = folder.resolve("without-" + part + ".litertlm");
            Value.Fields plan = Cli.run("plan", from, target, "--to", "litertlm", "--strip", part, "--json").json();
            Cli.Result result = Cli.run("convert", from, target, "--strip", part);
            if (!there) {
                assertThat(result.err()).contains("--strip " + part + ": ", " has no such part").hasLineCount(1);
                continue;
            }
            assertThat(result.err()).isEmpty();
            stripped.add(part);
            Value.Fields report = Cli.run("inspect", target, "--json").json();
            ReportCheck.inspect(report, target);
            ReportCheck.same(plan, report);
            Map<String, byte[]> left = sections(target);
            assertThat(left.keySet()).noneMatch(name -> name.contains(word));
            Set<String> expected = new HashSet<>(before.keySet());
            expected.removeIf(name -> stripped.stream().anyMatch(gone -> name.contains(gone.equals("mtp") ? "mtp_" : gone)));
            assertThat(left.keySet()).isEqualTo(expected);
            left.forEach((name, bytes) -> {
                if (!name.startsWith(SectionKind.LLM_METADATA.word())) {
                    assertThat(Arrays.equals(bytes, before.get(name))).as(name).isTrue();
                }
            });
            assertThat(Look.at(target, "litertlm").metadata()).containsEntry("weighbridge.stripped", String.join(",", stripped))
                    .containsEntry("Authors", "somebody");
            UnknownFieldSet metadata = UnknownFieldSet.parseFrom(left.get(SectionKind.LLM_METADATA.word() + " "));
            UnknownFieldSet gemma = UnknownFieldSet.parseFrom(UnknownFieldSet.parseFrom(metadata.getField(MODEL_TYPE)
                    .getLengthDelimitedList().getFirst()).getField(GEMMA4).getLengthDelimitedList().getFirst());
            assertThat(ENCODER_FIELDS.getOrDefault(part, List.of())).noneMatch(gemma::hasField);
            from = target;
        }
        assertThat(stripped).contains("mtp", "vision");
        Cli.Result ple = Cli.run("convert", whole, folder.resolve("never.litertlm"), "--strip", "ple");
        assertThat(ple.code()).isEqualTo(4);
        assertThat(ple.err()).contains("--strip ple: ", " has no such part").hasLineCount(1);
        Cli.Result gguf = Cli.run("convert", whole, folder.resolve("never.gguf"), "--strip", "vision");
        assertThat(gguf.code()).isEqualTo(4);
        assertThat(gguf.err()).contains("gguf needs to know the architecture").hasLineCount(1);
        assertThat(folder.resolve("never.litertlm")).doesNotExist();
    }

    @Test
    void encodersOfAnUnknownFileAreNoParts() throws IOException {
        Path mmproj = folder.resolve("mmproj.gguf");
        assertThat(Cli.run("convert", SOURCES.get("base"), mmproj, "--mmproj", mmproj).err()).isEmpty();
        Cli.Result result = Cli.run("plan", mmproj, "--to", "gguf", "--strip", "vision");
        assertThat(result.code()).isEqualTo(4);
        assertThat(result.err()).contains("--strip vision: ", "has no such part").hasLineCount(1);
        assertThat(Optional.ofNullable(Look.at(mmproj, "gguf").metadata().get("weighbridge.stripped"))).isEmpty();
    }
}
