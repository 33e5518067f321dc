package io.github.weighbridge.litert;

import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.fixtures.EditedFolder;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.fixtures.litert.TfliteSignature;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.litert.file.StoredZip;
import io.github.weighbridge.litert.file.proto.Gemma4;
import io.github.weighbridge.litert.file.proto.LlmMetadata;
import io.github.weighbridge.litert.graph.AudioGraph;
import io.github.weighbridge.litert.tflite.TfliteReader;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.safetensors.SafetensorsFormat;
import io.github.weighbridge.safetensors.file.SafetensorsFolder;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// Encoders of sound in bundles, in the real interpreter, against a plain forward pass over the tensors' names.
class RealAudioTest {
    private static final Map<String, String> SMALL = Map.of("cache-length", "64", "prefill", "32");
    private static final int HIDDEN = 256;
    private static final List<String> SECTIONS =
            List.of(BundleSection.AUDIO_ENCODER, BundleSection.AUDIO_ADAPTER, BundleSection.END_OF_AUDIO);

    @TempDir private static Path folder;

    @BeforeAll
    static void interpreter() {
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(absence.isEmpty(), absence::orElseThrow);
    }

    private static Path write(Path source, String name, Policy policy) throws Exception {
        Path bundle = folder.resolve(name + ".litertlm");
        ConversionPlan plan = Bundles.write(source, bundle, policy, SMALL);
        assertThat(plan.bytes()).isEqualTo(Files.size(bundle));
        return bundle;
    }

    private static Checkpoint open(Path path) throws IOException {
        Format format = path.toString().endsWith(".litertlm") ? new LitertlmFormat() : new SafetensorsFormat();
        return format.open(Source.of(path), ReadOptions.defaults());
    }

    private static ReferenceAudio reference(Path path) throws IOException {
        try (Checkpoint checkpoint = open(path)) {
            return ReferenceAudio.of(checkpoint);
        }
    }

    /// The greatest difference of features and embeddings, as a part of the greatest number that is expected.
    private static double difference(Path bundle, ReferenceAudio model, int frames) throws IOException {
        int all = model.spec().frames();
        float[] sound = new float[all * model.spec().bins()];
        Random random = new Random(frames);
        for (int i = 0; i < sound.length; i++) {
            sound[i] = (float) random.nextGaussian();
        }
        boolean[] mask = new boolean[all];
        Arrays.fill(mask, 0, frames, true);
        ReferenceAudio.Result expected = model.run(sound, mask);
        try (TfliteModel encoder = Bundles.open(bundle, Bundles.model(bundle, BundleSection.AUDIO_ENCODER).orElseThrow());
                TfliteModel adapter = Bundles.open(bundle, Bundles.model(bundle, BundleSection.AUDIO_ADAPTER).orElseThrow())) {
            TfliteSignature first = encoder.signature("audio_encoder");
            assertThat(first.shape("src_inputs")).containsExactly(1, 1, all, model.spec().bins());
            AudioRun run = AudioRun.of(first, adapter.signature("audio_adapter"), sound, mask);
            assertThat(run.real()).isEqualTo(expected.real());
            assertThat(run.embeddings()[0]).hasSize(HIDDEN);
            if (frames < all) {
                assertThat(run.embeddings()[run.embeddings().length - 1]).as("what is not real").containsOnly(0);
            }
            double features = AudioRun.difference(run.features(), expected.features(), expected.real());
            double embeddings = AudioRun.difference(run.embeddings(), expected.embeddings(), expected.real());
            System.out.printf("%s, %d of %d frames: features within %.1e, embeddings within %.1e of the greatest%n", bundle.getFileName(),
                    frames, all, features, embeddings);
            return Math.max(features, embeddings);
        }
    }

    /// Bounds that bite: as made they are wider than what passes.
    private static Path bitten(String name) throws IOException {
        Path source = Bundles.towers(folder, name, Gemma4Options.Numbers.F32);
        EditedFolder edited = EditedFolder.read(source);
        for (String module : List.of("self_attn.q_proj", "self_attn.post", "feed_forward1.ffw_layer_1", "feed_forward2.ffw_layer_2",
                "lconv1d.linear_start")) {
            String bounds = "model.audio_tower.layers.0." + module + ".";
            edited.set(bounds + "input_min", 0, -0.6f).set(bounds + "input_max", 0, 0.9f);
            edited.set(bounds + "output_min", 0, -0.1f).set(bounds + "output_max", 0, 0.05f);
        }
        edited.write();
        return source;
    }

    @Test
    void computesWhatTheTensorsSay() throws Exception {
        Path source = bitten("plain");
        ReferenceAudio model = reference(source);
        Path bundle = write(source, "plain", Policy.KEEP);
        assertThat(difference(bundle, model, 816)).isLessThan(1e-4);
        assertThat(difference(bundle, model, 333)).isLessThan(1e-4);
        Path quantised = write(source, "int8", Policy.KEEP.withType("int8/channel", false));
        assertThat(difference(quantised, reference(quantised), 816)).isLessThan(0.02);
        assertThat(difference(quantised, reference(quantised), 501)).isLessThan(0.02);
        assertThat(difference(quantised, model, 816)).isBetween(1e-5, 0.2);
        theEndOfSound(bundle);
    }

    /// The executor hands the mask in first, whatever the adapter's inputs are called, and wants one signature each, and as many results of the encoder
    /// as the adapter takes.
    @Test
    void namesAndOrderAreTheExecutors() throws Exception {
        Path source = Bundles.towers(folder, "contract", Gemma4Options.Numbers.BF16);
        Path bundle = write(source, "contract", Policy.KEEP);
        assertThat(signature(bundle, BundleSection.AUDIO_ENCODER)).isEqualTo("[src_inputs, mask] -> [features, mask]");
        assertThat(signature(bundle, BundleSection.AUDIO_ADAPTER)).isEqualTo("[mask, features] -> [embeddings]");
        assertThat(signature(bundle, BundleSection.END_OF_AUDIO)).isEqualTo("[] -> [embeddings]");
        // One piece of a SentencePiece model: as much as an archive wants.
        Files.write(source.resolve("tokenizer.model"), new byte[] {0x0a, 3, 0x0a, 1, 'a'});
        Path task = folder.resolve("contract.task");
        Bundles.write(source, task, Policy.KEEP, SMALL);
        try (ByteSource file = ByteSource.of(task)) {
            StoredZip zip = StoredZip.read(file, Limits.DEFAULT);
            for (String section : SECTIONS) {
                StoredZip.Entry entry = zip.entry(section.toUpperCase(Locale.ROOT)).orElseThrow();
                assertThat(file.readBytes(entry.begin(), (int) entry.length())).as(section).isEqualTo(bytes(bundle, section));
            }
        }
    }

    private static String signature(Path bundle, String type) throws IOException {
        BundleSection section = Bundles.model(bundle, type).orElseThrow();
        assertThat(section.text(BundleSection.BACKEND_CONSTRAINT)).contains("cpu");
        try (ByteSource file = ByteSource.of(bundle)) {
            List<io.github.weighbridge.litert.tflite.TfliteModel.Signature> signatures =
                    TfliteReader.read(file, section.begin(), section.length(), Limits.DEFAULT).signatures();
            assertThat(signatures).hasSize(1);
            return signatures.getFirst().inputs().stream().map(named -> named.name()).toList() + " -> "
                    + signatures.getFirst().outputs().stream().map(named -> named.name()).toList();
        }
    }

    /// What ends a sound is the embedding of a token, as the embedder gives it.
    private static void theEndOfSound(Path bundle) throws IOException {
        try (Checkpoint checkpoint = open(bundle);
                TfliteModel end = Bundles.open(bundle, Bundles.model(bundle, BundleSection.END_OF_AUDIO).orElseThrow());
                TfliteModel table = Bundles.open(bundle, Bundles.model(bundle, BundleSection.EMBEDDER).orElseThrow())) {
            TfliteSignature embedder = table.signature("embedder");
            embedder.input("token_ids").putInt(0, checkpoint.architecture().parameters().whole("eoa_token_index").orElseThrow().intValue());
            embedder.run();
            TfliteSignature constant = end.signature("end_of_audio");
            assertThat(constant.inputs()).isEmpty();
            constant.run();
            ByteBuffer found = constant.output("embeddings");
            assertThat(found.capacity()).isEqualTo(4 * HIDDEN);
            assertThat(found).isEqualTo(embedder.output("embeddings"));
        }
    }

    /// Digests of the bytes of a folder's tensors that have to do with sound.
    private static Map<String, String> sound(Path folder) throws IOException, NoSuchAlgorithmException {
        Map<String, String> found = new TreeMap<>();
        try (SafetensorsFolder files = SafetensorsFolder.open(SourceTree.of(folder), Limits.DEFAULT)) {
            for (SafetensorsFolder.Located located : files.tensors()) {
                if (located.name().contains("audio")) {
                    byte[] bytes = files.shards().get(located.shard()).source().readBytes(located.entry().fileOffset(),
                            (int) located.entry().length());
                    found.put(located.name(), located.entry().type() + " " + located.entry().shape() + " "
                            + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)));
                }
            }
        }
        return found;
    }

    private static Path back(Path bundle, String name, Map<String, String> options) throws Exception {
        Path target = folder.resolve(name);
        try (Checkpoint checkpoint = open(bundle)) {
            TargetRequest request = TargetRequest.named(name);
            for (Map.Entry<String, String> option : options.entrySet()) {
                request = request.withOption(option.getKey(), option.getValue());
            }
            ConversionPlan plan = Planner.plan(checkpoint, new SafetensorsFormat(), Policy.KEEP, request);
            Engine.run(plan, checkpoint, target, EngineOptions.defaults());
        }
        return target;
    }

    /// A bundle is a full source: every tensor of the encoder comes back with the bytes that it had.
    @Test
    void comesBack() throws Exception {
        Path source = bitten("there");
        Map<String, String> expected = sound(source);
        assertThat(expected).hasSize(5 + 2 + 1 + 12 + 10 * 5);
        Path bundle = write(source, "there", Policy.KEEP);
        assertThat(sound(back(bundle, "here", Map.of()))).isEqualTo(expected);
        Path again = write(folder.resolve("here"), "again", Policy.KEEP);
        for (String section : SECTIONS) {
            assertThat(bytes(again, section)).as(section).isEqualTo(bytes(bundle, section));
        }
    }

    private static byte[] bytes(Path bundle, String type) throws IOException {
        BundleSection section = Bundles.model(bundle, type).orElseThrow();
        try (ByteSource file = ByteSource.of(bundle)) {
            return file.readBytes(section.begin(), (int) section.length());
        }
    }

    /// Codes as trained, activations in 8 bits; what is not real rounds too, and is not compared.
    @Test
    void carriesCodesAndStaticActivations() throws Exception {
        Path source = Bundles.towers(folder, "mobile", Gemma4Options.Numbers.MOBILE);
        Path bundle = folder.resolve("mobile.litertlm");
        ConversionPlan plan = Bundles.write(source, bundle, Policy.KEEP, SMALL);
        List<Job> carried = plan.jobs().stream().filter(job -> job.target().name().contains("audio_tower") && job.mode() == Job.Mode.CARRY)
                .toList();
        assertThat(carried).hasSize(10).allSatisfy(job -> assertThat(job.target().encoding().codeBits())
                .isEqualTo(job.target().name().contains("linear_start") ? 4 : 2));
        ReferenceAudio model = reference(source);
        assertThat(difference(bundle, model, 816)).isLessThan(1e-4);
        assertThat(difference(bundle, model, 200)).isLessThan(1e-4);
        assertThat(difference(bundle, model.withoutActivations(), 816)).as("scales count").isGreaterThan(0.05);
        assertThat(sound(back(bundle, "mobile-again", Map.of("form", "gemma")))).isEqualTo(sound(source));
    }

    /// Where the runtime is slow with 2 bits, as on x86-64, 4 bits hold the same numbers.
    @Test
    void twoBitsGoIntoFour() throws Exception {
        Path source = Bundles.towers(folder, "wider", Gemma4Options.Numbers.MOBILE);
        Policy policy = PolicyFiles.parse("wider.yaml", """
                rules:
                  - match: { component: audio_encoder, name: '\\.linear\\.weight' }
                    encoding: int4/channel
                default: keep
                """);
        Path bundle = folder.resolve("wider.litertlm");
        ConversionPlan plan = Bundles.write(source, bundle, policy, SMALL);
        assertThat(plan.jobs()).filteredOn(job -> job.target().name().contains("audio_tower") && job.mode() == Job.Mode.CARRY).hasSize(10)
                .allMatch(job -> job.target().encoding().codeBits() == 4);
        assertThat(difference(bundle, reference(source), 816)).isLessThan(1e-4);
    }

    @Test
    void staysAwayWhenStripped() throws Exception {
        Path bundle =
                write(Bundles.towers(folder, "stripped", Gemma4Options.Numbers.BF16), "stripped", Policy.KEEP.withStrip(Set.of("audio")));
        for (String section : SECTIONS) {
            assertThat(Bundles.model(bundle, section)).as(section).isEmpty();
        }
        assertThat(metadata(bundle).hasStartOfAudioToken()).isFalse();
        try (Checkpoint checkpoint = open(bundle)) {
            assertThat(checkpoint.architecture().parameters().object("audio_config")).isEmpty();
            assertThat(checkpoint.graph().weights()).noneMatch(weight -> weight.identity().component().equals(Component.AUDIO_ENCODER));
        }
    }

    private static Gemma4 metadata(Path bundle) throws IOException {
        try (ByteSource file = ByteSource.of(bundle)) {
            BundleSection section = BundleHeader.read(file, Limits.DEFAULT).sections().stream()
                    .filter(one -> one.kind().equals(SectionKind.LLM_METADATA)).findFirst().orElseThrow();
            return LlmMetadata.parseFrom(file.readBytes(section.begin(), (int) section.length())).getLlmModelType().getGemma4();
        }
    }

    /// The metadata name the tokens around sound where the tokenizer's configuration does; else the engine has its own texts, which are Gemma 4's.
    @Test
    void metadataNameTheTokensOfSound() throws Exception {
        Path source = Bundles.towers(folder, "tokens", Gemma4Options.Numbers.BF16);
        String end;
        try (Checkpoint checkpoint = open(source)) {
            end = Long.toString(checkpoint.architecture().parameters().whole("eoa_token_index").orElseThrow());
        }
        Gemma4 unnamed = metadata(write(source, "unnamed", Policy.KEEP));
        assertThat(unnamed.hasStartOfAudioToken() || unnamed.hasEndOfAudioToken()).isFalse();
        assertThat(unnamed.getSkipMelSpectrogramExtraction()).as("the engine makes mel bins").isFalse();
        Path tokenizer = source.resolve("tokenizer_config.json");
        String listed = "\"added_tokens_decoder\": {\"" + end + "\": {\"content\": \"<audio|>\"}},";
        Files.writeString(tokenizer, Files.readString(tokenizer).replaceFirst("\\{", "{\"boa_token\": \"<|audio>\"," + listed));
        Gemma4 texts = metadata(write(source, "texts", Policy.KEEP));
        assertThat(texts.getStartOfAudioToken().getTokenStr()).isEqualTo("<|audio>");
        assertThat(texts.getEndOfAudioToken().getTokenStr()).isEqualTo("<audio|>");
    }

    /// A rule for the whole component meets tensors that cannot follow it: windows, bounds, norms, the row that ends sound.
    @Test
    void whatCannotFollowARuleFallsBack() throws Exception {
        Policy policy = PolicyFiles.parse("all.yaml", """
                rules:
                  - match: { component: audio_encoder }
                    encoding: int4/channel
                    fallback: [f32]
                default: keep
                """);
        Path bundle = write(bitten("fallback"), "fallback", policy);
        assertThat(difference(bundle, reference(bundle), 816)).isLessThan(0.02);
        theEndOfSound(bundle);
        Policy halves = Policy.KEEP.withType("F16", false);
        Path half = write(folder.resolve("fallback"), "halves", halves);
        assertThat(difference(half, reference(half), 500)).isLessThan(1e-4);
    }

    /// Rules for the component decide over its tensors, and over no others.
    @Test
    void rulesDecide() throws Exception {
        Policy policy = PolicyFiles.parse("audio.yaml", """
                rules:
                  - match: { component: audio_encoder, role: [attention_q, ffn_up, ffn_down] }
                    encoding: int4/channel
                  - match: { component: audio_encoder, name: 'lconv1d\\.linear_' }
                    encoding: int8/channel
                default: keep
                """);
        Path source = bitten("rules");
        Path bundle = folder.resolve("rules.litertlm");
        ConversionPlan plan = Bundles.write(source, bundle, policy, SMALL);
        Map<String, Integer> bits = new TreeMap<>();
        for (Job job : plan.jobs()) {
            Encoding encoding = job.target().encoding();
            if (encoding.dense().isEmpty()) {
                assertThat(job.target().name()).startsWith("model.audio_tower.layers.0.");
                bits.merge("int" + encoding.codeBits(), 1, Integer::sum);
            }
        }
        assertThat(bits).isEqualTo(Map.of("int4", 5, "int8", 2));
        assertThat(difference(bundle, reference(bundle), 816)).isLessThan(0.02);
        Policy drop = PolicyFiles.parse("drop.yaml", """
                rules:
                  - match: { component: audio_encoder }
                    encoding: drop
                default: keep
                """);
        Path without = folder.resolve("without.litertlm");
        ConversionPlan left = Bundles.write(source, without, drop, SMALL);
        for (String section : SECTIONS) {
            assertThat(Bundles.model(without, section)).as(section).isEmpty();
        }
        assertThat(left.findings()).filteredOn(finding -> finding.code().equals("encoders-left-out"))
                .flatExtracting(Finding::tensors).containsExactly(AudioGraph.PROJECTION);
    }
}
