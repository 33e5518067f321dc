package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.SourceTree;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The tensors of a checkpoint in one or several `.safetensors` files, opened and checked against each other. Immutable and safe for use by
/// many threads until it is closed; closing it closes the files.
///
/// Which files of a folder are read:
///
/// 1. those that `model.safetensors.index.json` names, when it is there;
/// 2. else `model.safetensors`;
/// 3. else all, when their names are `NAME-00001-of-0000K.safetensors` to `NAME-0000K-of-0000K.safetensors` and none is missing;
/// 4. else the only `.safetensors` file, unless it is one of a numbered set.
///
/// Any other folder is refused. `.safetensors` files that lie there but are not read are named in [#warnings].
public final class SafetensorsFolder implements Closeable {
    private static final String SUFFIX = ".safetensors";
    private static final String SINGLE = "model.safetensors";
    private static final Pattern NUMBERED = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.safetensors", Pattern.DOTALL);

    /// One of the files.
    ///
    /// @param file plain name
    /// @param source its bytes, closed with the folder
    /// @param header its header
    public record Shard(String file, ByteSource source, SafetensorsFile header) {}

    /// A tensor and where it lies.
    ///
    /// @param shard index into [SafetensorsFolder#shards]
    /// @param entry the entry in that file
    public record Located(int shard, SafetensorsEntry entry) {
        /// Name of the tensor.
        public String name() {
            return entry.name();
        }
    }

    private final String name;
    private final List<Shard> shards;
    private final List<Located> tensors;
    private final Located[] byName;
    private final List<String> warnings;

    private SafetensorsFolder(String name, List<Shard> shards, Located[] tensors, Located[] byName, List<String> warnings) {
        this.name = name;
        this.shards = List.copyOf(shards);
        this.tensors = Collections.unmodifiableList(Arrays.asList(tensors));
        this.byName = byName;
        this.warnings = List.copyOf(warnings);
    }

    /// Opens the checkpoint of a folder.
    ///
    /// @throws CheckpointFormatException when the folder has no checkpoint of this format, files are missing, the index and the files
    ///         contradict each other, or a file is malformed; nothing stays open then
    /// @throws IOException when the folder or a file cannot be read
    public static SafetensorsFolder open(SourceTree tree, Limits limits) throws IOException {
        List<String> warnings = new ArrayList<>();
        Budget budget = new Budget(limits);
        if (tree.has(SafetensorsIndex.FILE)) {
            SafetensorsIndex index = SafetensorsIndex.read(tree, SafetensorsIndex.FILE, budget);
            warnings.addAll(index.warnings());
            warnOfUnread(tree, index.files(), "which the index does not name", warnings);
            // the tensors of the index are those of the files, and their names are the same strings: they count once
            return open(tree, index.files().stream().sorted().toList(), new Budget(limits, budget), index, warnings);
        }
        List<String> files = choose(tree);
        warnOfUnread(tree, files, "which does not belong to " + files.getFirst(), warnings);
        return open(tree, files, budget, null, warnings);
    }

    /// Opens one file, whatever lies beside it.
    ///
    /// @param file plain name
    /// @throws CheckpointFormatException when the file is malformed; nothing stays open then
    /// @throws IOException when it cannot be read
    public static SafetensorsFolder open(SourceTree tree, String file, Limits limits) throws IOException {
        return open(tree, List.of(file), new Budget(limits), null, List.of());
    }

    private static void warnOfUnread(SourceTree tree, List<String> read, String why, List<String> warnings) throws IOException {
        Set<String> known = new LinkedHashSet<>(read);
        for (String file : tree.files()) {
            if (file.endsWith(SUFFIX) && !known.contains(file)) {
                warnings.add(tree.pathOf(file) + ": not read, a file " + why);
            }
        }
    }

    private static List<String> choose(SourceTree tree) throws IOException {
        List<String> files = tree.files().stream().filter(file -> file.endsWith(SUFFIX)).toList();
        if (files.contains(SINGLE)) {
            return List.of(SINGLE);
        }
        String folder = tree.name().isEmpty() ? "." : tree.name();
        if (files.isEmpty()) {
            throw CheckpointFormatException.malformed(folder, -1, "folder", "no .safetensors file",
                    "model.safetensors, or an index with its files");
        }
        Optional<Integer> count = numberedTogether(files);
        if (count.isPresent()) {
            if (count.get() == files.size()) {
                return files;
            }
            String prefix = files.getFirst().substring(0, files.getFirst().length() - "-00001-of-00001.safetensors".length());
            int missing = 1;
            while (files.contains(SafetensorsShards.fileName(prefix, missing, count.get()))) {
                missing++;
            }
            throw CheckpointFormatException.malformed(folder, -1, "folder",
                    files.size() + " of " + count.get() + " numbered files, without "
                            + SafetensorsShards.fileName(prefix, missing, count.get()),
                    "all of them");
        }
        if (files.size() == 1) {
            return files;
        }
        throw CheckpointFormatException.malformed(folder, -1, "folder",
                files.size() + " .safetensors files that are no numbered set, " + files.getFirst() + " and " + files.get(1)
                        + " among them, and no "
                        + SafetensorsIndex.FILE,
                "model.safetensors, an index, or one file opened by its name");
    }

    /// How many files the set has that all the files belong to; empty when they belong to none.
    private static Optional<Integer> numberedTogether(List<String> files) {
        Matcher first = NUMBERED.matcher(files.getFirst());
        if (!first.matches()) {
            return Optional.empty();
        }
        int count = Integer.parseInt(first.group(3));
        for (String file : files) {
            Matcher other = NUMBERED.matcher(file);
            if (!other.matches() || !other.group(1).equals(first.group(1)) || !other.group(3).equals(first.group(3))
                    || Integer.parseInt(other.group(2)) < 1 || Integer.parseInt(other.group(2)) > count) {
                return Optional.empty();
            }
        }
        return Optional.of(count);
    }

    private static SafetensorsFolder open(SourceTree tree, List<String> files, Budget budget, @Nullable SafetensorsIndex index,
            List<String> warnings) throws IOException {
        List<Shard> shards = new ArrayList<>();
        boolean complete = false;
        try {
            for (String file : files) {
                ByteSource source = tree.open(file);
                boolean read = false;
                try {
                    SafetensorsFile header = SafetensorsFile.read(source, budget,
                            name -> index == null ? Optional.empty() : index.find(name).map(SafetensorsIndex.Item::name));
                    shards.add(new Shard(file, source, header));
                    read = true;
                } finally {
                    if (!read) {
                        closeQuietly(source);
                    }
                }
                if (index != null) {
                    checkAgainst(index, shards.getLast());
                }
            }
            SafetensorsFolder folder = merge(tree, shards, warnings, index);
            complete = true;
            return folder;
        } finally {
            if (!complete) {
                shards.forEach(shard -> closeQuietly(shard.source()));
            }
        }
    }

    /// After a failure there is something better to report than that a file did not close.
    private static void closeQuietly(ByteSource source) {
        try {
            source.close();
        } catch (IOException _) {
            // the failure that led here is on its way already
        }
    }

    private static void checkAgainst(SafetensorsIndex index, Shard shard) throws CheckpointFormatException {
        for (SafetensorsEntry entry : shard.header().entries()) {
            String place = index.fileOf(entry.name()).orElse("");
            if (!place.equals(shard.file())) {
                throw CheckpointFormatException.malformed(shard.source().name(), entry.headerOffset(), "tensor \"" + entry.name() + "\"",
                        place.isEmpty() ? "a tensor that the index does not list" : "a tensor that the index places in " + place,
                        "the tensors that the index places here");
            }
        }
    }

    private static SafetensorsFolder merge(SourceTree tree, List<Shard> shards, List<String> warnings, @Nullable SafetensorsIndex index)
            throws IOException {
        List<Located> tensors = new ArrayList<>();
        long bytes = 0;
        for (int shard = 0; shard < shards.size(); shard++) {
            SafetensorsFile header = shards.get(shard).header();
            for (SafetensorsEntry entry : header.entries()) {
                tensors.add(new Located(shard, entry));
            }
            bytes = Math.addExact(bytes, header.dataBytes());
        }
        Located[] byName = tensors.toArray(Located[]::new);
        Arrays.sort(byName, Comparator.comparing(Located::name));
        for (int i = 1; i < byName.length; i++) {
            if (byName[i].name().equals(byName[i - 1].name())) {
                throw CheckpointFormatException.malformed(shards.get(byName[i].shard()).source().name(), byName[i].entry().headerOffset(),
                        "tensor \"" + byName[i].name() + "\"", "a tensor that is in " + shards.get(byName[i - 1].shard()).file() + " too",
                        "each name in one file");
            }
        }
        List<String> all = new ArrayList<>(warnings);
        if (index != null) {
            refuseAbsent(tree, index, byName);
            long total = index.totalSize().orElse(bytes);
            if (total != bytes) {
                all.add(tree.pathOf(SafetensorsIndex.FILE) + ": metadata.total_size is " + total + ", the tensors take " + bytes
                        + " bytes");
            }
        }
        return new SafetensorsFolder(tree.name(), shards, tensors.toArray(Located[]::new), byName, all);
    }

    /// Every tensor of the files is in the index by now, so the two sorted lists differ only where a file lacks what the index places
    /// there.
    private static void refuseAbsent(SourceTree tree, SafetensorsIndex index, Located[] byName) throws CheckpointFormatException {
        int at = 0;
        for (SafetensorsIndex.Item item : index.items()) {
            if (at < byName.length && byName[at].name().equals(item.name())) {
                at++;
            } else {
                throw CheckpointFormatException.malformed(tree.pathOf(SafetensorsIndex.FILE), item.position(),
                        "weight_map \"" + item.name() + "\"", index.files().get(item.file()) + ", which has no such tensor",
                        "the file that holds it");
            }
        }
    }

    /// Name of the folder, for messages.
    public String name() {
        return name;
    }

    /// The files, sorted by name.
    public List<Shard> shards() {
        return shards;
    }

    /// The tensors of all files: file after file, in each in the order of the data.
    public List<Located> tensors() {
        return tensors;
    }

    /// The tensor of a name; empty when there is none.
    public Optional<Located> find(String tensor) {
        return ByName.find(Arrays.asList(byName), Located::name, tensor);
    }

    /// What is odd about the folder but does no harm, a sentence each: files that are not read, sizes in the index that are not true.
    public List<String> warnings() {
        return warnings;
    }

    /// Closes the files.
    ///
    /// @throws IOException the first failure, with the others suppressed; all files have been closed, or tried, by then
    @Override
    public void close() throws IOException {
        IOException failure = null;
        for (Shard shard : shards) {
            try {
                shard.source().close();
            } catch (IOException e) {
                if (failure == null) {
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
}
