package io.github.weighbridge.encoding;

import java.util.List;
import java.util.Optional;

/// Bytes that are carried but not understood: they can be weighed and copied as a whole, not decoded.
///
/// @param name the type's name as the file has it
/// @param codeBits bits of an element, where the type tells; 0 where it does not
/// @param storedBytes length of the tensor's bytes
public record OpaqueEncoding(String name, int codeBits, long storedBytes) implements Encoding {
    @Override
    public List<Plane> planes() {
        return List.of(Plane.SINGLE);
    }

    @Override
    public Optional<String> misfit(Shape shape) {
        return Optional.empty();
    }

    @Override
    public long planeBytes(int plane, Shape shape) {
        return storedBytes;
    }

    /// All the bytes, whatever the region: there is no way to tell them apart.
    @Override
    public ByteRange planeRange(int plane, Shape shape, Region region) {
        return new ByteRange(0, storedBytes);
    }

    @Override
    public int columnUnit(Shape shape) {
        return (int) Math.min(Integer.MAX_VALUE, Math.max(1, shape.columns()));
    }

    @Override
    public long rowUnit(Shape shape) {
        return Math.max(1, shape.rows());
    }
}
