package io.github.weighbridge.litert;

import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.model.FileSection;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/// What the ranges of a bundle without tensors hold: its header, metadata, tokenizer, and the graphs of models around their constants.
final class FileSections {
    private final List<Span> tensors;
    private final List<FileSection> sections = new ArrayList<>();

    private FileSections(Collection<StoredTensor> stored) {
        this.tensors = stored.stream().flatMap(tensor -> tensor.planes().stream()).sorted(Comparator.comparingLong(Span::offset)).toList();
    }

    /// Of a bundle; what is in no section is padding.
    static List<FileSection> of(BundleHeader header, Collection<StoredTensor> stored) {
        FileSections told = new FileSections(stored);
        long first = header.sections().stream().filter(section -> section.length() > 0).mapToLong(BundleSection::begin).min().orElse(0);
        told.add(FileSection.HEADER, 0, first);
        for (BundleSection section : header.sections()) {
            SectionKind kind = section.kind();
            if (kind.equals(SectionKind.TFLITE_MODEL)) {
                told.around(section.begin(), section.end());
            } else if (kind.equals(SectionKind.SENTENCEPIECE) || kind.equals(SectionKind.HUGGING_FACE_TOKENIZER)) {
                told.add(FileSection.TOKENIZER, section.begin(), section.end());
            } else if (!kind.equals(SectionKind.TFLITE_WEIGHTS)) {
                told.add(FileSection.METADATA, section.begin(), section.end());
            }
        }
        return told.sections;
    }

    /// Of a model that is a file of its own.
    static List<FileSection> ofModel(long length, Collection<StoredTensor> stored) {
        FileSections told = new FileSections(stored);
        told.around(0, length);
        return told.sections;
    }

    private void around(long begin, long end) {
        long at = begin;
        for (Span tensor : tensors) {
            if (tensor.offset() >= begin && tensor.end() <= end) {
                add(FileSection.GRAPH, at, tensor.offset());
                at = Math.max(at, tensor.end());
            }
        }
        add(FileSection.GRAPH, at, end);
    }

    private void add(String kind, long begin, long end) {
        if (begin < end) {
            sections.add(new FileSection(kind, begin, end - begin));
        }
    }
}
