package io.github.weighbridge.encoding;

/// Bytes of a plane or a file.
///
/// @param offset first byte
/// @param length number of bytes
public record ByteRange(long offset, long length) {
    /// Neither may be negative, and the end must fit a `long`.
    public ByteRange {
        if (offset < 0 || length < 0 || offset + length < 0) {
            throw new IllegalArgumentException("offset " + offset + ", length " + length);
        }
    }

    /// Byte after the last.
    public long end() {
        return offset + length;
    }
}
