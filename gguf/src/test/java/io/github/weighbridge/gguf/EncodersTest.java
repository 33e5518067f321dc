package io.github.weighbridge.gguf;

import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/// The encoders' own file. No library that loads it is to be had for tests, so that it is held against names, shapes and keys that
/// llama.cpp's loader and converter have, and against the sizes of released files.
class EncodersTest {
    @TempDir private static Path folder;

    private static Source virtual(Gemma4Size size) {
        return new Source(size.name(), Gemma4Fixture.virtual(size.name(), Gemma4Options.of(size)), Optional.empty());
    }

    private static ConversionPlan plan(Checkpoint checkpoint, String target, String mmproj) throws IOException, PolicyException {
        return Planner.plan(checkpoint, Conversions.gguf(), Policy.KEEP, TargetRequest.named(target).withOption("mmproj", mmproj));
    }

    /// Every tensor of the source is in one of the two files, apart from dead weights.
    @ParameterizedTest
    @EnumSource(names = {"TINY_TOWERS", "TINY_UNIFIED", "E2B", "E4B", "B12", "A4B_26", "B31"})
    void bothFilesHoldEverythingOnce(Gemma4Size size) throws Exception {
        try (Checkpoint checkpoint = Formats.installed().open(virtual(size), ReadOptions.defaults())) {
            ConversionPlan plan = plan(checkpoint, "text.gguf", "mmproj.gguf");
            assertThat(plan.files()).extracting(file -> file.name()).containsExactly("text.gguf", "mmproj.gguf");
            Map<String, Integer> used = new HashMap<>();
            for (Job job : plan.jobs()) {
                for (StoredTensor stored : View.stored(job.view())) {
                    Integer file = job.target().planes().getFirst().file();
                    assertThat(used.put(stored.name(), file)).as(stored.name()).isIn(null, file);
                }
            }
            Set<String> missing = new TreeSet<>();
            checkpoint.graph().stored().forEach(stored -> missing.add(stored.name()));
            missing.removeAll(used.keySet());
            plan.findings().stream().filter(finding -> finding.code().equals("dead-weights-left-out"))
                    .forEach(finding -> missing.removeAll(finding.tensors()));
            assertThat(missing).isEmpty();
            assertThat(plan.findings()).noneMatch(finding -> finding.code().equals("encoders-left-out"));
        }
    }

    /// The same of a mobile checkpoint, whose scales of activations and caches no file of GGUF has a place for: findings name each of them.
    @Test
    void bothFilesOfAMobileCheckpointHoldEverythingOnce() throws Exception {
        Gemma4Options options = Gemma4Options.of(Gemma4Size.TINY_TOWERS).withNumbers(Gemma4Options.Numbers.MOBILE);
        Source source = new Source("mobile", Gemma4Fixture.virtual("mobile", options), Optional.empty());
        try (Checkpoint checkpoint = Formats.installed().open(source, ReadOptions.defaults())) {
            ConversionPlan plan = plan(checkpoint, "text.gguf", "mmproj.gguf");
            Map<String, Integer> used = new HashMap<>();
            for (Job job : plan.jobs()) {
                for (StoredTensor stored : View.stored(job.view())) {
                    Integer file = job.target().planes().getFirst().file();
                    assertThat(used.put(stored.name(), file)).as(stored.name()).isIn(null, file);
                }
            }
            Set<String> named = new TreeSet<>();
            plan.findings().stream()
                    .filter(finding -> Set.of("dead-weights-left-out", "activation-scales-lost", "cache-scales-lost")
                            .contains(finding.code()))
                    .forEach(finding -> named.addAll(finding.tensors()));
            for (StoredTensor stored : checkpoint.graph().stored()) {
                assertThat(named.contains(stored.name())).as(stored.name()).isNotEqualTo(used.containsKey(stored.name()));
            }
        }
    }

    /// The released file for the 12B model has 175 115 616 bytes in 11 tensors. The header differs by the model card's keys.
    @Test
    void theUnifiedModelsFileHasTheBytesOfTheReleasedOne() throws Exception {
        try (Checkpoint checkpoint = Formats.installed().open(virtual(Gemma4Size.B12), ReadOptions.defaults())) {
            ConversionPlan plan = plan(checkpoint, "mmproj.gguf", "mmproj.gguf");
            assertThat(plan.tensors()).hasSize(11);
            assertThat(plan.tensors().stream().mapToLong(StoredTensor::bytes).sum()).isEqualTo(175_113_216);
            assertThat(plan.bytes()).isBetween(175_113_216L + 1_500, 175_113_216L + 3_000);
            System.out.println("mmproj of the 12B model: " + plan.bytes() + " bytes, released 175115616");
        }
    }

    @Test
    void theSmallModelsFileHasNearlyTheBytesOfTheReleasedOne() throws Exception {
        try (Checkpoint checkpoint = Formats.installed().open(virtual(Gemma4Size.E2B), ReadOptions.defaults())) {
            ConversionPlan plan = plan(checkpoint, "mmproj.gguf", "mmproj.gguf");
            System.out.println(
                    "mmproj of the E2B model: " + plan.bytes() + " bytes in " + plan.tensors().size() + " tensors, reported 986833664");
            assertThat(plan.bytes()).isBetween(980_000_000L, 990_000_000L);
        }
    }

    @Test
    void namesShapesAndNumbersAreThoseThatTheLoaderWants() throws Exception {
        Path source = folder.resolve("towers");
        Gemma4Fixture.write(source, Gemma4Options.of(Gemma4Size.TINY_TOWERS).withThreads(2));
        Path text = folder.resolve("towers.gguf");
        ConversionPlan plan = Conversions.convert(source, text, Policy.KEEP.withType("Q8_0", false),
                TargetRequest.named("towers.gguf").withOption("mmproj", "mmproj-towers.gguf"));
        Path mmproj = folder.resolve("mmproj-towers.gguf");
        assertThat(Files.size(text) + Files.size(mmproj)).isEqualTo(plan.bytes());
        Contents found = Contents.of(mmproj);
        assertThat(found.keys()).containsEntry("general.architecture", "clip").containsEntry("general.type", "mmproj")
                .containsEntry("clip.has_vision_encoder", GgufValue.flag(true))
                .containsEntry("clip.has_audio_encoder", GgufValue.flag(true))
                .containsEntry("clip.vision.projector_type", "gemma4v").containsEntry("clip.audio.projector_type", "gemma4a")
                .containsEntry("clip.vision.patch_size", GgufValue.u32(16)).containsEntry("clip.audio.num_mel_bins", GgufValue.u32(128))
                .containsKeys("clip.vision.image_size", "clip.vision.embedding_length", "clip.vision.feed_forward_length",
                        "clip.vision.block_count", "clip.vision.attention.head_count", "clip.vision.projection_dim",
                        "clip.vision.attention.layer_norm_epsilon", "clip.vision.image_mean", "clip.vision.image_std",
                        "clip.audio.embedding_length", "clip.audio.feed_forward_length", "clip.audio.block_count",
                        "clip.audio.attention.head_count", "clip.audio.projection_dim", "clip.audio.attention.layer_norm_epsilon");
        // What the loader's gemma4v and gemma4a branches ask for by name.
        assertThat(found.types()).containsKeys("v.patch_embd.weight", "v.position_embd.weight", "mm.input_projection.weight",
                "v.blk.0.attn_q.weight", "v.blk.0.attn_k.weight", "v.blk.0.attn_v.weight", "v.blk.0.attn_out.weight",
                "v.blk.0.attn_q_norm.weight", "v.blk.0.attn_k_norm.weight", "v.blk.0.ln1.weight", "v.blk.0.ln2.weight",
                "v.blk.0.attn_post_norm.weight", "v.blk.0.ffn_post_norm.weight", "v.blk.0.ffn_up.weight", "v.blk.0.ffn_gate.weight",
                "v.blk.0.ffn_down.weight", "a.conv1d.0.weight", "a.conv1d.0.norm.weight", "a.conv1d.1.weight", "a.conv1d.1.norm.weight",
                "a.input_projection.weight", "a.pre_encode.out.weight", "a.pre_encode.out.bias", "mm.a.input_projection.weight",
                "a.blk.0.ffn_norm.weight", "a.blk.0.ffn_up.weight", "a.blk.0.ffn_down.weight", "a.blk.0.ffn_post_norm.weight",
                "a.blk.0.ffn_norm_1.weight", "a.blk.0.ffn_up_1.weight", "a.blk.0.ffn_down_1.weight", "a.blk.0.ffn_post_norm_1.weight",
                "a.blk.0.attn_pre_norm.weight", "a.blk.0.attn_post_norm.weight", "a.blk.0.attn_q.weight", "a.blk.0.attn_k.weight",
                "a.blk.0.attn_v.weight", "a.blk.0.attn_out.weight", "a.blk.0.attn_k_rel.weight", "a.blk.0.per_dim_scale.weight",
                "a.blk.0.conv_pw1.weight", "a.blk.0.conv_dw.weight", "a.blk.0.norm_conv.weight", "a.blk.0.conv_pw2.weight",
                "a.blk.0.conv_norm.weight", "a.blk.0.ln2.weight");
        assertThat(found.types().get("v.patch_embd.weight")).startsWith("F32 ").contains(", 3, 16, 16]");
        assertThat(found.types().get("v.position_embd.weight")).startsWith("F32 [2, ");
        assertThat(found.types().get("v.blk.0.attn_q.weight")).as("named types are for the text model").startsWith("BF16 ");
        assertThat(found.types().get("a.blk.0.conv_dw.weight")).startsWith("F32 ");
        found.types().forEach((name, type) -> {
            if (name.matches(".*(input|output)_(min|max)")) {
                assertThat(type).as(name).isEqualTo("F32 [1]");
            }
        });
        Map<String, float[]> stored = numbers(mmproj);
        Map<String, float[]> original = numbers(source);
        float[] patches = stored.get("v.patch_embd.weight");
        float[] flat = original.get("model.vision_tower.patch_embedder.input_proj.weight");
        int side = 16;
        for (int i = 0; i < patches.length; i++) {
            int row = i / (side * side * 3);
            int colour = i / (side * side) % 3;
            int pixel = i % (side * side);
            assertThat(patches[i]).isEqualTo(flat[row * side * side * 3 + pixel * 3 + colour]);
        }
        float[] scales = stored.get("a.blk.0.per_dim_scale.weight");
        float[] raw = original.get("model.audio_tower.layers.0.self_attn.per_dim_scale");
        for (int i = 0; i < scales.length; i++) {
            assertThat(scales[i]).isEqualTo((float) Math.log1p(Math.exp(raw[i])));
        }
        assertThat(stored.get("a.blk.0.norm_conv.weight")).isEqualTo(original.get("model.audio_tower.layers.0.lconv1d.conv_norm.weight"));
        assertThat(stored.get("a.blk.0.conv_norm.weight"))
                .isEqualTo(original.get("model.audio_tower.layers.0.lconv1d.pre_layer_norm.weight"));
    }

    @Test
    void theUnifiedModelsTablesAreTurned() throws Exception {
        Path source = folder.resolve("unified");
        Gemma4Fixture.write(source, Gemma4Options.of(Gemma4Size.TINY_UNIFIED).withThreads(2));
        Path mmproj = folder.resolve("unified.gguf");
        ConversionPlan plan = Conversions.convert(source, mmproj, Policy.KEEP,
                TargetRequest.named("unified.gguf").withOption("mmproj", "unified.gguf"));
        assertThat(plan.files()).hasSize(1);
        Contents found = Contents.of(mmproj);
        assertThat(found.types()).containsOnlyKeys("v.patch_embd.weight", "v.patch_embd.bias", "v.patch_norm.1.weight",
                "v.patch_norm.1.bias",
                "v.patch_norm.2.weight", "v.patch_norm.2.bias", "v.patch_norm.3.weight", "v.patch_norm.3.bias", "v.position_embd.weight",
                "mm.input_projection.weight", "mm.a.input_projection.weight");
        assertThat(found.keys()).containsEntry("clip.vision.projector_type", "gemma4uv")
                .containsEntry("clip.audio.projector_type", "gemma4ua")
                .containsEntry("clip.vision.block_count", GgufValue.u32(0))
                .containsEntry("clip.audio.feed_forward_length", GgufValue.u32(0));
        Map<String, float[]> stored = numbers(mmproj);
        Map<String, float[]> original = numbers(source);
        float[] dense = original.get("model.vision_embedder.patch_dense.weight");
        float[] turned = stored.get("v.patch_embd.weight");
        float[] norm = stored.get("v.patch_norm.1.weight");
        int pixels = original.get("model.vision_embedder.patch_ln1.weight").length;
        int area = pixels / 3;
        int side = (int) Math.sqrt(area);
        for (int i = 0; i < pixels; i++) {
            int colour = i / area;
            int row = i % area / side;
            int column = i % side;
            int before = row * side * 3 + column * 3 + colour;
            assertThat(turned[5 * pixels + i]).isEqualTo(dense[5 * pixels + before]);
            assertThat(norm[i]).isEqualTo(original.get("model.vision_embedder.patch_ln1.weight")[before]);
        }
        float[] positions = original.get("model.vision_embedder.pos_embedding");
        float[] axes = stored.get("v.position_embd.weight");
        int width = found.data().get("v.patch_norm.3.bias").length / 4;
        int count = positions.length / 2 / width;
        for (int i = 0; i < axes.length; i++) {
            int axis = i / (count * width);
            int position = i / width % count;
            assertThat(axes[i]).isEqualTo(positions[(position * 2 + axis) * width + i % width]);
        }
        // What was planned is what is found.
        try (Checkpoint read = Conversions.open(mmproj)) {
            assertThat(read.graph().stored()).containsExactlyElementsOf(plan.tensors());
            for (StoredTensor tensor : read.graph().stored()) {
                Identity identity = read.graph().identity(tensor);
                assertThat(identity).as(tensor.name()).isEqualTo(plan.identities().get(tensor.name()));
            }
            assertThat(read.bytes()).isEqualTo(plan.bytes());
            assertThat(read.findings()).extracting(finding -> finding.code()).containsExactly("encoders");
        }
        Path again = folder.resolve("unified-again.gguf");
        Conversions.convert(mmproj, again, Policy.KEEP);
        assertThat(again).hasSameBinaryContentAs(mmproj);
    }

    @Test
    void refusesWhatHasNoEncoders() throws Exception {
        try (Checkpoint checkpoint = Formats.installed().open(virtual(Gemma4Size.TINY), ReadOptions.defaults())) {
            assertThatThrownBy(() -> plan(checkpoint, "text.gguf", "mmproj.gguf")).isInstanceOf(PolicyException.class)
                    .hasMessageContaining("has no encoders");
            assertThatThrownBy(() -> plan(checkpoint, "text.gguf", "../mmproj.gguf")).isInstanceOf(PolicyException.class)
                    .hasMessageContaining("plain file name");
        }
    }

    private static Map<String, float[]> numbers(Path path) throws IOException {
        try (Checkpoint checkpoint = Conversions.open(path);
                ViewReader reader = new ViewReader(checkpoint.files().stream().map(CheckpointFile::source).toList())) {
            Map<String, float[]> numbers = new HashMap<>();
            for (StoredTensor tensor : checkpoint.graph().stored()) {
                if (List.of("vision", "audio", "v.", "a.", "mm").stream().anyMatch(tensor.name()::contains)) {
                    float[] values = new float[Math.toIntExact(tensor.shape().elements())];
                    reader.read(View.of(tensor), Region.all(tensor.shape()), values, 0);
                    numbers.put(tensor.name(), values);
                }
            }
            return numbers;
        }
    }
}
