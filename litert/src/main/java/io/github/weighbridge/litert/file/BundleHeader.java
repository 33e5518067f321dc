package io.github.weighbridge.litert.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.flat.Allowance;
import io.github.weighbridge.litert.file.flat.FlatSource;
import io.github.weighbridge.litert.file.flat.FlatTable;
import io.github.weighbridge.litert.file.flat.FlatVector;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// The header of a `.litertlm` bundle: `LITERTLM`, three version numbers, and a flatbuffer that names the sections.
///
/// All integers are little-endian.
///
/// | offset | bytes | what |
/// | --- | --- | --- |
/// | 0 | 8 | `LITERTLM` |
/// | 8 | 12 | version: major, minor, patch |
/// | 20 | 4 | zero |
/// | 24 | 8 | end of the header |
/// | 32 | | flatbuffer with the root `LiteRTLMMetaData` |
/// | multiples of 16384 | | sections |
///
/// Read from LiteRT-LM's `litertlm_header_schema.fbs` and `litertlm_read.cc`. Sections of real files begin at multiples of 16 KiB; the loader does not
/// ask for it, and neither does this reader.
///
/// @param major 1
/// @param minor not checked by loaders: 0, 5 and 9 are seen
/// @param patch not checked by loaders
/// @param system what is said of the whole bundle: author, uuid, time of making
/// @param sections the sections, in the order of the header
/// @param end byte after the header
public record BundleHeader(int major, int minor, int patch, List<BundleItem> system, List<BundleSection> sections, long end) {
    /// What every bundle begins with.
    public static final String MAGIC = "LITERTLM";
    /// Where the flatbuffer begins.
    public static final int HEADER_BEGIN = 32;

    private static final int MAJOR = 1;
    private static final int MOST_ITEMS = 4096;

    /// Copies the lists.
    public BundleHeader {
        system = List.copyOf(system);
        sections = List.copyOf(sections);
    }

    /// The version as text.
    public String version() {
        return Integer.toUnsignedString(major) + "." + Integer.toUnsignedString(minor) + "." + Integer.toUnsignedString(patch);
    }

    /// The first section of a kind.
    public Optional<BundleSection> section(SectionKind kind) {
        return sections.stream().filter(section -> section.kind().equals(kind)).findFirst();
    }

    /// Whether a source begins like a bundle.
    public static boolean probe(ByteSource source) throws IOException {
        return source.length() >= HEADER_BEGIN && new String(source.readBytes(0, 8), java.nio.charset.StandardCharsets.ISO_8859_1).equals(
                MAGIC);
    }

    /// Reads the header and checks that all sections lie behind it in the file, apart from each other.
    ///
    /// @throws CheckpointFormatException when the file is no bundle, or a bad one
    public static BundleHeader read(ByteSource source, Limits limits) throws IOException {
        if (source.length() < HEADER_BEGIN) {
            throw CheckpointFormatException.malformed(source.name(), source.length(), "header", "the end of the file", "32 bytes");
        }
        if (!probe(source)) {
            throw CheckpointFormatException.malformed(source.name(), 0, "magic", "other bytes", MAGIC);
        }
        FlatSource fixed = new FlatSource(source, 0, HEADER_BEGIN, new Allowance(limits));
        int major = fixed.i32(8);
        if (major != MAJOR) {
            throw CheckpointFormatException.unsupported(source.name(), 8, "major version", Integer.toUnsignedString(major), "1");
        }
        long end = fixed.i64(24);
        if (end < HEADER_BEGIN || end > source.length()) {
            throw CheckpointFormatException.malformed(source.name(), 24, "end of the header", Long.toUnsignedString(end),
                    HEADER_BEGIN + " to " + source.length() + ", within the file");
        }
        if (end - HEADER_BEGIN > limits.headerBytes()) {
            throw CheckpointFormatException.limit(source.name(), 24, "end of the header", end,
                    "a header of at most " + limits.headerBytes() + " bytes (Limits.headerBytes)");
        }
        FlatSource flat = new FlatSource(source, HEADER_BEGIN, end - HEADER_BEGIN, new Allowance(limits));
        FlatTable root = flat.root("LiteRTLMMetaData");
        List<BundleItem> system = List.of();
        Optional<FlatTable> about = root.table(Fields.SYSTEM, "system_metadata");
        if (about.isPresent()) {
            system = items(flat, about.get().needVector(Fields.ENTRIES, 4, "entries"));
        }
        List<BundleSection> sections = new ArrayList<>();
        Optional<FlatTable> list = root.table(Fields.SECTIONS, "section_metadata");
        if (list.isPresent()) {
            FlatVector objects = list.get().needVector(Fields.OBJECTS, 4, "objects");
            int count = objects.countUpTo(limits.keys(), "Limits.keys");
            for (int i = 0; i < count; i++) {
                sections.add(section(source, flat, objects.table(i, "SectionObject"), end));
            }
        }
        checkApart(source, sections);
        return new BundleHeader(major, fixed.i32(12), fixed.i32(16), system, sections, end);
    }

    private static BundleSection section(ByteSource source, FlatSource flat, FlatTable table, long headerEnd) throws IOException {
        long begin = table.i64(Fields.BEGIN);
        long end = table.i64(Fields.END);
        flat.charge(96, table.position(), "SectionObject");
        if (begin < headerEnd || begin > source.length()) {
            throw flat.malformed(table.position(), "begin_offset", Long.toUnsignedString(begin),
                    headerEnd + " to " + source.length() + ", behind the header and within the file");
        }
        if (end < begin || end > source.length()) {
            throw flat.malformed(table.position(), "end_offset", Long.toUnsignedString(end),
                    begin + " to " + source.length() + ", behind its beginning and within the file");
        }
        List<BundleItem> items = items(flat, table.vector(Fields.ITEMS, 4, "items"));
        return new BundleSection(new SectionKind(table.u8(Fields.KIND)), items, begin, end);
    }

    private static List<BundleItem> items(FlatSource flat, FlatVector vector) throws IOException {
        int count = vector.countUpTo(MOST_ITEMS, "items of one section");
        List<BundleItem> items = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            FlatTable pair = vector.table(i, "KeyValuePair");
            flat.charge(96, pair.position(), "KeyValuePair");
            String key = pair.name(Fields.KEY, "key").orElseThrow(() -> pair.missing("key"));
            int tag = pair.u8(Fields.VALUE_TYPE);
            ItemType type =
                    ItemType.of(tag).orElseThrow(() -> flat.malformed(pair.position(), "type of item \"" + key + "\"", tag, "1 to 12"));
            items.add(new BundleItem(key, type, value(pair.need(Fields.VALUE, "value"), type)));
        }
        return items;
    }

    private static Value value(FlatTable table, ItemType type) throws IOException {
        return switch (type) {
            case UINT8 -> Value.of(table.u8(0));
            case INT8 -> Value.of(table.i8(0));
            case UINT16 -> Value.of(table.u16(0));
            case INT16 -> Value.of((short) table.u16(0));
            case UINT32 -> Value.of(table.u32(0));
            case INT32 -> Value.of(table.i32(0, 0));
            case FLOAT32 -> Value.of((double) Float.intBitsToFloat(table.i32(0, 0)));
            case BOOL -> Value.of(table.u8(0) != 0);
            case STRING -> Value.of(table.text(0, "text value").orElse(""));
            case UINT64, INT64 -> Value.of(table.i64(0));
            case DOUBLE -> Value.of(Double.longBitsToDouble(table.i64(0)));
        };
    }

    private static void checkApart(ByteSource source, List<BundleSection> sections) throws CheckpointFormatException {
        List<BundleSection> sorted = new ArrayList<>(sections);
        sorted.sort(Comparator.comparingLong(BundleSection::begin).thenComparingLong(BundleSection::end));
        for (int i = 1; i < sorted.size(); i++) {
            if (sorted.get(i).begin() < sorted.get(i - 1).end()) {
                throw CheckpointFormatException.malformed(source.name(), sorted.get(i).begin(), "section",
                        "the beginning of a section inside another, which ends at " + sorted.get(i - 1).end(), "sections apart");
            }
        }
    }

    /// Numbers of the fields in the tables of the header.
    static final class Fields {
        static final int SYSTEM = 0;
        static final int SECTIONS = 1;
        static final int ENTRIES = 0;
        static final int OBJECTS = 0;
        static final int ITEMS = 0;
        static final int BEGIN = 1;
        static final int END = 2;
        static final int KIND = 3;
        static final int KEY = 0;
        static final int VALUE_TYPE = 1;
        static final int VALUE = 2;

        private Fields() {}
    }
}
