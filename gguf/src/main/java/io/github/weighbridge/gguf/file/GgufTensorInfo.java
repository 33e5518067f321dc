package io.github.weighbridge.gguf.file;

import io.github.weighbridge.encoding.Shape;

/// A tensor entry of a header.
///
/// @param name the name, at most 63 bytes
/// @param shape rows first: the reverse of ggml's `ne`; the row length is the last dimension. At most 4 dimensions
/// @param type how the elements are stored
/// @param offset byte of the data section where the data begin
/// @param position byte of the file where the data begin
/// @param byteLength bytes of the data, padding apart
/// @param entryOffset byte of the file where this entry of the header begins
public record GgufTensorInfo(String name, Shape shape, GgmlType type, long offset, long position, long byteLength, long entryOffset) {
    /// Checks that the length is that of the shape in this type.
    ///
    /// @throws IllegalArgumentException when it is not, or a place is negative
    public GgufTensorInfo {
        if (offset < 0 || position < offset || entryOffset < 0 || byteLength != type.byteLength(shape)) {
            throw new IllegalArgumentException(
                    "not a place for " + type + shape + ": " + byteLength + " bytes at " + offset + ", " + position);
        }
    }
}
