package io.github.weighbridge.encoding;

/// Where the bits of integer codes lie: a stream for each row (or for the whole tensor), low bits first.
///
/// Element `i` of a stream occupies bits `i x bits` up to `(i + 1) x bits - 1`, bit `p` of the stream being bit `p mod 8` of byte `p div 8`. Read as
/// little-endian 32-bit words this is also the packing of compressed-tensors.
///
/// @param bits width of a code, 1 to 8
/// @param offsetBinary whether a code is stored as level minus the lowest level (transformers' `gemma`, compressed-tensors) or in two's
///        complement (LiteRT, plain I8)
/// @param rowBits each row's stream is padded with zero bits to a multiple of this: 8, 32, or 0 when rows follow one another without padding
public record Packing(int bits, boolean offsetBinary, int rowBits) {
    /// Checks the width and the padding.
    public Packing {
        if (bits < 1 || bits > 8 || rowBits != 0 && rowBits != 8 && rowBits != 32) {
            throw new IllegalArgumentException(bits + " bits, rows padded to " + rowBits + " bits");
        }
    }

    /// Bits from the beginning of one row to the next.
    public long rowStride(long columns) {
        long length = Math.multiplyExact(columns, bits);
        return rowBits == 0 ? length : Math.multiplyExact((length + rowBits - 1) / rowBits, rowBits);
    }
}
