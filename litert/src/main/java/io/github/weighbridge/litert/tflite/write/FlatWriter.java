package io.github.weighbridge.litert.tflite.write;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Lays a graph of [Flat] nodes out as one flatbuffer and renders it. The same nodes give the same bytes.
///
/// Nodes are placed in an order in which everything stands behind what refers to it. Holes and long runs of zeros are not rendered: the result
/// is a list of parts, so that a table of scales takes no memory before there are scales.
final class FlatWriter {
    /// Offsets are 32 bits, and the signed one of a table to its vtable halves their reach.
    static final long LONGEST = Integer.MAX_VALUE;
    private static final int HEADER = 8;
    private static final int ROOT_BYTES = 4;

    private final Flat.Table root;
    private final String identifier;
    private final List<Flat> order;
    private final Map<Flat, Long> places = new IdentityHashMap<>();
    private final Map<Flat.Table, Inline> inlines = new IdentityHashMap<>();
    private final Map<List<Integer>, Long> vtables = new HashMap<>();
    private final long length;

    /// How the fields of a table lie.
    private record Inline(List<Integer> vtable, int[] offsets, int size, int alignment) {}

    FlatWriter(Flat.Table root, String identifier) {
        this.root = root;
        this.identifier = identifier;
        this.order = order(root);
        this.length = place();
    }

    /// Bytes of the whole.
    long length() {
        return length;
    }

    private static List<Flat> order(Flat root) {
        List<Flat> order = new ArrayList<>();
        visit(root, Collections.newSetFromMap(new IdentityHashMap<>()), order);
        Collections.reverse(order);
        return order;
    }

    /// Behind its children; the reverse of that order has every node before them.
    private static void visit(Flat node, Set<Flat> seen, List<Flat> order) {
        if (!seen.add(node)) {
            return;
        }
        switch (node) {
            case Flat.Table table -> {
                for (Flat.Field field : table.fields().reversed()) {
                    if (field.target() != null) {
                        visit(field.target(), seen, order);
                    }
                }
            }
            case Flat.Refs refs -> refs.targets().reversed().forEach(target -> visit(target, seen, order));
            case Flat.Text _, Flat.Data _ -> {
                // No children.
            }
        }
        order.add(node);
    }

    private static long align(long at, long alignment) {
        return (at + alignment - 1) / alignment * alignment;
    }

    private long place() {
        long at = HEADER;
        for (Flat node : order) {
            switch (node) {
                case Flat.Table table -> {
                    Inline inline = inline(table);
                    inlines.put(table, inline);
                    if (!vtables.containsKey(inline.vtable())) {
                        at = align(at, 2);
                        vtables.put(inline.vtable(), at);
                        at += 2L * inline.vtable().size();
                    }
                    at = align(at, inline.alignment());
                    places.put(table, at);
                    at += inline.size();
                }
                case Flat.Refs refs -> {
                    at = align(at, 4);
                    places.put(refs, at);
                    at += 4 + 4L * refs.targets().size();
                }
                case Flat.Text text -> {
                    at = align(at, 4);
                    places.put(text, at);
                    at += 4 + utf8(text).length + 1;
                }
                case Flat.Data data -> {
                    at = align(at + 4, Math.max(4, data.alignment())) - 4;
                    places.put(data, at);
                    at += 4 + data.bytes();
                }
            }
            if (at > LONGEST) {
                throw new ArithmeticException("a flatbuffer passes 2^31 bytes");
            }
        }
        return at;
    }

    private static byte[] utf8(Flat.Text text) {
        return text.text().getBytes(StandardCharsets.UTF_8);
    }

    private static Inline inline(Flat.Table table) {
        List<Flat.Field> fields = new ArrayList<>(table.fields());
        fields.sort(Comparator.comparingInt((Flat.Field field) -> -field.width()).thenComparingInt(Flat.Field::id));
        int last = table.fields().stream().mapToInt(Flat.Field::id).max().orElse(-1);
        int[] offsets = new int[last + 1];
        int alignment = 4;
        int at = 4;
        for (Flat.Field field : fields) {
            alignment = Math.max(alignment, field.width());
            at = (int) align(at, field.width());
            offsets[field.id()] = at;
            at += field.width();
        }
        List<Integer> vtable = new ArrayList<>();
        vtable.add(4 + 2 * offsets.length);
        vtable.add(at);
        Arrays.stream(offsets).forEach(vtable::add);
        return new Inline(List.copyOf(vtable), offsets, at, alignment);
    }

    private long placeOf(@org.jspecify.annotations.Nullable Flat node) {
        Long place = places.get(node);
        if (place == null) {
            throw new IllegalStateException("a node was added after it was laid out");
        }
        return place;
    }

    /// Renders everything but holes and long runs of zeros.
    List<Part> render() {
        Output output = new Output();
        output.bytes.putInt((int) placeOf(root)).put(Arrays.copyOf(identifier.getBytes(StandardCharsets.US_ASCII), ROOT_BYTES));
        Map<List<Integer>, Long> done = new HashMap<>();
        for (Flat node : order) {
            switch (node) {
                case Flat.Table table -> {
                    Inline inline = java.util.Objects.requireNonNull(inlines.get(table));
                    long vtable = java.util.Objects.requireNonNull(vtables.get(inline.vtable()));
                    if (done.put(inline.vtable(), vtable) == null) {
                        output.padTo(vtable, 2 * inline.vtable().size());
                        inline.vtable().forEach(value -> output.bytes.putShort(value.shortValue()));
                    }
                    long at = placeOf(table);
                    output.padTo(at, inline.size());
                    int start = output.bytes.position();
                    output.bytes.putInt((int) (at - vtable));
                    for (Flat.Field field : table.fields()) {
                        put(output.bytes, start + inline.offsets()[field.id()], at + inline.offsets()[field.id()], field);
                    }
                    output.bytes.position(start + inline.size());
                }
                case Flat.Refs refs -> {
                    long at = placeOf(refs);
                    output.padTo(at, 4 + 4 * refs.targets().size());
                    output.bytes.putInt(refs.targets().size());
                    for (int i = 0; i < refs.targets().size(); i++) {
                        output.bytes.putInt((int) (placeOf(refs.targets().get(i)) - (at + 4 + 4L * i)));
                    }
                }
                case Flat.Text text -> {
                    byte[] utf8 = utf8(text);
                    output.padTo(placeOf(text), 4 + utf8.length + 1);
                    output.bytes.putInt(utf8.length).put(utf8).put((byte) 0);
                }
                case Flat.Data data -> {
                    output.padTo(placeOf(data), 4);
                    output.bytes.putInt((int) data.count());
                    output.content(data);
                }
            }
        }
        return output.parts();
    }

    private void put(ByteBuffer bytes, int index, long place, Flat.Field field) {
        if (field.target() != null) {
            bytes.putInt(index, (int) (placeOf(field.target()) - place));
            return;
        }
        switch (field.width()) {
            case 1 -> bytes.put(index, (byte) field.bits());
            case 2 -> bytes.putShort(index, (short) field.bits());
            case 4 -> bytes.putInt(index, (int) field.bits());
            default -> bytes.putLong(index, field.bits());
        }
    }

    /// Rendered bytes so far: parts that are closed, and a buffer for the current one.
    private static final class Output {
        private static final int LONG_RUN = 4096;

        private final List<Part> parts = new ArrayList<>();
        private ByteBuffer bytes = allocate(1 << 16);
        private long begin;

        private static ByteBuffer allocate(int size) {
            return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        }

        /// Goes to a place of the flatbuffer with room for more bytes.
        private void padTo(long place, int more) {
            int position = Math.toIntExact(place - begin);
            int needed = Math.addExact(position, more);
            if (needed > bytes.capacity()) {
                ByteBuffer larger = allocate((int) Math.min(Integer.MAX_VALUE - 16L, Math.max(needed, 2L * bytes.capacity())));
                larger.put(bytes.flip());
                bytes = larger;
            }
            bytes.position(position);
        }

        private void content(Flat.Data data) {
            switch (data.content()) {
                case Flat.Content.Given(byte[] given) -> {
                    padTo(begin + bytes.position(), given.length);
                    bytes.put(given);
                }
                case Flat.Content.Hole(int id) -> {
                    close();
                    parts.add(new Part.Hole(id, data.bytes()));
                    begin += data.bytes();
                }
                case Flat.Content.Zeros() -> {
                    if (data.bytes() >= LONG_RUN) {
                        close();
                        parts.add(new Part.Zeros(data.bytes()));
                        begin += data.bytes();
                    } else {
                        padTo(begin + bytes.position(), (int) data.bytes());
                        bytes.put(new byte[(int) data.bytes()]);
                    }
                }
            }
        }

        private void close() {
            if (bytes.position() > 0) {
                byte[] done = Arrays.copyOf(bytes.array(), bytes.position());
                parts.add(new Part.Bytes(done));
                begin += done.length;
                Arrays.fill(bytes.array(), 0, done.length, (byte) 0);
                bytes.clear();
            }
        }

        private List<Part> parts() {
            close();
            return List.copyOf(parts);
        }
    }
}
