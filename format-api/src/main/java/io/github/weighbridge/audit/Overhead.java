package io.github.weighbridge.audit;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.FileSection;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.OutputFile;
import java.util.ArrayList;
import java.util.List;

/// The bytes of a checkpoint's files that are not of tensors, by what they hold. Their sum is [Footprint#overheadBytes].
///
/// @param header what says where tensors are
/// @param metadata what says what the model is
/// @param tokenizer tokens, merges and chat template, where they are in the same file
/// @param graph what says how a runtime computes
/// @param padding gaps between all that is told
/// @param other bytes of files of which the format tells nothing
/// @param documents files beside those with tensors; not in the sum
public record Overhead(long header, long metadata, long tokenizer, long graph, long padding, long other, List<Document> documents) {
    /// A file beside those with tensors.
    ///
    /// @param name its name
    /// @param bytes its length
    public record Document(String name, long bytes) {}

    /// Copies the list.
    public Overhead {
        documents = List.copyOf(documents);
    }

    /// The sum of all parts.
    public long bytes() {
        return header + metadata + tokenizer + graph + padding + other;
    }

    /// This and another.
    Overhead and(Overhead next) {
        List<Document> both = new ArrayList<>(documents);
        next.documents.stream().filter(document -> !documents.contains(document)).forEach(both::add);
        return new Overhead(header + next.header, metadata + next.metadata, tokenizer + next.tokenizer, graph + next.graph,
                padding + next.padding,
                other + next.other, both);
    }

    /// Overhead of which nothing is told.
    static Overhead untold(long bytes) {
        return new Overhead(0, 0, 0, 0, 0, bytes, List.of());
    }

    /// Of a checkpoint. Documents that would have to be made of the files are none beside them.
    static Overhead of(Checkpoint checkpoint, long[] tensorBytes) {
        Sum sum = new Sum();
        for (int i = 0; i < checkpoint.files().size(); i++) {
            CheckpointFile file = checkpoint.files().get(i);
            sum.add(file.sections(), file.source().length() - tensorBytes[i]);
        }
        List<Document> documents = new ArrayList<>();
        for (String name : checkpoint.documents().names()) {
            ByteSource source = checkpoint.documents().get(name).orElseThrow();
            if (checkpoint.resources().contains(source)) {
                documents.add(new Document(name, source.length()));
            }
        }
        return sum.overhead(documents);
    }

    /// Of what a plan would write.
    static Overhead of(ConversionPlan plan, long[] tensorBytes) {
        Sum sum = new Sum();
        List<Document> documents = new ArrayList<>();
        for (int i = 0; i < plan.files().size(); i++) {
            OutputFile file = plan.files().get(i);
            if (file.holdsTensors()) {
                sum.add(file.sections(), file.length() - tensorBytes[i]);
            } else {
                documents.add(new Document(file.name(), file.length()));
            }
        }
        return sum.overhead(documents);
    }

    private static final class Sum {
        private long header;
        private long metadata;
        private long tokenizer;
        private long graph;
        private long padding;
        private long other;

        void add(List<FileSection> sections, long bytes) {
            long told = 0;
            for (FileSection section : sections) {
                told += section.length();
                switch (section.kind()) {
                    case FileSection.HEADER -> header += section.length();
                    case FileSection.METADATA -> metadata += section.length();
                    case FileSection.TOKENIZER -> tokenizer += section.length();
                    case FileSection.GRAPH -> graph += section.length();
                    default -> other += section.length();
                }
            }
            if (sections.isEmpty()) {
                other += bytes;
            } else {
                padding += bytes - told;
            }
        }

        Overhead overhead(List<Document> documents) {
            return new Overhead(header, metadata, tokenizer, graph, padding, other, documents);
        }
    }
}
