package io.github.weighbridge.view;

/// Bytes of one of a checkpoint's files.
///
/// @param file index in the checkpoint's list of files
/// @param offset first byte
/// @param length number of bytes
public record Span(int file, long offset, long length) {
    /// Nothing may be negative, and the end must fit a `long`.
    public Span {
        if (file < 0 || offset < 0 || length < 0 || offset + length < 0) {
            throw new IllegalArgumentException("file " + file + ", offset " + offset + ", length " + length);
        }
    }

    /// Byte after the last.
    public long end() {
        return offset + length;
    }
}
