package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.SourceTree;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// The index of a checkpoint in several files: which file holds which tensor. Immutable.
///
/// `{"metadata": {"total_size": bytes, ...}, "weight_map": {name: file, ...}}`, in any order. Other keys are passed over, at the top and in
/// `metadata`, as the writers of these files add their own; a name given twice is refused.
public final class SafetensorsIndex {
    /// The name under which the index lies in a folder.
    public static final String FILE = "model.safetensors.index.json";

    /// @param position where the index names the tensor, for messages
    record Item(String name, int file, long position) {}

    private final List<String> files;
    private final List<Item> items;
    private final OptionalLong totalSize;
    private final List<String> warnings;

    private SafetensorsIndex(List<String> files, List<Item> items, OptionalLong totalSize, List<String> warnings) {
        this.files = List.copyOf(files);
        this.items = items;
        this.totalSize = totalSize;
        this.warnings = List.copyOf(warnings);
    }

    /// Reads the index of a folder and checks that the files it names are plain names and are there. Whether they hold what it says is
    /// checked by [SafetensorsFolder].
    ///
    /// @param file plain name of the index
    /// @throws CheckpointFormatException when the file is no index, names a file that is not in the folder, or passes a limit
    /// @throws IOException when the bytes cannot be had
    public static SafetensorsIndex read(SourceTree tree, String file, Limits limits) throws IOException {
        return read(tree, file, new Budget(limits));
    }

    static SafetensorsIndex read(SourceTree tree, String file, Budget budget) throws IOException {
        try (ByteSource source = tree.open(file)) {
            return new Reader(tree, source, budget).read();
        }
    }

    /// The files that it names, in the order in which they are first named.
    public List<String> files() {
        return files;
    }

    /// Number of tensors.
    public int size() {
        return items.size();
    }

    /// The file of a tensor; empty when the index does not list the tensor.
    public Optional<String> fileOf(String tensor) {
        return find(tensor).map(item -> files.get(item.file()));
    }

    /// `metadata.total_size`: bytes of all tensors, headers not counted, as the writer counted them; empty when it is not given as a
    /// whole number.
    public OptionalLong totalSize() {
        return totalSize;
    }

    /// What is odd but does no harm, a sentence each.
    public List<String> warnings() {
        return warnings;
    }

    /// The tensors, sorted by name.
    List<Item> items() {
        return items;
    }

    Optional<Item> find(String tensor) {
        return ByName.find(items, Item::name, tensor);
    }

    private static final class Reader {
        private final SourceTree tree;
        private final ByteSource source;
        private final Budget budget;
        private final JsonTokens tokens;
        private final Map<String, Integer> files = new LinkedHashMap<>();
        private final List<Item> items = new ArrayList<>();
        private final List<String> warnings = new ArrayList<>();
        private OptionalLong totalSize = OptionalLong.empty();
        private String field = "index";

        Reader(SourceTree tree, ByteSource source, Budget budget) throws IOException {
            long length = source.length();
            long most = budget.limits().documentBytes();
            if (length > most) {
                throw CheckpointFormatException.limit(source.name(), 0, field, length + " bytes",
                        "at most " + most + " bytes (Limits.documentBytes)");
            }
            this.tree = tree;
            this.source = source;
            this.budget = budget;
            this.tokens = new JsonTokens(source, 0, length, "file", budget.limits(), () -> field);
        }

        SafetensorsIndex read() throws IOException {
            boolean hasWeights = false;
            boolean hasMetadata = false;
            tokens.take('{', "a JSON object");
            if (!tokens.tryTake('}')) {
                do {
                    field = "index";
                    String key = tokens.name("a name");
                    long position = tokens.tokenBegin();
                    field = "weight_map".equals(key) || "metadata".equals(key) ? key : "index";
                    if (key.equals("weight_map")) {
                        refuseRepeated(hasWeights, position);
                        hasWeights = true;
                        weights();
                    } else if (key.equals("metadata")) {
                        refuseRepeated(hasMetadata, position);
                        hasMetadata = true;
                        metadata();
                    } else {
                        tokens.skipValue();
                    }
                } while (tokens.more('}'));
            }
            field = "index";
            tokens.finish();
            if (items.isEmpty()) {
                throw CheckpointFormatException.malformed(source.name(), -1, "weight_map", hasWeights ? "no tensor" : "no such key",
                        "an object from tensor names to file names");
            }
            items.sort(Comparator.comparing(Item::name));
            for (int i = 1; i < items.size(); i++) {
                if (items.get(i).name().equals(items.get(i - 1).name())) {
                    field = weight(items.get(i).name());
                    refuseRepeated(true, items.get(i).position());
                }
            }
            return new SafetensorsIndex(List.copyOf(files.keySet()), items, totalSize, warnings);
        }

        private static String weight(String name) {
            return "weight_map \"" + name + "\"";
        }

        private void refuseRepeated(boolean repeated, long position) throws CheckpointFormatException {
            if (repeated) {
                throw tokens.malformed(position, "the name a second time", "each name once");
            }
        }

        private void weights() throws IOException {
            tokens.take('{', "an object");
            if (tokens.tryTake('}')) {
                return;
            }
            do {
                field = "weight_map";
                String name = tokens.name("a name");
                long position = tokens.tokenBegin();
                budget.tensor(source.name(), position);
                budget.keep(tokens.memory(name), source.name(), position, () -> field);
                field = weight(name);
                String file = tokens.string(budget.limits().nameBytes(), "Limits.nameBytes", "a file name");
                Integer known = files.get(file);
                if (known == null) {
                    refuseForeign(file);
                    known = files.size();
                    files.put(file, known);
                }
                items.add(new Item(name, known, position));
            } while (tokens.more('}'));
        }

        private void refuseForeign(String file) throws IOException {
            long position = tokens.tokenBegin();
            if (!SourceTree.isPlainName(file)) {
                throw tokens.malformed(position, "\"" + file + "\"", "the plain name of a file in the same folder");
            }
            if (!tree.has(file)) {
                throw tokens.malformed(position, "\"" + file + "\", which is not there", "a file in the same folder");
            }
        }

        private void metadata() throws IOException {
            tokens.take('{', "an object");
            if (tokens.tryTake('}')) {
                return;
            }
            boolean hasTotal = false;
            do {
                field = "metadata";
                String key = tokens.name("a name");
                long position = tokens.tokenBegin();
                if (!key.equals("total_size")) {
                    tokens.skipValue();
                    continue;
                }
                field = "metadata \"total_size\"";
                refuseRepeated(hasTotal, position);
                hasTotal = true;
                totalSize();
            } while (tokens.more('}'));
        }

        /// Some writers counted in floating point, or did not know: the number is a hint and nothing is read by it.
        private void totalSize() throws IOException {
            int first = tokens.peek();
            String number = first == '-' || (first >= '0' && first <= '9') ? tokens.number("a number") : "";
            if (number.isEmpty()) {
                tokens.skipValue();
            }
            if (!number.isEmpty() && number.chars().allMatch(c -> c >= '0' && c <= '9') && number.length() <= 18) {
                totalSize = OptionalLong.of(Long.parseLong(number));
            } else {
                warnings.add(source.name() + ": metadata.total_size is " + (number.isEmpty() ? "no number" : number)
                        + ", no whole number of bytes");
            }
        }
    }
}
