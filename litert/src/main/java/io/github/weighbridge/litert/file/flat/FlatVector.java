package io.github.weighbridge.litert.file.flat;

import java.io.IOException;
import java.util.Objects;

/// A vector of a flatbuffer that is known to lie within it.
public final class FlatVector {
    private final FlatSource source;
    private final String name;
    private final long position;
    private final long count;
    private final int elementBytes;

    FlatVector(FlatSource source, String name, long position, long count, int elementBytes) {
        this.source = source;
        this.name = name;
        this.position = position;
        this.count = count;
        this.elementBytes = elementBytes;
    }

    /// Position of the first element.
    public long position() {
        return position;
    }

    /// Number of elements; may be large in a bad file: whoever keeps them asks [#countUpTo].
    public long count() {
        return count;
    }

    /// Length of all elements, in bytes.
    public long bytes() {
        return count * elementBytes;
    }

    /// The number of elements, which must not pass a bound.
    ///
    /// @param setting which limit it is, for the message
    public int countUpTo(int most, String setting) throws IOException {
        if (count > most) {
            throw source.limit(position - 4, name, count + " elements", "at most " + most + " (" + setting + ")");
        }
        return (int) count;
    }

    private long at(long index) {
        return position + Objects.checkIndex(index, count) * elementBytes;
    }

    /// A 32-bit integer.
    public int i32(long index) throws IOException {
        return source.i32(at(index));
    }

    /// A 64-bit integer.
    public long i64(long index) throws IOException {
        return source.i64(at(index));
    }

    /// A single precision number.
    public float f32(long index) throws IOException {
        return source.f32(at(index));
    }

    /// A table whose offset is an element.
    public FlatTable table(long index, String what) throws IOException {
        long at = at(index);
        return source.table(at + source.u32(at), at, what);
    }
}
