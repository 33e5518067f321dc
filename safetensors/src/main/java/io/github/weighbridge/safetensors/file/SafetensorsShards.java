package io.github.weighbridge.safetensors.file;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/// A checkpoint that is to be written in one or several files: which tensor goes where, and the index. Immutable; nothing is written by it.
///
/// Tensors are taken in the order given and a new file is begun when the next one would pass the most bytes of a file, as
/// `split_state_dict_into_shards_factory` of huggingface_hub does: headers are not counted, and a tensor that is larger than that by itself
/// has a file of its own. One file is `model.safetensors` without an index.
///
/// @param files the files, in the order of their numbers
/// @param index the bytes of `model.safetensors.index.json`, a new array each time; empty when there is one file
/// @param tensorBytes bytes of all tensors together, headers not counted: `metadata.total_size`
public record SafetensorsShards(List<Planned> files, Optional<Index> index, long tensorBytes) {
    /// A file that is to be written.
    ///
    /// @param file plain name
    /// @param layout what it holds
    public record Planned(String file, SafetensorsLayout layout) {}

    /// The index that is to be written, as [SafetensorsIndex#FILE].
    public static final class Index {
        private final byte[] bytes;

        private Index(byte[] bytes) {
            this.bytes = bytes;
        }

        /// The document, a new array.
        public byte[] bytes() {
            return bytes.clone();
        }

        /// Length of the document in bytes.
        public long length() {
            return bytes.length;
        }
    }

    /// Copies the list.
    public SafetensorsShards {
        files = List.copyOf(files);
    }

    /// Plans the files.
    ///
    /// @param tensors the tensors; their order decides which share a file
    /// @param metadata texts for `__metadata__` of every file, to which [SafetensorsLayout#of] adds the format
    /// @param mostBytes most bytes of tensors in a file, headers not counted
    /// @param totalParameters for `metadata.total_parameters` of the index, when known
    /// @throws IllegalArgumentException when a name comes twice, a header would be too long, or there would be more than 99 999 files
    /// @throws ArithmeticException when the tensors take 2^63 bytes or more
    public static SafetensorsShards plan(List<SafetensorsLayout.Tensor> tensors, Map<String, String> metadata, long mostBytes,
            OptionalLong totalParameters) {
        if (mostBytes <= 0) {
            throw new IllegalArgumentException("files of at most " + mostBytes + " bytes");
        }
        List<List<SafetensorsLayout.Tensor>> groups = split(tensors, mostBytes);
        if (groups.size() > 99_999) {
            throw new IllegalArgumentException(groups.size() + " files, more than five digits can number");
        }
        List<Planned> files = new ArrayList<>(groups.size());
        Map<String, String> weightMap = new TreeMap<>(SafetensorsLayout::compareAsUtf8);
        long tensorBytes = 0;
        for (int i = 0; i < groups.size(); i++) {
            String file = groups.size() == 1 ? "model.safetensors" : fileName("model", i + 1, groups.size());
            SafetensorsLayout layout = SafetensorsLayout.of(groups.get(i), metadata);
            files.add(new Planned(file, layout));
            tensorBytes = Math.addExact(tensorBytes, layout.dataBytes());
            groups.get(i).forEach(tensor -> weightMap.put(tensor.name(), file));
        }
        Optional<Index> index = groups.size() == 1 ? Optional.empty()
                : Optional.of(new Index(index(weightMap, tensorBytes, totalParameters)));
        return new SafetensorsShards(files, index, tensorBytes);
    }

    private static List<List<SafetensorsLayout.Tensor>> split(List<SafetensorsLayout.Tensor> tensors, long mostBytes) {
        List<List<SafetensorsLayout.Tensor>> groups = new ArrayList<>();
        List<SafetensorsLayout.Tensor> group = new ArrayList<>();
        Set<String> names = new HashSet<>();
        long bytes = 0;
        for (SafetensorsLayout.Tensor tensor : tensors) {
            if (!names.add(tensor.name())) {
                throw new IllegalArgumentException("two tensors named \"" + tensor.name() + "\"");
            }
            if (!group.isEmpty() && (bytes > mostBytes || tensor.bytes() > mostBytes - bytes)) {
                groups.add(group);
                group = new ArrayList<>();
                bytes = 0;
            }
            group.add(tensor);
            bytes += tensor.bytes();
        }
        groups.add(group);
        return groups;
    }

    /// `PREFIX-00001-of-00004.safetensors`.
    static String fileName(String prefix, int number, int count) {
        return String.format(Locale.ROOT, "%s-%05d-of-%05d.safetensors", prefix, number, count);
    }

    /// As transformers writes it: `json.dumps(index, indent=2, sort_keys=True)` and a newline.
    private static byte[] index(Map<String, String> weightMap, long tensorBytes, OptionalLong totalParameters) {
        StringBuilder text = new StringBuilder("{\n  \"metadata\": {\n");
        totalParameters.ifPresent(count -> text.append("    \"total_parameters\": ").append(count).append(",\n"));
        text.append("    \"total_size\": ").append(tensorBytes).append("\n  },\n  \"weight_map\": {");
        String separator = "\n";
        for (Map.Entry<String, String> weight : weightMap.entrySet()) {
            text.append(separator).append("    ");
            appendAscii(weight.getKey(), text);
            text.append(": \"").append(weight.getValue()).append('"');
            separator = ",\n";
        }
        return text.append("\n  }\n}\n").toString().getBytes(StandardCharsets.US_ASCII);
    }

    /// Python's `json` leaves nothing but printable ASCII.
    private static void appendAscii(String name, StringBuilder text) {
        text.append('"');
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\b' -> text.append("\\b");
                case '\f' -> text.append("\\f");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                default -> {
                    if (c < ' ' || c > '~') {
                        text.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
        text.append('"');
    }
}
