package io.github.weighbridge.litert.file;

import com.google.flatbuffers.FlatBufferBuilder;
import io.github.weighbridge.io.Value;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// Lays out a bundle that is to be written: the bytes of its header, and where each section will lie. Nothing in it comes from a clock or from
/// chance: the same arguments give the same bytes.
///
/// @param header the header with its sections in place
/// @param prefix the first bytes of the file, up to the end of the header
/// @param length length of the file
public record BundleLayout(BundleHeader header, byte[] prefix, long length) {
    /// Sections begin at multiples of this.
    public static final int BLOCK = 16384;
    /// Loaders map that many bytes and look for the header in them.
    public static final int MOST_HEADER_BYTES = 16384;

    /// Copies the bytes.
    public BundleLayout {
        prefix = prefix.clone();
    }

    /// The first bytes of the file, in a new array.
    @Override
    public byte[] prefix() {
        return prefix.clone();
    }

    /// A section that is to be written.
    ///
    /// @param kind what it holds
    /// @param items what is said of it
    /// @param length number of bytes, not 0: loaders refuse empty sections
    public record Planned(SectionKind kind, List<BundleItem> items, long length) {
        /// Copies the list and checks the length.
        public Planned {
            items = List.copyOf(items);
            if (length <= 0) {
                throw new IllegalArgumentException("a section of " + length + " bytes");
            }
        }
    }

    /// Lays a bundle out.
    ///
    /// @param minor minor version; the major is 1 and the patch 0
    /// @param system what is said of the whole; a time of making and a uuid are given here or not at all
    /// @param sections the sections, in order
    /// @param padded whether the file ends at a multiple of [#BLOCK], as Google's do, or with the last section
    /// @throws IllegalArgumentException when the header would pass what loaders map
    public static BundleLayout of(int minor, List<BundleItem> system, List<Planned> sections, boolean padded) {
        // The length of the header does not depend on the offsets in it, as none of them is 0.
        int headerEnd = BundleHeader.HEADER_BEGIN + encode(system, place(sections, BLOCK)).length;
        if (headerEnd > MOST_HEADER_BYTES) {
            throw new IllegalArgumentException("a header of " + headerEnd + " bytes; loaders look at the first " + MOST_HEADER_BYTES);
        }
        List<BundleSection> placed = place(sections, headerEnd);
        byte[] flat = encode(system, placed);
        ByteBuffer prefix = ByteBuffer.allocate(headerEnd).order(ByteOrder.LITTLE_ENDIAN);
        prefix.put(BundleHeader.MAGIC.getBytes(StandardCharsets.US_ASCII)).putInt(1).putInt(minor).putInt(0).putInt(0).putLong(headerEnd)
                .put(flat);
        long end = placed.isEmpty() ? headerEnd : placed.getLast().end();
        return new BundleLayout(new BundleHeader(1, minor, 0, system, placed, headerEnd), prefix.array(), padded ? roundUp(end) : end);
    }

    private static long roundUp(long position) {
        return Math.multiplyExact((position + BLOCK - 1) / BLOCK, BLOCK);
    }

    private static List<BundleSection> place(List<Planned> sections, long headerEnd) {
        List<BundleSection> placed = new ArrayList<>(sections.size());
        long at = headerEnd;
        for (Planned section : sections) {
            long begin = roundUp(at);
            at = Math.addExact(begin, section.length());
            placed.add(new BundleSection(section.kind(), section.items(), begin, at));
        }
        return placed;
    }

    private static byte[] encode(List<BundleItem> system, List<BundleSection> sections) {
        FlatBufferBuilder builder = new FlatBufferBuilder(4096);
        int[] objects = new int[sections.size()];
        for (int i = 0; i < objects.length; i++) {
            BundleSection section = sections.get(i);
            int items = section.items().isEmpty() ? 0 : items(builder, section.items());
            builder.startTable(4);
            builder.addLong(BundleHeader.Fields.END, section.end(), 0);
            builder.addLong(BundleHeader.Fields.BEGIN, section.begin(), 0);
            builder.addOffset(BundleHeader.Fields.ITEMS, items, 0);
            builder.addByte(BundleHeader.Fields.KIND, (byte) section.kind().code(), 0);
            objects[i] = builder.endTable();
        }
        int list = vector(builder, objects);
        builder.startTable(1);
        builder.addOffset(BundleHeader.Fields.OBJECTS, list, 0);
        int sectionTable = builder.endTable();
        int entries = items(builder, system);
        builder.startTable(1);
        builder.addOffset(BundleHeader.Fields.ENTRIES, entries, 0);
        int systemTable = builder.endTable();
        builder.startTable(2);
        builder.addOffset(BundleHeader.Fields.SECTIONS, sectionTable, 0);
        builder.addOffset(BundleHeader.Fields.SYSTEM, systemTable, 0);
        builder.finish(builder.endTable());
        return builder.sizedByteArray();
    }

    private static int vector(FlatBufferBuilder builder, int[] offsets) {
        builder.startVector(4, offsets.length, 4);
        for (int i = offsets.length - 1; i >= 0; i--) {
            builder.addOffset(offsets[i]);
        }
        return builder.endVector();
    }

    private static int items(FlatBufferBuilder builder, List<BundleItem> items) {
        int[] pairs = new int[items.size()];
        for (int i = 0; i < pairs.length; i++) {
            BundleItem item = items.get(i);
            int key = builder.createString(item.key());
            int value = value(builder, item);
            builder.startTable(3);
            builder.addOffset(BundleHeader.Fields.VALUE, value, 0);
            builder.addOffset(BundleHeader.Fields.KEY, key, 0);
            builder.addByte(BundleHeader.Fields.VALUE_TYPE, (byte) item.type().tag(), 0);
            pairs[i] = builder.endTable();
        }
        return vector(builder, pairs);
    }

    private static int value(FlatBufferBuilder builder, BundleItem item) {
        if (item.value() instanceof Value.Text(String text)) {
            int offset = builder.createString(text);
            builder.startTable(1);
            builder.addOffset(0, offset, 0);
            return builder.endTable();
        }
        builder.startTable(1);
        switch (item.value()) {
            case Value.Whole(long number) -> {
                switch (item.type().bytes()) {
                    case 1 -> builder.addByte(0, (byte) number, 0);
                    case 2 -> builder.addShort(0, (short) number, 0);
                    case 4 -> builder.addInt(0, (int) number, 0);
                    default -> builder.addLong(0, number, 0);
                }
            }
            case Value.Real(double number) -> {
                if (item.type() == ItemType.FLOAT32) {
                    builder.addFloat(0, (float) number, 0);
                } else {
                    builder.addDouble(0, number, 0);
                }
            }
            case Value.Flag(boolean set) -> builder.addBoolean(0, set, false);
            case Value.Text _, Value.Nothing _, Value.Items _, Value.Fields _ -> throw new IllegalArgumentException(item.toString());
        }
        return builder.endTable();
    }
}
