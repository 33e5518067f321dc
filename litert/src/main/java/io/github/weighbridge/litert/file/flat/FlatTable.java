package io.github.weighbridge.litert.file.flat;

import io.github.weighbridge.io.CheckpointFormatException;
import java.io.IOException;
import java.util.Optional;

/// A table of a flatbuffer, whose vtable has been checked. Fields are read by their number; absent ones have the schema's default.
public final class FlatTable {
    private final FlatSource source;
    private final String name;
    private final long position;
    private final long vtable;
    private final int fields;
    private final int bytes;

    FlatTable(FlatSource source, String name, long position, long vtable, int fields, int bytes) {
        this.source = source;
        this.name = name;
        this.position = position;
        this.vtable = vtable;
        this.fields = fields;
        this.bytes = bytes;
    }

    /// Where the table begins.
    public long position() {
        return position;
    }

    /// Position of a field of `width` bytes; 0 when it is absent.
    private long at(int field, int width) throws IOException {
        if (field >= fields) {
            return 0;
        }
        long slot = vtable + 4 + 2L * field;
        int offset = source.u16(slot);
        if (offset == 0) {
            return 0;
        }
        if (offset < 4 || offset > bytes - width) {
            throw source.malformed(slot, name + " field " + field, "an offset of " + offset, "4 to " + (bytes - width) + ", in the table");
        }
        return position + offset;
    }

    /// Where a field of `width` bytes lies, in the flatbuffer; empty when it is absent.
    public Optional<Long> position(int field, int width) throws IOException {
        long at = at(field, width);
        return at == 0 ? Optional.empty() : Optional.of(at);
    }

    /// An unsigned byte, 0 by default.
    public int u8(int field) throws IOException {
        long at = at(field, 1);
        return at == 0 ? 0 : source.u8(at);
    }

    /// A signed byte, 0 by default.
    public int i8(int field) throws IOException {
        return (byte) u8(field);
    }

    /// An unsigned 16-bit integer, 0 by default.
    public int u16(int field) throws IOException {
        long at = at(field, 2);
        return at == 0 ? 0 : source.u16(at);
    }

    /// A signed 32-bit integer.
    public int i32(int field, int byDefault) throws IOException {
        long at = at(field, 4);
        return at == 0 ? byDefault : source.i32(at);
    }

    /// An unsigned 32-bit integer, 0 by default.
    public long u32(int field) throws IOException {
        return Integer.toUnsignedLong(i32(field, 0));
    }

    /// A signed 64-bit integer, 0 by default; unsigned ones are negative from 2^63 on.
    public long i64(int field) throws IOException {
        long at = at(field, 8);
        return at == 0 ? 0 : source.i64(at);
    }

    /// A table, where there is one.
    public Optional<FlatTable> table(int field, String what) throws IOException {
        long at = at(field, 4);
        return at == 0 ? Optional.empty() : Optional.of(source.table(at + source.u32(at), at, what));
    }

    /// A table that must be there.
    public FlatTable need(int field, String what) throws IOException {
        Optional<FlatTable> table = table(field, what);
        if (table.isEmpty()) {
            throw missing(what);
        }
        return table.get();
    }

    /// A vector, empty by default.
    public FlatVector vector(int field, int elementBytes, String what) throws IOException {
        long at = at(field, 4);
        return at == 0 ? new FlatVector(source, what, position, 0, elementBytes)
                : source.vector(at + source.u32(at), at, elementBytes, what);
    }

    /// A vector that must be there.
    public FlatVector needVector(int field, int elementBytes, String what) throws IOException {
        if (at(field, 4) == 0) {
            throw missing(what);
        }
        return vector(field, elementBytes, what);
    }

    /// A name, where there is one; at most as long as [io.github.weighbridge.io.Limits#nameBytes].
    public Optional<String> name(int field, String what) throws IOException {
        return text(field, source.limits().nameBytes(), what);
    }

    /// A text, where there is one; at most as long as [io.github.weighbridge.io.Limits#textBytes].
    public Optional<String> text(int field, String what) throws IOException {
        return text(field, source.limits().textBytes(), what);
    }

    private Optional<String> text(int field, int most, String what) throws IOException {
        long at = at(field, 4);
        return at == 0 ? Optional.empty() : Optional.of(source.text(at + source.u32(at), at, most, what));
    }

    /// A required field that is absent.
    public CheckpointFormatException missing(String what) {
        return source.malformed(position, name, "no " + what, "one, as the schema demands");
    }
}
