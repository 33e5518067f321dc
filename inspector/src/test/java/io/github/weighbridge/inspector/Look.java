package io.github.weighbridge.inspector;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/// What is in an output, read by other means than ours as far as there are any: JSON by a strict parser, containers by a few lines that know nothing
/// of families.
///
/// @param tensors names of entries, by the file they are in
/// @param documents contents of documents by name
/// @param metadata what the output says of itself: keys of GGUF that are texts or numbers, `__metadata__`, system metadata
record Look(Map<String, List<String>> tensors, Map<String, byte[]> documents, Map<String, String> metadata) {
    private static final ObjectMapper STRICT = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    /// Sizes of GGUF's value types by number; 0 for texts and arrays.
    private static final int[] SIZES = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    private static final int TEXT = 8;
    private static final int ARRAY = 9;

    static Look at(Path output, String format) throws IOException {
        return switch (format) {
            case "gguf" -> gguf(output);
            case "litertlm" -> bundle(output);
            case "task" -> task(output);
            default -> folder(output);
        };
    }

    List<String> names() {
        return tensors.values().stream().flatMap(List::stream).toList();
    }

    JsonNode json(String document) throws IOException {
        return STRICT.readTree(documents.get(document));
    }

    static JsonNode parse(byte[] bytes) throws IOException {
        return STRICT.readTree(bytes);
    }

    private static Look folder(Path folder) throws IOException {
        Map<String, List<String>> tensors = new TreeMap<>();
        Map<String, byte[]> documents = new LinkedHashMap<>();
        Map<String, String> metadata = new HashMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.sorted().toList()) {
                String name = file.getFileName().toString();
                if (!name.endsWith(".safetensors")) {
                    documents.put(name, Files.readAllBytes(file));
                    continue;
                }
                JsonNode header = header(file);
                List<String> names = new ArrayList<>();
                header.fieldNames().forEachRemaining(names::add);
                names.remove("__metadata__");
                tensors.put(name, names);
                header.path("__metadata__").fields().forEachRemaining(field -> metadata.put(field.getKey(), field.getValue().textValue()));
            }
        }
        return new Look(tensors, documents, metadata);
    }

    /// The header of a safetensors file.
    static JsonNode header(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            channel.read(length, 0);
            ByteBuffer header = ByteBuffer.allocate((int) length.getLong(0));
            channel.read(header, 8);
            return STRICT.readTree(header.array());
        }
    }

    private static Look gguf(Path file) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        in.position(8);
        long count = in.getLong();
        Map<String, String> metadata = new LinkedHashMap<>();
        for (long left = in.getLong(); left > 0; left--) {
            String key = text(in);
            String value = value(in, in.getInt());
            if (metadata.put(key, value) != null) {
                throw new IOException("key " + key + " twice");
            }
        }
        List<String> names = new ArrayList<>();
        for (long left = count; left > 0; left--) {
            names.add(text(in));
            int dimensions = in.getInt();
            in.position(in.position() + 8 * dimensions + 12);
        }
        return new Look(Map.of(file.getFileName().toString(), names), Map.of(), metadata);
    }

    private static String text(ByteBuffer in) {
        byte[] bytes = new byte[(int) in.getLong()];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static String value(ByteBuffer in, int type) {
        if (type == TEXT) {
            return text(in);
        }
        if (type == ARRAY) {
            int of = in.getInt();
            for (long left = in.getLong(); left > 0; left--) {
                value(in, of);
            }
            return "array";
        }
        long number = 0;
        for (int i = 0; i < SIZES[type]; i++) {
            number |= (in.get() & 0xffL) << 8 * i;
        }
        return Long.toString(number);
    }

    private static Look bundle(Path file) throws IOException {
        Map<String, List<String>> tensors = new TreeMap<>();
        Map<String, byte[]> documents = new LinkedHashMap<>();
        Map<String, String> metadata = new HashMap<>();
        byte[] bytes = Files.readAllBytes(file);
        try (ByteSource source = ByteSource.of(file)) {
            BundleHeader header = BundleHeader.read(source, Limits.DEFAULT);
            header.system().forEach(item -> metadata.put(item.key(), ((io.github.weighbridge.io.Value.Text) item.value()).text()));
            for (BundleSection section : header.sections()) {
                byte[] own = java.util.Arrays.copyOfRange(bytes, (int) section.begin(), (int) section.end());
                if (section.kind().equals(SectionKind.TFLITE_MODEL)) {
                    tensors.put(section.modelType(), List.of());
                } else if (section.kind().equals(SectionKind.GENERIC)) {
                    documents.putAll(unzip(own));
                } else {
                    documents.put(section.kind().word(), own);
                }
            }
        }
        tensors.put("file", inspected(file));
        return new Look(tensors, documents, metadata);
    }

    private static Look task(Path file) throws IOException {
        Map<String, List<String>> tensors = new TreeMap<>();
        Map<String, byte[]> documents = new LinkedHashMap<>();
        for (Map.Entry<String, byte[]> entry : unzip(Files.readAllBytes(file)).entrySet()) {
            if (entry.getKey().startsWith("TF_LITE")) {
                tensors.put(entry.getKey(), List.of());
            } else if (entry.getKey().equals("DOCUMENTS")) {
                documents.putAll(unzip(entry.getValue()));
            } else {
                documents.put(entry.getKey(), entry.getValue());
            }
        }
        Map<String, String> metadata = new HashMap<>();
        Optional.ofNullable(documents.get("weighbridge.record.json")).ifPresent(bytes -> {
            try {
                parse(bytes).fields().forEachRemaining(field -> metadata.put(field.getKey(), field.getValue().textValue()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        tensors.put("file", inspected(file));
        return new Look(tensors, documents, metadata);
    }

    /// Names of constants are deep in flatbuffers, which nobody reads in a few lines.
    private static List<String> inspected(Path file) throws IOException {
        return ReportCheck.list(Cli.run("inspect", file, "--json").json(), "tensors").stream()
                .map(tensor -> tensor.text("name").orElseThrow()).toList();
    }

    private static Map<String, byte[]> unzip(byte[] bytes) throws IOException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(bytes))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                entries.put(entry.getName(), zip.readAllBytes());
            }
        }
        return entries;
    }
}
