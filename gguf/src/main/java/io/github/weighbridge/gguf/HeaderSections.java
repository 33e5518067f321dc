package io.github.weighbridge.gguf;

import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufKey;
import io.github.weighbridge.model.FileSection;
import java.util.ArrayList;
import java.util.List;

/// Which ranges of a GGUF header hold what: keys of the tokenizer, other keys, and the rest.
final class HeaderSections {
    private static final String TOKENIZER = "tokenizer.";
    /// Magic number, version, and the numbers of tensors and keys.
    private static final long FIXED_BYTES = 24;

    private final List<FileSection> sections = new ArrayList<>();

    private HeaderSections() {}

    /// Of a file that was read.
    static List<FileSection> of(GgufFile file) {
        HeaderSections sections = new HeaderSections();
        List<GgufKey> keys = List.copyOf(file.keys().values());
        long begin = keys.isEmpty() ? tensors(file) : keys.getFirst().offset();
        sections.add(FileSection.HEADER, 0, begin);
        for (int i = 0; i < keys.size(); i++) {
            long end = i + 1 < keys.size() ? keys.get(i + 1).offset() : tensors(file);
            sections.add(kind(keys.get(i).name()), keys.get(i).offset(), end);
        }
        sections.add(FileSection.HEADER, tensors(file), file.headerLength());
        return sections.sections;
    }

    /// Where the entries of tensors begin.
    private static long tensors(GgufFile file) {
        return file.tensors().isEmpty() ? file.headerLength() : file.tensors().getFirst().entryOffset();
    }

    /// Of a header to be written.
    static List<FileSection> of(GgufHeader header) {
        HeaderSections sections = new HeaderSections();
        sections.add(FileSection.HEADER, 0, FIXED_BYTES);
        long at = FIXED_BYTES;
        for (String key : header.keys().keySet()) {
            long end = at + header.entryLength(key);
            sections.add(kind(key), at, end);
            at = end;
        }
        sections.add(FileSection.HEADER, at, header.headerLength());
        return sections.sections;
    }

    private static String kind(String key) {
        return key.startsWith(TOKENIZER) ? FileSection.TOKENIZER : FileSection.METADATA;
    }

    /// Neighbours of one kind become one.
    private void add(String kind, long begin, long end) {
        if (begin == end) {
            return;
        }
        if (!sections.isEmpty() && sections.getLast().kind().equals(kind)) {
            FileSection last = sections.removeLast();
            sections.add(new FileSection(kind, last.offset(), end - last.offset()));
        } else {
            sections.add(new FileSection(kind, begin, end - begin));
        }
    }
}
