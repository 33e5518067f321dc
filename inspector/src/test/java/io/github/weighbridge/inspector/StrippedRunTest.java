package io.github.weighbridge.inspector;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.TrainedText;
import io.github.weighbridge.fixtures.litert.TfliteDecoder;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// A trained model that was given towers, and lost them again: what is left loads in the real llama.cpp and the real TFLite interpreter and predicts
/// as the trained model does.
class StrippedRunTest {
    private static final int WINDOWS = 2;

    @TempDir static Path folder;

    private static Path whole;
    private static Path trained;
    private static int[] tokens;
    private static double reference;

    @BeforeAll
    static void make() throws IOException {
        trained = folder.resolve("trained");
        TrainedCheckpoints.unpack(trained, TrainedCheckpoints.QAT_Q4_0);
        Path towers = folder.resolve("towers");
        Gemma4Fixture.write(towers, Gemma4Options.of(Gemma4Size.TINY_TOWERS));
        whole = folder.resolve("whole");
        graft(trained, towers, whole);
        tokens = TrainedText.tokens(trained).stream().mapToInt(Integer::intValue).limit((long) WINDOWS * TrainedText.WINDOW).toArray();
        JsonNode losses = Look.parse(TrainedCheckpoints.reference().getBytes(StandardCharsets.UTF_8)).path("variants")
                .path(TrainedCheckpoints.QAT_Q4_0).path("nll_by_window");
        reference = (losses.path(0).doubleValue() + losses.path(1).doubleValue()) / WINDOWS;
    }

    /// A folder with the text model of one and the towers of another.
    private static void graft(Path text, Path towers, Path target) throws IOException {
        Files.createDirectories(target);
        for (String document : List.of("tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja")) {
            Files.copy(text.resolve(document), target.resolve(document));
        }
        ObjectNode config = (ObjectNode) Look.parse(Files.readAllBytes(text.resolve("config.json")));
        JsonNode other = Look.parse(Files.readAllBytes(towers.resolve("config.json")));
        config.set("vision_config", other.get("vision_config"));
        config.set("audio_config", other.get("audio_config"));
        Files.writeString(target.resolve("config.json"), config.toString());
        Files.writeString(target.resolve("processor_config.json"), "{\"processor_class\": \"Gemma4Processor\"}");
        Files.copy(text.resolve("model.safetensors"), target.resolve("model-00001-of-00002.safetensors"));
        ObjectNode index = JsonNodeFactory.instance.objectNode();
        ObjectNode map = index.putObject("weight_map");
        Look.header(text.resolve("model.safetensors")).fieldNames().forEachRemaining(name -> {
            if (!name.equals("__metadata__")) {
                map.put(name, "model-00001-of-00002.safetensors");
            }
        });
        byte[] bytes = Files.readAllBytes(towers.resolve("model.safetensors"));
        int data = 8 + ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt();
        ObjectNode header = JsonNodeFactory.instance.objectNode();
        ByteArrayOutputStream kept = new ByteArrayOutputStream();
        List<Map.Entry<String, JsonNode>> entries = new ArrayList<>();
        Look.header(towers.resolve("model.safetensors")).fields().forEachRemaining(entries::add);
        for (Map.Entry<String, JsonNode> entry : entries) {
            if (entry.getKey().matches("model\\.(vision_tower|audio_tower|embed_vision|embed_audio)\\..*")) {
                JsonNode offsets = entry.getValue().get("data_offsets");
                ObjectNode moved = header.putObject(entry.getKey());
                moved.set("dtype", entry.getValue().get("dtype"));
                moved.set("shape", entry.getValue().get("shape"));
                int begin = kept.size();
                kept.write(bytes, data + offsets.get(0).intValue(), offsets.get(1).intValue() - offsets.get(0).intValue());
                moved.putArray("data_offsets").add(begin).add(kept.size());
                map.put(entry.getKey(), "model-00002-of-00002.safetensors");
            }
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length + kept.size()).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(json.length).put(json).put(kept.toByteArray());
        Files.write(target.resolve("model-00002-of-00002.safetensors"), file.array());
        Files.writeString(target.resolve("model.safetensors.index.json"), index.toString());
    }

    private static void convert(Object... line) {
        List<Object> all = new ArrayList<>(List.of("convert"));
        all.addAll(Arrays.asList(line));
        assertThat(Cli.run(all.toArray()).err()).isEmpty();
    }

    private static double llama(Path gguf) throws IOException {
        try (LlamaModel model = LlamaCpp.find().orElseThrow().open(gguf)) {
            return model.evaluate(tokens).meanNll();
        }
    }

    private static double interpreted(Path bundle) throws IOException {
        try (TfliteDecoder decoder = new TfliteDecoder(section(bundle, BundleSection.PREFILL_DECODE).orElseThrow(),
                section(bundle, BundleSection.EMBEDDER).orElseThrow(), section(bundle, BundleSection.PER_LAYER_EMBEDDER))) {
            return decoder.loss(Arrays.stream(tokens).boxed().toList(), WINDOWS);
        }
    }

    private static Optional<TfliteModel> section(Path bundle, String type) throws IOException {
        try (ByteSource bytes = ByteSource.of(bundle)) {
            Optional<BundleSection> section = BundleHeader.read(bytes, Limits.DEFAULT).sections().stream()
                    .filter(one -> one.kind().equals(SectionKind.TFLITE_MODEL) && one.modelType().equals(type)).findFirst();
            return section.isEmpty() ? Optional.empty()
                    : Optional.of(TfliteModel.of(bundle, section.get().begin(), section.get().length(), true));
        }
    }

    private static Object[] bundle(Object source, Object target, Object... more) {
        List<Object> line = new ArrayList<>(List.of(source, target, "--cache-length", TrainedText.WINDOW, "--prefill",
                TrainedText.WINDOW / 2));
        line.addAll(Arrays.asList(more));
        return line.toArray();
    }

    /// Straight, and by a folder from which towers were taken first: the same tensors, and the loss of the trained model.
    @Test
    void withoutTowersInLlama() throws IOException {
        assumeTrue(LlamaCpp.find().isPresent(), LlamaCpp::whyAbsent);
        Path text = folder.resolve("text");
        Path left = folder.resolve("by-folder.gguf");
        Path straight = folder.resolve("straight.gguf");
        Path plain = folder.resolve("plain.gguf");
        convert(whole, text, "--to", "safetensors", "--strip", "vision,audio");
        convert(text, left, "--type", "F32");
        convert(whole, straight, "--type", "F32", "--strip", "audio,vision");
        convert(trained, plain, "--type", "F32");
        for (Path one : List.of(left, straight)) {
            assertThat(Cli.run("verify", one, "--against", plain, "--tolerance", "max_abs:0").code()).isZero();
            assertThat(llama(one)).isCloseTo(reference, within(1e-4));
        }
    }

    @Test
    void withoutTowersInTheInterpreter() throws IOException {
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(absence.isEmpty(), () -> absence.orElse(""));
        Path one = folder.resolve("one.litertlm");
        convert(bundle(whole, one, "--strip", "vision,audio"));
        double loss = interpreted(one);
        assertThat(loss).isCloseTo(reference, within(1e-4));
        // By compressed-tensors, which has lost the towers already.
        Path left = folder.resolve("left");
        Path two = folder.resolve("two.litertlm");
        convert(whole, left, "--to", "compressed-tensors", "--strip", "vision,audio");
        convert(bundle(left, two));
        assertThat(interpreted(two)).isEqualTo(loss);
    }

    /// Without per-layer embeddings both runtimes load what is left, predict alike, and far worse.
    @Test
    void withoutPerLayerEmbeddingsInBoth() throws IOException {
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(LlamaCpp.find().isPresent() && absence.isEmpty(), () -> LlamaCpp.whyAbsent() + absence.orElse(""));
        Path gguf = folder.resolve("less.gguf");
        Path bundle = folder.resolve("less.litertlm");
        Path between = folder.resolve("less");
        convert(whole, between, "--to", "safetensors", "--strip", "ple,vision");
        convert(between, gguf, "--type", "F32", "--strip", "audio");
        convert(bundle(gguf, bundle));
        double llama = llama(gguf);
        assertThat(llama).isBetween(reference + 0.3, 7.0);
        assertThat(interpreted(bundle)).isCloseTo(llama, within(1e-3));
        System.out.printf("loss of %d windows: %.6f, without per-layer embeddings %.6f%n", WINDOWS, reference, llama);
    }
}
