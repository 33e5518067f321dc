package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// The samples that travel with the tests: folders that upstream's compressor wrote (compressed-tensors 0.18.0), and of each tensor the digest of
/// the numbers that upstream decompresses it to, as single precision. For `nvfp4a16`, which upstream computed in BF16, they are of the numbers that
/// numpy gives in single precision.
final class Samples {
    private static final List<String> FILES = List.of("config.json", "model.safetensors", "model.safetensors.index.json",
            "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors");

    private Samples() {}

    /// Digest and name of a tensor.
    record Digest(String sha256, String tensor) {}

    /// The digests of all samples.
    static Map<String, List<Digest>> digests() throws IOException {
        Map<String, List<Digest>> digests = new LinkedHashMap<>();
        String text = new String(Objects.requireNonNull(resource("decoded.sha256")), StandardCharsets.UTF_8);
        text.lines().forEach(line -> {
            String[] words = line.split(" ");
            digests.computeIfAbsent(words[1], _ -> new ArrayList<>()).add(new Digest(words[0], words[2]));
        });
        return digests;
    }

    /// The files of a sample.
    static Map<String, byte[]> files(String sample) throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (String file : FILES) {
            byte[] bytes = resource(sample + "/" + file);
            if (bytes != null) {
                files.put(file, bytes);
            }
        }
        return files;
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = Samples.class.getResourceAsStream("samples/" + name)) {
            return in == null ? null : in.readAllBytes();
        }
    }

    static Source source(Map<String, byte[]> files) {
        return new Source("sample", SourceTree.of("sample", files), Optional.empty());
    }

    static Checkpoint open(Map<String, byte[]> files) throws IOException {
        return new CompressedTensorsFormat().open(source(files), ReadOptions.defaults());
    }

    /// All numbers of a view.
    static float[] numbers(Checkpoint checkpoint, View view) throws IOException {
        float[] numbers = new float[(int) view.shape().elements()];
        try (ViewReader reader = new ViewReader(checkpoint.files().stream().map(CheckpointFile::source).toList())) {
            reader.read(view, Region.all(view.shape()), numbers, 0);
        }
        return numbers;
    }
}
