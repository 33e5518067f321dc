package io.github.weighbridge.litert;

import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.DocumentArchive;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.litert.file.StoredZip;
import io.github.weighbridge.model.FileSection;
import io.github.weighbridge.view.Span;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// What the bytes of a file hold that are not of tensors: headers, metadata, tokenizers, and graphs, in whose models tensors lie.
final class Areas {
    private static final String OTHER = "other";

    private Areas() {}

    /// The areas of a bundle.
    ///
    /// @param headerEnd byte after the header
    /// @param sections sections in their places
    /// @param tensors where tensors lie
    static List<FileSection> of(long headerEnd, List<BundleSection> sections, List<Span> tensors) {
        List<FileSection> told = new ArrayList<>();
        told.add(new FileSection(FileSection.HEADER, 0, headerEnd));
        for (BundleSection section : sections) {
            told.add(new FileSection(kind(section), section.begin(), section.length()));
        }
        return without(told, tensors);
    }

    private static String kind(BundleSection section) {
        SectionKind kind = section.kind();
        if (kind.equals(SectionKind.TFLITE_MODEL) || kind.equals(SectionKind.TFLITE_WEIGHTS)) {
            return FileSection.GRAPH;
        }
        if (kind.equals(SectionKind.SENTENCEPIECE) || kind.equals(SectionKind.HUGGING_FACE_TOKENIZER)) {
            return FileSection.TOKENIZER;
        }
        boolean metadata = kind.equals(SectionKind.LLM_METADATA) || kind.equals(SectionKind.EXECUTOR_METADATA)
                || kind.equals(SectionKind.EMBEDDING_METADATA) || DocumentArchive.is(section);
        return metadata ? FileSection.METADATA : OTHER;
    }

    /// The areas of an archive. What stands before an entry is its header.
    static List<FileSection> of(StoredZip zip, long length, List<Span> tensors) {
        List<FileSection> told = new ArrayList<>();
        long at = 0;
        for (StoredZip.Entry entry : zip.entries().stream().sorted(Comparator.comparingLong(StoredZip.Entry::begin)).toList()) {
            told.add(new FileSection(FileSection.HEADER, at, entry.begin() - at));
            String kind = switch (entry.name()) {
                case Container.TASK_METADATA, Container.TASK_DOCUMENTS -> FileSection.METADATA;
                case Container.TASK_TOKENIZER -> FileSection.TOKENIZER;
                default -> entry.name().startsWith("TF_LITE_") ? FileSection.GRAPH : OTHER;
            };
            told.add(new FileSection(kind, entry.begin(), entry.length()));
            at = entry.end();
        }
        told.add(new FileSection(FileSection.HEADER, at, length - at));
        return without(told, tensors);
    }

    /// A model alone.
    static List<FileSection> of(long length, List<Span> tensors) {
        return without(List.of(new FileSection(FileSection.GRAPH, 0, length)), tensors);
    }

    /// What is left of areas between tensors.
    private static List<FileSection> without(List<FileSection> told, List<Span> tensors) {
        List<Span> sorted = tensors.stream().filter(span -> span.length() > 0)
                .sorted(Comparator.comparingLong(Span::offset).thenComparingLong(Span::length)).toList();
        List<FileSection> left = new ArrayList<>();
        int next = 0;
        for (FileSection area : told.stream().sorted(Comparator.comparingLong(FileSection::offset)).toList()) {
            long at = area.offset();
            long end = area.offset() + area.length();
            while (next < sorted.size() && sorted.get(next).offset() < end) {
                Span span = sorted.get(next++);
                add(area.kind(), at, span.offset(), left);
                at = Math.max(at, span.end());
            }
            add(area.kind(), at, end, left);
        }
        return left;
    }

    private static void add(String kind, long begin, long end, List<FileSection> left) {
        if (begin < end) {
            left.add(new FileSection(kind, begin, end - begin));
        }
    }
}
