package io.github.weighbridge.plan;

/// A range of an output file, and who produces its bytes. The pieces of a file cover it without gaps, in order.
public sealed interface Piece {
    /// First byte in the file.
    long offset();

    /// Number of bytes.
    long length();

    /// Byte after the last.
    default long end() {
        return offset() + length();
    }

    /// Bytes rendered at planning.
    record Rendered(long offset, Blob blob) implements Piece {
        @Override
        public long length() {
            return blob.length();
        }
    }

    /// A document of the source, copied.
    record Document(long offset, long length, String name) implements Piece {}

    /// A range of one of the source's files, copied.
    record Copy(long offset, long length, int sourceFile, long sourceOffset) implements Piece {}

    /// One plane of a job's tensor.
    record PlaneOf(long offset, long length, int job, int plane) implements Piece {}

    /// A sum over a range of the same file, known when that range is written: the only bytes whose values come last. The range holds no such piece.
    ///
    /// @param summedBegin first byte that is summed
    /// @param summedEnd byte after the last of them
    record Late(long offset, Checksum sum, long summedBegin, long summedEnd) implements Piece {
        /// Checks the order of the range.
        public Late {
            if (summedBegin < 0 || summedEnd < summedBegin) {
                throw new IllegalArgumentException("a sum over bytes " + summedBegin + " to " + summedEnd);
            }
        }

        @Override
        public long length() {
            return sum.bytes();
        }
    }

    /// Zero bytes.
    record Padding(long offset, long length) implements Piece {}
}
