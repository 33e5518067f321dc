package io.github.weighbridge.model;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Value;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/// An open checkpoint: what any reader makes of any format. Immutable but for being closed; safe for use by many threads, and to be closed
/// only after the last of them is done.
///
/// @param format the format's word
/// @param formatVersion the version the files state, where they state one
/// @param files the files that hold tensors, in a fixed order; [io.github.weighbridge.view.Span]s refer to them by index
/// @param architecture what the model is
/// @param graph its tensors
/// @param documents what travels with them
/// @param findings what the reader noticed
/// @param resources what to close with it, besides the files
/// @param metadata what the files say of themselves besides hyper-parameters, tokens and tensors: names, licences, how they were made
/// @param cache how they want keys and values to be kept, where they say so
public record Checkpoint(String format, Optional<String> formatVersion, List<CheckpointFile> files, Architecture architecture,
        TensorGraph graph,
        Documents documents, List<Finding> findings, List<Closeable> resources, Value.Fields metadata, Optional<CacheChoice> cache)
        implements Closeable {
    /// A file of a checkpoint.
    ///
    /// @param name plain name, for reports
    /// @param source its bytes
    /// @param sections what its ranges without tensors hold, as far as the format tells; the rest is padding where there are any
    public record CheckpointFile(String name, ByteSource source, List<FileSection> sections) {
        /// Copies the list.
        public CheckpointFile {
            sections = List.copyOf(sections);
        }

        /// A file of which nothing is told but where its tensors are.
        public CheckpointFile(String name, ByteSource source) {
            this(name, source, List.of());
        }
    }

    /// Copies the lists.
    public Checkpoint {
        files = List.copyOf(files);
        findings = List.copyOf(findings);
        resources = List.copyOf(resources);
    }

    /// A checkpoint whose files say nothing of themselves.
    public Checkpoint(String format, Optional<String> formatVersion, List<CheckpointFile> files, Architecture architecture,
            TensorGraph graph,
            Documents documents, List<Finding> findings, List<Closeable> resources) {
        this(format, formatVersion, files, architecture, graph, documents, findings, resources, Value.Fields.EMPTY);
    }

    /// A checkpoint that wants keys and values to be kept as its metadata records, if it does.
    public Checkpoint(String format, Optional<String> formatVersion, List<CheckpointFile> files, Architecture architecture,
            TensorGraph graph,
            Documents documents, List<Finding> findings, List<Closeable> resources, Value.Fields metadata) {
        this(format, formatVersion, files, architecture, graph, documents, findings, resources, metadata,
                CacheChoice.recorded(metadata::text));
    }

    /// A copy that wants keys and values to be kept otherwise.
    public Checkpoint withCache(CacheChoice choice) {
        return new Checkpoint(format, formatVersion, files, architecture, graph, documents, findings, resources, metadata,
                Optional.of(choice));
    }

    /// Length of all files, in bytes.
    public long bytes() {
        return files.stream().mapToLong(file -> file.source().length()).sum();
    }

    /// Fails when a file or a document changed since it was opened.
    public void verifyUnchanged() throws IOException {
        for (CheckpointFile file : files) {
            file.source().verifyUnchanged();
        }
        for (String name : documents.names()) {
            documents.get(name).orElseThrow().verifyUnchanged();
        }
    }

    /// Closes all files; the first failure is thrown, after all were tried.
    @Override
    public void close() throws IOException {
        IOException failure = null;
        for (CheckpointFile file : files) {
            failure = close(file.source(), failure);
        }
        for (Closeable resource : resources) {
            failure = close(resource, failure);
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static @org.jspecify.annotations.Nullable IOException close(Closeable resource,
            @org.jspecify.annotations.Nullable IOException failure) {
        try {
            resource.close();
        } catch (IOException e) {
            if (failure == null) {
                return e;
            }
            failure.addSuppressed(e);
        }
        return failure;
    }
}
