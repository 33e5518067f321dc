package io.github.weighbridge.litert;

import io.github.weighbridge.litert.file.BundleItem;
import io.github.weighbridge.litert.file.BundleLayout;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.StoredZip;
import io.github.weighbridge.litert.file.StoredZipLayout;
import io.github.weighbridge.plan.Blob;
import io.github.weighbridge.plan.Checksum;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.view.Span;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// The two containers.
enum BundleForm {
    /// Sections behind a header.
    LITERTLM("litertlm", Optional.of("1." + BundleForm.MINOR + ".0")) {
        @Override
        void layOut(List<BundlePart> parts, LitertOptions options, LayoutBuilder layout) throws PolicyException {
            List<BundleLayout.Planned> planned =
                    parts.stream().map(part -> new BundleLayout.Planned(part.kind(), part.items(), part.length())).toList();
            BundleLayout bundle = BundleLayout.of(MINOR, system(options), planned, true);
            layout.rendered(Blob.of(bundle.prefix()));
            for (int i = 0; i < parts.size(); i++) {
                BundleSection section = bundle.header().sections().get(i);
                layout.zeros(section.begin() - layout.position());
                parts.get(i).layOut(layout);
            }
            layout.zeros(bundle.length() - layout.position());
            layout.sections(Areas.of(bundle.prefix().length, bundle.header().sections(), planes(layout)));
        }

        /// tokenizer.json is complete; where it is missing, a SentencePiece model will do.
        @Override
        boolean sentencePiece(Set<String> documents) {
            return !documents.contains("tokenizer.json");
        }

        @Override
        String needsTokenizer() {
            return "LiteRT-LM needs a tokenizer, and the source has neither tokenizer.json nor tokenizer.model";
        }
    },
    /// Entries of an archive.
    TASK("task", Optional.empty()) {
        @Override
        void layOut(List<BundlePart> parts, LitertOptions options, LayoutBuilder layout) {
            List<StoredZipLayout.Planned> planned = parts.stream()
                    .map(part -> new StoredZipLayout.Planned(part.entry(), part.length(), OptionalLong.empty())).toList();
            List<StoredZip.Entry> entries = new ArrayList<>();
            for (StoredZipLayout.Part part : StoredZipLayout.of(planned, ENTRY_ALIGNMENT).parts()) {
                switch (part) {
                    case StoredZipLayout.Part.Bytes(byte[] bytes) -> layout.rendered(Blob.of(bytes));
                    case StoredZipLayout.Part.Payload(int entry, long begin) -> {
                        entries.add(new StoredZip.Entry(planned.get(entry).name(), 0, begin, planned.get(entry).length()));
                        parts.get(entry).layOut(layout);
                    }
                    case StoredZipLayout.Part.Sum(int _, long begin, long end) -> layout.late(Checksum.CRC32, begin, end);
                }
            }
            layout.sections(Areas.of(new StoredZip(entries, layout.position()), layout.position(), planes(layout)));
        }

        @Override
        boolean sentencePiece(Set<String> documents) {
            return true;
        }

        @Override
        String needsTokenizer() {
            return "a .task holds a SentencePiece model, and the source has no tokenizer.model; a .litertlm takes its tokenizer.json";
        }
    };

    /// The minor version of Google's files of Gemma 4.
    static final int MINOR = 5;
    /// Entries are used where they lie, and offsets of constants in a model count on its alignment.
    private static final int ENTRY_ALIGNMENT = 64;
    private static final String AUTHORS = "Authors";
    private static final String AUTHOR = "Weighbridge";
    private static final String UUID = "uuid";
    private static final String TIMESTAMP = "creation_timestamp";

    private final String format;
    private final Optional<String> version;

    BundleForm(String format, Optional<String> version) {
        this.format = format;
        this.version = version;
    }

    /// The format's word.
    String format() {
        return format;
    }

    /// The version that is written.
    Optional<String> version() {
        return version;
    }

    /// Whether the tokenizer is kept as a SentencePiece model.
    ///
    /// @param documents names of what the source has
    abstract boolean sentencePiece(Set<String> documents);

    /// What to say where the source has no such tokenizer.
    abstract String needsTokenizer();

    /// Lays the parts out in one file.
    ///
    /// @throws PolicyException when they do not fit
    abstract void layOut(List<BundlePart> parts, LitertOptions options, LayoutBuilder layout) throws PolicyException;

    /// Where the tensors lie that were laid out.
    private static List<Span> planes(LayoutBuilder layout) {
        return layout.jobs().stream().flatMap(job -> job.target().planes().stream()).toList();
    }

    /// What is said of the whole. A bundle without a uuid and a time is the same whenever it is made.
    private static List<BundleItem> system(LitertOptions options) {
        List<BundleItem> items = new ArrayList<>();
        items.add(BundleItem.of(AUTHORS, AUTHOR));
        options.uuid().ifPresent(uuid -> items.add(BundleItem.of(UUID, uuid)));
        options.timestamp().ifPresent(time -> items.add(BundleItem.of(TIMESTAMP, time)));
        options.record().forEach((key, text) -> items.add(BundleItem.of(key, text)));
        return items;
    }
}
