package io.github.weighbridge.litert.file;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.zip.CRC32;

/// The documents of a checkpoint as one section of a bundle: a stored zip archive, so that each can be read where it lies. Runtimes pass sections of
/// the [generic kind][SectionKind#GENERIC] over; with the documents in one of them a bundle is a full source for conversions.
public final class DocumentArchive {
    /// The item that names what a generic section holds.
    public static final String NAME = "name";
    /// The name of such a section.
    public static final String SECTION = "documents.zip";

    private static final int ALIGNMENT = 4;

    private DocumentArchive() {}

    /// The items of such a section.
    public static List<BundleItem> items() {
        return List.of(BundleItem.of(NAME, SECTION));
    }

    /// Whether a section is one.
    public static boolean is(BundleSection section) {
        return section.kind().equals(SectionKind.GENERIC) && section.text(NAME).filter(SECTION::equals).isPresent();
    }

    /// The bytes of a section.
    ///
    /// @param documents documents by plain name, in the order in which they will lie
    public static byte[] write(Map<String, byte[]> documents) {
        List<StoredZipLayout.Planned> planned = new ArrayList<>();
        List<byte[]> contents = new ArrayList<>();
        documents.forEach((name, bytes) -> {
            CRC32 crc = new CRC32();
            crc.update(bytes);
            planned.add(new StoredZipLayout.Planned(name, bytes.length, OptionalLong.of(crc.getValue())));
            contents.add(bytes);
        });
        StoredZipLayout layout = StoredZipLayout.of(planned, ALIGNMENT);
        ByteArrayOutputStream result = new ByteArrayOutputStream(Math.toIntExact(layout.length()));
        for (StoredZipLayout.Part part : layout.parts()) {
            switch (part) {
                case StoredZipLayout.Part.Bytes(byte[] bytes) -> result.writeBytes(bytes);
                case StoredZipLayout.Part.Payload(int entry, long _) -> result.writeBytes(contents.get(entry));
                case StoredZipLayout.Part.Sum _ -> throw new IllegalStateException("all sums are known");
            }
        }
        return result.toByteArray();
    }
}
