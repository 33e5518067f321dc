package io.github.weighbridge.encoding;

/// Where the bits of codes lie: a stream for each row (or for the whole tensor), low bits first.
///
/// Element `i` of a stream occupies bits `i x bits` up to `(i + 1) x bits - 1`, bit `p` of the stream being bit `p mod 8` of byte `p div 8`. Read as
/// little-endian 32-bit words this is also the packing of compressed-tensors from 0.18 on. Before, a word held `32 div bits` whole codes and
/// what was left of it was not used, which differs for 3, 5, 6 and 7 bits.
///
/// @param bits width of a code, 1 to 8
/// @param offsetBinary whether a code is stored as level minus the lowest level (transformers' `gemma`, compressed-tensors) or in two's
///        complement (LiteRT, plain I8); without a meaning for levels from a table
/// @param rowBits each row's stream is padded with zero bits to a multiple of this: 8, 32, or 0 when rows follow one another without padding
/// @param wholeCodes whether no code spans two words of 32 bits; false where that makes no difference
public record Packing(int bits, boolean offsetBinary, int rowBits, boolean wholeCodes) {
    private static final int WORD = 32;

    /// Checks the width and the padding.
    public Packing {
        if (bits < 1 || bits > 8 || rowBits != 0 && rowBits != 8 && rowBits != WORD || wholeCodes && rowBits != WORD) {
            throw new IllegalArgumentException(bits + " bits, rows padded to " + rowBits + " bits");
        }
        wholeCodes &= WORD % bits != 0;
    }

    /// A stream without gaps.
    public Packing(int bits, boolean offsetBinary, int rowBits) {
        this(bits, offsetBinary, rowBits, false);
    }

    /// First bit of an element within its stream.
    public long bit(long element) {
        int perWord = WORD / bits;
        return wholeCodes ? element / perWord * WORD + element % perWord * bits : element * bits;
    }

    /// Bits of a stream of so many elements, without padding.
    ///
    /// @throws ArithmeticException when they pass 2^63 - 1
    public long length(long elements) {
        return wholeCodes ? Math.multiplyExact(elements / (WORD / bits), WORD) + elements % (WORD / bits) * bits
                : Math.multiplyExact(elements, bits);
    }

    /// Bits from the beginning of one row to the next.
    public long rowStride(long columns) {
        long length = length(columns);
        return rowBits == 0 ? length : Math.multiplyExact(length / rowBits + (length % rowBits == 0 ? 0 : 1), rowBits);
    }

    /// Neighbouring elements of a stream, counted from its beginning, that begin and end on whole bytes.
    int byteUnit() {
        return wholeCodes ? WORD / bits : 8 / GridLayout.gcd(8, bits);
    }

    /// Neighbouring elements of a stream, counted from its beginning, that fill whole words.
    int wordUnit() {
        return wholeCodes ? WORD / bits : WORD / GridLayout.gcd(WORD, bits);
    }
}
