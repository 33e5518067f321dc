package io.github.weighbridge.litert;

import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.fixtures.litert.TfliteSignature;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.litert.file.StoredZip;
import io.github.weighbridge.litert.file.proto.Gemma4;
import io.github.weighbridge.litert.file.proto.LlmMetadata;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.Piece;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.safetensors.SafetensorsFormat;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// Encoders as sections of a bundle: which there are, that they hold everything once, and what is read back. What their graphs compute is another
/// test's matter.
class BundleEncodersTest {
    private static final Map<String, String> SHORT = Map.of("cache-length", "64", "prefill", "32");
    private static final Set<String> LEFT_OUT =
            Set.of("dead-weights-left-out", "encoders-left-out", "uncalibrated-scales-left-out", "tensors-left-out");

    @TempDir private static Path folder;

    /// Conversions that several tests look at.
    private static final Map<Gemma4Options.Numbers, Converted> CONVERTED = new EnumMap<>(Gemma4Options.Numbers.class);

    private record Converted(Path source, Path bundle, ConversionPlan plan) {
        static Converted of(Gemma4Options.Numbers numbers) throws IOException, PolicyException {
            Converted known = CONVERTED.get(numbers);
            if (known == null) {
                Path source = folder.resolve("source-" + numbers);
                Gemma4Fixture.write(source, Gemma4Options.of(Gemma4Size.TINY_TOWERS).withNumbers(numbers).withThreads(1));
                Path bundle = folder.resolve(numbers + ".litertlm");
                known = new Converted(source, bundle, Bundles.write(source, bundle, Policy.KEEP, SHORT));
                CONVERTED.put(numbers, known);
            }
            return known;
        }
    }

    private static List<String> sections(Path bundle) throws IOException {
        try (ByteSource source = ByteSource.of(bundle)) {
            return BundleHeader.read(source, Limits.DEFAULT).sections().stream()
                    .filter(section -> section.kind().equals(SectionKind.TFLITE_MODEL)).map(BundleSection::modelType).toList();
        }
    }

    /// Every stored tensor of the source is in one section, the embeddings excepted, whose head and whose rows of end tokens are stored again; or a
    /// finding names it.
    @ParameterizedTest
    @EnumSource(names = {"BF16", "MOBILE"})
    void sectionsHoldEverythingOnce(Gemma4Options.Numbers numbers) throws Exception {
        Converted converted = Converted.of(numbers);
        Path bundle = converted.bundle();
        ConversionPlan plan = converted.plan();
        assertThat(Files.size(bundle)).isEqualTo(plan.bytes());
        List<BundleSection> sections;
        try (ByteSource source = ByteSource.of(bundle)) {
            sections = BundleHeader.read(source, Limits.DEFAULT).sections();
        }
        Map<String, Set<String>> places = new HashMap<>();
        for (Job job : plan.jobs()) {
            Span codes = job.target().planes().getFirst();
            String section = sections.stream().filter(one -> one.begin() <= codes.offset() && codes.end() <= one.end()).findFirst()
                    .orElseThrow().modelType();
            View.stored(job.view()).forEach(stored -> places.computeIfAbsent(stored.name(), _ -> new TreeSet<>()).add(section));
        }
        Set<String> named = new TreeSet<>();
        plan.findings().stream().filter(finding -> LEFT_OUT.contains(finding.code()))
                .forEach(finding -> named.addAll(finding.tensors()));
        try (Checkpoint source = new SafetensorsFormat().open(Source.of(converted.source()), ReadOptions.defaults())) {
            for (StoredTensor stored : source.graph().stored()) {
                Set<String> own = places.getOrDefault(stored.name(), Set.of());
                if (stored.name().contains("embed_tokens.")) {
                    assertThat(own).as(stored.name()).contains(BundleSection.EMBEDDER, BundleSection.END_OF_VISION);
                } else if (!named.contains(stored.name())) {
                    assertThat(own).as(stored.name()).hasSize(1);
                } else {
                    assertThat(own).as(stored.name()).isEmpty();
                }
                if (stored.name().contains("vision_tower")) {
                    assertThat(own).as(stored.name()).containsExactly(BundleSection.VISION_ENCODER);
                } else if (stored.name().contains("audio_tower")) {
                    assertThat(own).as(stored.name()).containsExactly(BundleSection.AUDIO_ENCODER);
                } else if (stored.name().contains("embed_audio")) {
                    assertThat(own).as(stored.name()).containsExactly(BundleSection.AUDIO_ADAPTER);
                } else if (stored.name().contains("embed_vision")) {
                    assertThat(own).as(stored.name()).containsExactly(BundleSection.VISION_ADAPTER);
                }
            }
        }
        assertThat(named).noneMatch(name -> name.contains("vision") || name.contains("audio"));
    }

    /// A bundle is as good a source as the folder: the same numbers, codes where there were codes, and the configuration of the encoder.
    @ParameterizedTest
    @EnumSource(names = {"BF16", "MOBILE"})
    void aBundleWithEncodersIsASource(Gemma4Options.Numbers numbers) throws Exception {
        Path source = Converted.of(numbers).source();
        Path bundle = Converted.of(numbers).bundle();
        ConversionPlan plan = Converted.of(numbers).plan();
        try (Checkpoint before = new SafetensorsFormat().open(Source.of(source), ReadOptions.defaults());
                Checkpoint after = new LitertlmFormat().open(Source.of(bundle), ReadOptions.defaults())) {
            assertThat(after.graph().stored()).containsExactlyInAnyOrderElementsOf(plan.tensors());
            for (StoredTensor stored : after.graph().stored()) {
                assertThat(after.graph().identity(stored)).as(stored.name()).isEqualTo(plan.identities().get(stored.name()));
            }
            assertThat(after.architecture().parameters().object("vision_config"))
                    .isEqualTo(before.architecture().parameters().object("vision_config"));
            int encoder = 0;
            for (Weight weight : before.graph().weights()) {
                if (weight.identity().component().equals(Component.VISION_ENCODER)) {
                    encoder++;
                    Weight again = after.graph().weight(weight.key()).orElseThrow();
                    assertThat(numbers(after, again.view())).as(weight.key()).isEqualTo(numbers(before, weight.view()));
                    boolean codes = weight.stored().getFirst().planes().size() > 1;
                    assertThat(again.stored().getFirst().planes().size() > 1).as(weight.key()).isEqualTo(codes);
                    if (codes) {
                        // Eight bits are stored alike in both.
                        assertThat(bytes(after, again.stored().getFirst())).as(weight.key())
                                .isEqualTo(bytes(before, weight.stored().getFirst()));
                    }
                    assertThat(again.inputScale().isPresent()).as(weight.key()).isEqualTo(weight.inputScale().isPresent());
                    if (again.inputScale().isPresent()) {
                        assertThat(numbers(after, View.of(again.inputScale().get())))
                                .isEqualTo(numbers(before, View.of(weight.inputScale().orElseThrow())));
                        assertThat(numbers(after, View.of(again.outputScale().orElseThrow())))
                                .isEqualTo(numbers(before, View.of(weight.outputScale().orElseThrow())));
                    }
                }
            }
            assertThat(encoder).isGreaterThanOrEqualTo(28);
        }
    }

    private static ByteBuffer model(Path bundle, String type) throws IOException {
        BundleSection section = Bundles.model(bundle, type).orElseThrow();
        try (ByteSource source = ByteSource.of(bundle)) {
            return ByteBuffer.wrap(source.readBytes(section.begin(), Math.toIntExact(section.length())));
        }
    }

    @Test
    void modelsOfABundleMadeOfABundleAreTheSame() throws Exception {
        Path bundle = Converted.of(Gemma4Options.Numbers.MOBILE).bundle();
        Path again = folder.resolve("again.litertlm");
        try (Checkpoint source = new LitertlmFormat().open(Source.of(bundle), ReadOptions.defaults())) {
            TargetRequest request = TargetRequest.named("again.litertlm");
            for (Map.Entry<String, String> option : SHORT.entrySet()) {
                request = request.withOption(option.getKey(), option.getValue());
            }
            ConversionPlan plan = Planner.plan(source, new LitertlmFormat(), Policy.KEEP, request);
            assertThat(plan.jobs()).as("made anew, not copied whole").isNotEmpty();
            Engine.run(plan, source, again, EngineOptions.defaults());
        }
        // Documents, of which config.json is rendered anew, are not compared.
        assertThat(sections(again)).isEqualTo(sections(bundle)).hasSize(9);
        for (String type : sections(bundle)) {
            assertThat(model(again, type)).as(type).isEqualTo(model(bundle, type));
        }
    }

    private static float[] numbers(Checkpoint checkpoint, View view) throws IOException {
        try (ViewReader reader = new ViewReader(checkpoint.files().stream().map(CheckpointFile::source).toList())) {
            float[] numbers = new float[Math.toIntExact(view.shape().elements())];
            reader.read(view, Region.all(view.shape()), numbers, 0);
            return numbers;
        }
    }

    /// Codes and scales.
    private static List<ByteBuffer> bytes(Checkpoint checkpoint, StoredTensor tensor) throws IOException {
        List<ByteBuffer> planes = new ArrayList<>();
        for (Span plane : tensor.planes()) {
            planes.add(ByteBuffer.wrap(
                    checkpoint.files().get(plane.file()).source().readBytes(plane.offset(), Math.toIntExact(plane.length()))));
        }
        return planes;
    }

    @Test
    void metadataSaysHowImagesAreCut() throws Exception {
        Path bundle = Converted.of(Gemma4Options.Numbers.BF16).bundle();
        Gemma4 gemma = metadata(bundle).getLlmModelType().getGemma4();
        assertThat(gemma.getPatchWidth()).isEqualTo(16);
        assertThat(gemma.getPatchHeight()).isEqualTo(16);
        assertThat(gemma.getPoolingKernelSize()).isEqualTo(3);
        assertThat(gemma.getMaxNumPatches()).isEqualTo(9 * 16);
        assertThat(gemma.hasStartOfImageToken() || gemma.hasEndOfImageToken()).as("not named: the engine has its own").isFalse();
        Path source = Converted.of(Gemma4Options.Numbers.BF16).source();
        Path tokenizer = source.resolve("tokenizer_config.json");
        byte[] before = Files.readAllBytes(tokenizer);
        Value.Fields config = Json.parseObject(ByteSource.of("tokenizer_config.json", before), Limits.DEFAULT);
        String end = Long.toString(Gemma4Fixture.config(Gemma4Options.of(Gemma4Size.TINY_TOWERS)).whole("eoi_token_id").orElseThrow());
        Files.write(tokenizer, Json.prettyBytes(config.with("boi_token", Value.of("<|image>")).with("added_tokens_decoder",
                new Value.Fields(Map.of(end, new Value.Fields(Map.of("content", Value.of("<image|>"))))))));
        Path named = folder.resolve("named.litertlm");
        Bundles.write(source, named, Policy.KEEP, SHORT);
        Files.write(tokenizer, before);
        // Numbers would do for a reader, and the engine refuses them.
        assertThat(metadata(named).getLlmModelType().getGemma4().getStartOfImageToken().getTokenStr()).isEqualTo("<|image>");
        assertThat(metadata(named).getLlmModelType().getGemma4().getEndOfImageToken().getTokenStr()).isEqualTo("<image|>");
        Path without = folder.resolve("text.litertlm");
        Bundles.write(Converted.of(Gemma4Options.Numbers.BF16).source(), without, Policy.KEEP.withStrip(Set.of("vision")), SHORT);
        assertThat(metadata(without).getLlmModelType().getGemma4().getMaxNumPatches()).isZero();
        assertThat(sections(without)).noneMatch(type -> type.contains("vision"));
        assertThat(sections(bundle)).contains(BundleSection.VISION_ENCODER, BundleSection.VISION_ADAPTER, BundleSection.END_OF_VISION);
    }

    private static LlmMetadata metadata(Path bundle) throws IOException {
        try (ByteSource source = ByteSource.of(bundle)) {
            BundleSection section = BundleHeader.read(source, Limits.DEFAULT).sections().stream()
                    .filter(one -> one.kind().equals(SectionKind.LLM_METADATA)).findFirst().orElseThrow();
            return LlmMetadata.parseFrom(source.readBytes(section.begin(), Math.toIntExact(section.length())));
        }
    }

    /// The engine asks nothing of the model and puts its one result behind the image: the embedding of the token that ends images.
    @ParameterizedTest
    @EnumSource(names = {"BF16", "MOBILE"})
    void theEndOfAnImageIsTheEmbeddingOfItsToken(Gemma4Options.Numbers numbers) throws Exception {
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(absence.isEmpty(), absence::orElseThrow);
        Path bundle = Converted.of(numbers).bundle();
        Path source = Converted.of(numbers).source();
        int token;
        try (Checkpoint checkpoint = new SafetensorsFormat().open(Source.of(source), ReadOptions.defaults())) {
            token = checkpoint.architecture().parameters().whole("eoi_token_id").orElseThrow().intValue();
        }
        try (TfliteModel end = Bundles.open(bundle, Bundles.model(bundle, BundleSection.END_OF_VISION).orElseThrow());
                TfliteModel embedder = Bundles.open(bundle, Bundles.model(bundle, BundleSection.EMBEDDER).orElseThrow())) {
            TfliteSignature one = end.onlySignature();
            assertThat(one.inputs()).isEmpty();
            assertThat(one.outputs()).hasSize(1);
            one.run();
            TfliteSignature look = embedder.onlySignature();
            look.input(look.inputs().getFirst()).putInt(token);
            look.run();
            ByteBuffer found = one.output(one.outputs().getFirst());
            assertThat(one.shape(one.outputs().getFirst())).hasSize(3).startsWith(1, 1);
            assertThat(found).isEqualTo(look.output(look.outputs().getFirst()));
        }
    }

    @Test
    void policiesDecideOnEncodersAsOnAnything() throws Exception {
        Path source = Converted.of(Gemma4Options.Numbers.BF16).source();
        Policy policy = PolicyFiles.parse("test.yaml", """
                name: test
                rules:
                  - match: { component: vision_encoder, role: [ffn_gate, ffn_up, ffn_down] }
                    encoding: int4/channel
                  - match: { component: vision_encoder, role: [attention_q, attention_k, attention_v, attention_output] }
                    encoding: int8/channel
                default: keep
                """);
        Path bundle = folder.resolve("policy.litertlm");
        ConversionPlan plan = Bundles.write(source, bundle, policy, SHORT);
        for (StoredTensor tensor : plan.tensors()) {
            if (tensor.name().contains("vision_tower") && tensor.shape().rank() == 2) {
                String expected =
                        tensor.name().contains("mlp") ? "int4/channel" : tensor.name().contains("self_attn") ? "int8/channel" : "F";
                assertThat(tensor.encoding().name()).as(tensor.name()).startsWith(expected);
            }
        }
        assertThat(Files.size(bundle)).isEqualTo(plan.bytes());
        Policy drop = PolicyFiles.parse("drop.yaml", """
                name: drop
                rules:
                  - match: { component: vision_encoder }
                    encoding: drop
                default: keep
                """);
        ConversionPlan left = Bundles.write(source, folder.resolve("dropped.litertlm"), drop, SHORT);
        assertThat(sections(folder.resolve("dropped.litertlm"))).noneMatch(type -> type.contains("vision"));
        assertThat(left.findings()).filteredOn(finding -> finding.code().equals("encoders-left-out")).flatExtracting(Finding::tensors)
                .filteredOn(name -> name.contains("vision")).containsExactly("model.embed_vision.embedding_projection.weight");
        Policy part = PolicyFiles.parse("part.yaml", """
                name: part
                rules:
                  - match: { component: vision_encoder, role: ffn_down, layers: 1 }
                    encoding: drop
                default: keep
                """);
        assertThatThrownBy(() -> Bundles.write(source, folder.resolve("part.litertlm"), part, SHORT)).isInstanceOf(PolicyException.class)
                .hasMessageContaining("needs model.vision_tower.encoder.layers.1.mlp.down_proj.linear.weight");
    }

    /// A named type is for the layers of encoders too, with at least 8 bits.
    @Test
    void aNamedTypeLeavesEncodersEightBits() throws Exception {
        try (Checkpoint checkpoint = virtual(Gemma4Options.of(Gemma4Size.TINY_TOWERS), "towers")) {
            ConversionPlan plan = Planner.plan(checkpoint, new LitertlmFormat(), Policy.KEEP.withType("INT4", false),
                    TargetRequest.named("out.litertlm"));
            for (StoredTensor tensor : plan.tensors()) {
                if (tensor.name().contains("vision") && tensor.shape().rank() == 2 && !tensor.name().contains("end_of")) {
                    assertThat(tensor.encoding().name()).as(tensor.name())
                            .startsWith(tensor.name().contains("encoder.layers") ? "int8/channel" : "F");
                }
            }
        }
    }

    /// What no graph can have is refused in one sentence; the way out is in it.
    @ParameterizedTest
    @CsvSource({"head_dim, 30", "num_key_value_heads, 1", "pooling_kernel_size, 4000", "default_output_length, 65536",
        "hidden_activation, relu", "rms_norm_eps, -1"})
    void configurationsThatNoGraphCanHaveAreRefused(String name, String value) throws Exception {
        Value number = value.equals("relu") ? Value.of(value) : Value.of(Long.parseLong(value));
        // Those beyond what reading itself refuses.
        try (Checkpoint checkpoint = virtual(Gemma4Options.of(Gemma4Size.TINY_TOWERS), "towers")) {
            Value.Fields parameters = checkpoint.architecture().parameters();
            Value.Fields vision = parameters.object("vision_config").orElseThrow().with(name, number);
            Checkpoint changed = new Checkpoint(checkpoint.format(), checkpoint.formatVersion(), checkpoint.files(),
                    checkpoint.architecture()
                            .withParameters(parameters.without("vision_soft_tokens_per_image").with("vision_config", vision)),
                    checkpoint.graph(), checkpoint.documents(), List.of(), List.of());
            assertThatThrownBy(() -> Planner.plan(changed, new LitertlmFormat(), Policy.KEEP, TargetRequest.named("out.litertlm")))
                    .isInstanceOf(PolicyException.class).hasMessageContaining("no vision graph for").hasMessageContaining("--strip vision");
        }
    }

    @Test
    void numbersOfSoftTokensThatNoImageHasAreRefused() throws Exception {
        try (Checkpoint towers = virtual(Gemma4Options.of(Gemma4Size.TINY_TOWERS), "towers");
                Checkpoint text = virtual(Gemma4Options.of(Gemma4Size.TINY), "text")) {
            TargetRequest request = TargetRequest.named("out.litertlm");
            for (String bad : List.of("", "0", "70,70", "many", "70,,140")) {
                assertThatThrownBy(
                        () -> Planner.plan(towers, new LitertlmFormat(), Policy.KEEP, request.withOption("image-tokens", bad)))
                        .as(bad).isInstanceOf(PolicyException.class).hasMessageContaining("--image-tokens \"" + bad + "\" is no list");
            }
            assertThatThrownBy(
                    () -> Planner.plan(towers, new LitertlmFormat(), Policy.KEEP, request.withOption("image-tokens", "7282")))
                    .isInstanceOf(PolicyException.class).hasMessageContaining("7282 soft tokens of 3 x 3 patches");
            assertThatThrownBy(() -> Planner.plan(text, new LitertlmFormat(), Policy.KEEP, request.withOption("image-tokens", "70")))
                    .isInstanceOf(PolicyException.class).hasMessage("--image-tokens: no encoder of images is written");
        }
    }

    /// An archive has the same models as entries.
    @Test
    void archivesHoldEncodersToo() throws Exception {
        Path source = Converted.of(Gemma4Options.Numbers.MOBILE).source();
        Files.write(source.resolve("tokenizer.model"), new byte[] {10, 0});
        Path task = folder.resolve("out.task");
        ConversionPlan plan = Bundles.write(source, task, Policy.KEEP, SHORT);
        Files.delete(source.resolve("tokenizer.model"));
        assertThat(Files.size(task)).isEqualTo(plan.bytes());
        try (ByteSource bytes = ByteSource.of(task);
                Checkpoint read = new TaskFormat().open(Source.of(task), ReadOptions.defaults())) {
            assertThat(StoredZip.read(bytes, Limits.DEFAULT).entries()).extracting(StoredZip.Entry::name).contains("TF_LITE_VISION_ENCODER",
                    "TF_LITE_VISION_ADAPTER", "TF_LITE_END_OF_VISION", "TF_LITE_PREFILL_DECODE");
            assertThat(read.graph().stored()).containsExactlyInAnyOrderElementsOf(plan.tensors());
        }
    }

    /// The sections of Google's bundle of E2B have 219 090 120, 4 727 112 and 6 772 bytes.
    @Test
    void sectionsOfTheRealSizeAreAsLargeAsGoogles() throws Exception {
        try (Checkpoint checkpoint = virtual(Gemma4Options.of(Gemma4Size.E2B).withNumbers(Gemma4Options.Numbers.MOBILE), "e2b")) {
            ConversionPlan plan = Planner.plan(checkpoint, new LitertlmFormat(), Policy.KEEP, TargetRequest.named("out.litertlm"));
            Map<String, Long> lengths = new HashMap<>();
            BundleHeader.read(new Beginning(plan), Limits.DEFAULT).sections().stream()
                    .filter(section -> section.kind().equals(SectionKind.TFLITE_MODEL))
                    .forEach(section -> lengths.put(section.modelType(), section.length()));
            System.out.println("E2B mobile: " + lengths);
            assertThat((double) lengths.get(BundleSection.VISION_ENCODER)).isCloseTo(219_090_120, withinPercentage(0.5));
            assertThat((double) lengths.get(BundleSection.VISION_ADAPTER)).isCloseTo(4_727_112, withinPercentage(0.5));
            assertThat((double) lengths.get(BundleSection.END_OF_VISION)).isCloseTo(6_772, withinPercentage(5));
        }
    }

    /// The first rendered bytes of a file that is planned, which is as long as it will be.
    private record Beginning(ConversionPlan plan) implements ByteSource {
        @Override
        public String name() {
            return "plan";
        }

        @Override
        public long length() {
            return plan.bytes();
        }

        @Override
        public void read(long offset, MemorySegment target) {
            Piece.Rendered first = (Piece.Rendered) plan.files().getFirst().pieces().getFirst();
            MemorySegment.copy(first.blob().segment(), offset, target, 0, target.byteSize());
        }

        @Override
        public void close() {}
    }

    private static Checkpoint virtual(Gemma4Options options, String name) throws IOException {
        return new SafetensorsFormat().open(new Source(name, Gemma4Fixture.virtual(name, options), Optional.empty()),
                ReadOptions.defaults());
    }
}
