package io.github.weighbridge.gguf.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A GGUF checkpoint: one file, or all shards of a set, whichever shard was named.
///
/// The keys of the first file speak for the set. Owns its files and closes them. Safe for use by many threads until it is closed.
public final class GgufSet implements Closeable {
    /// A tensor and where it lies.
    ///
    /// @param file index of the file in [#files]
    /// @param info its entry there
    public record Tensor(int file, GgufTensorInfo info) {}

    private final List<String> names;
    private final List<GgufFile> files;
    private final List<Tensor> tensors;
    private final Map<String, Tensor> tensorsByName;

    private GgufSet(List<String> names, List<GgufFile> files, List<Tensor> tensors, Map<String, Tensor> tensorsByName) {
        this.names = List.copyOf(names);
        this.files = List.copyOf(files);
        this.tensors = Collections.unmodifiableList(tensors);
        this.tensorsByName = tensorsByName;
    }

    /// Opens a file, and where it is a shard of a set (`split.count` above 1), the others beside it.
    ///
    /// @param source names one file of a folder
    /// @param limits hold for all files together
    /// @throws CheckpointFormatException when a file is bad, a shard is missing, or they do not belong together
    /// @throws IOException when a file cannot be opened or read
    /// @throws IllegalArgumentException when the source is a folder
    public static GgufSet open(Source source, Limits limits) throws IOException {
        String named = source.file().orElseThrow(() -> new IllegalArgumentException("a folder is no GGUF file: " + source.name()));
        List<ByteSource> open = new ArrayList<>();
        try {
            return open(source, named, limits, open);
        } catch (Throwable e) {
            // Whatever went wrong, no file stays open.
            closeAll(open, e);
            throw e;
        }
    }

    private static GgufSet open(Source source, String named, Limits limits, List<ByteSource> open) throws IOException {
        GgufReader.Budget budget = new GgufReader.Budget(limits);
        ByteSource bytes = source.open();
        open.add(bytes);
        GgufFile file = GgufFile.read(bytes, budget);
        int count = file.key(GgufSplit.COUNT_KEY).isPresent() ? number(file, GgufSplit.COUNT_KEY, GgufValueType.U16) : 0;
        if (count <= 1) {
            return merge(List.of(named), List.of(file));
        }
        GgufSplit split = GgufSplit.parse(named).orElse(null);
        if (split == null || split.count() != count) {
            throw wrong(file, GgufSplit.COUNT_KEY, count, split == null ? "a file named PREFIX-NNNNN-of-NNNNN.gguf"
                    : split.count() + " (the file's name)");
        }
        List<String> names = new ArrayList<>();
        List<GgufFile> files = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String name = split.sibling(i + 1).fileName();
            if (i != split.number() - 1) {
                if (!source.tree().has(name)) {
                    throw CheckpointFormatException.malformed(source.tree().pathOf(name), -1, "shard " + (i + 1) + " of " + count,
                            "no such file",
                            "all shards beside " + named);
                }
                ByteSource sibling = source.tree().open(name);
                open.add(sibling);
                files.add(GgufFile.read(sibling, budget));
            } else {
                files.add(file);
            }
            names.add(name);
            check(files.getLast(), i, count);
        }
        GgufSet set = merge(names, files);
        for (GgufFile shard : files) {
            // ggml looks at the first alone, and gguf-split writes it into each.
            if (shard == files.getFirst() || shard.key(GgufSplit.TENSORS_KEY).isPresent()) {
                int said = number(shard, GgufSplit.TENSORS_KEY, GgufValueType.I32);
                if (said != set.tensors.size()) {
                    throw wrong(shard, GgufSplit.TENSORS_KEY, said, set.tensors.size() + " (the tensors of all shards)");
                }
            }
        }
        return set;
    }

    private static void check(GgufFile file, int index, int count) throws CheckpointFormatException {
        int said = number(file, GgufSplit.COUNT_KEY, GgufValueType.U16);
        if (said != count) {
            throw wrong(file, GgufSplit.COUNT_KEY, said, count + " (as in the other shards)");
        }
        int number = number(file, GgufSplit.NUMBER_KEY, GgufValueType.U16);
        if (number != index) {
            throw wrong(file, GgufSplit.NUMBER_KEY, number, index + " (the file's name less 1)");
        }
    }

    private static int number(GgufFile file, String name, GgufValueType type) throws CheckpointFormatException {
        GgufKey key = file.key(name).orElse(null);
        if (key == null) {
            throw CheckpointFormatException.malformed(file.source().name(), -1, "key " + name, "none", "one in every shard");
        }
        if (key.value() instanceof GgufValue.Whole(GgufValueType found, long number) && found == type) {
            return (int) number;
        }
        throw CheckpointFormatException.malformed(file.source().name(), key.valueOffset() - 4, "key " + name + ": value type",
                key.value().type().word(), type.word());
    }

    private static CheckpointFormatException wrong(GgufFile file, String name, int found, String expected) {
        long offset = file.key(name).map(GgufKey::valueOffset).orElse(-1L);
        return CheckpointFormatException.malformed(file.source().name(), offset, "key " + name + ": value", found, expected);
    }

    private static GgufSet merge(List<String> names, List<GgufFile> files) throws CheckpointFormatException {
        List<Tensor> tensors = new ArrayList<>();
        Map<String, Tensor> byName = new HashMap<>();
        for (int i = 0; i < files.size(); i++) {
            for (GgufTensorInfo info : files.get(i).tensors()) {
                Tensor tensor = new Tensor(i, info);
                Tensor first = byName.putIfAbsent(info.name(), tensor);
                if (first != null) {
                    throw CheckpointFormatException.malformed(files.get(i).source().name(), info.entryOffset(), "tensor " + info.name()
                            + ": name", "a second time", "each tensor once (the first is in " + names.get(first.file) + ")");
                }
                tensors.add(tensor);
            }
        }
        return new GgufSet(names, files, tensors, byName);
    }

    private static void closeAll(List<ByteSource> open, @Nullable Throwable cause) throws IOException {
        IOException failure = null;
        for (ByteSource bytes : open) {
            try {
                bytes.close();
            } catch (IOException e) {
                if (cause != null) {
                    cause.addSuppressed(e);
                } else if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    /// Plain names of the files, in order.
    public List<String> names() {
        return names;
    }

    /// The files, in order.
    public List<GgufFile> files() {
        return files;
    }

    /// The first file, whose keys speak for the set.
    public GgufFile first() {
        return files.getFirst();
    }

    /// Whether this is a set of shards.
    public boolean isSplit() {
        return files.size() > 1;
    }

    /// All tensors, in the order of the files and of their entries there.
    public List<Tensor> tensors() {
        return tensors;
    }

    /// A tensor.
    public Optional<Tensor> tensor(String name) {
        return Optional.ofNullable(tensorsByName.get(name));
    }

    /// The bytes of a tensor of this set, padding apart. A view: closing it does nothing.
    public ByteSource data(Tensor tensor) {
        return files.get(tensor.file).data(tensor.info);
    }

    /// Bytes of all files.
    public long byteLength() {
        return files.stream().mapToLong(file -> file.source().length()).sum();
    }

    /// Fails when a file may have changed since it was opened.
    ///
    /// @throws IOException naming the file
    public void verifyUnchanged() throws IOException {
        for (GgufFile file : files) {
            file.source().verifyUnchanged();
        }
    }

    /// Closes all files. Values and data that lie in them cannot be read any more.
    @Override
    public void close() throws IOException {
        closeAll(files.stream().map(GgufFile::source).toList(), null);
    }
}
