package io.github.weighbridge.gguf.encoding.internal;

/// `MXFP4`: 32 elements in 17 bytes. Byte 0: the scale, `2^(byte - 127)`; byte 1: E2M1 codes in the order of `Q4_0`.
class MXFP4Kernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 32;
    static final int BYTES = 17;
    static final int CODES = 1;
    private static final int HALF = 16;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = halfScale(blocks[block] & 255);
            for (int i = 0; i < HALF; i++) {
                int pair = blocks[block + CODES + i];
                target[to + i] = E2m1.doubled(pair & 15) * scale;
                target[to + HALF + i] = E2m1.doubled(pair >> 4 & 15) * scale;
            }
        }
    }

    /// `2^(exponent - 128)`, also where that is subnormal; 255, which E8M0 has for NaN, is no exception to ggml.
    static float halfScale(int exponent) {
        return Float.intBitsToFloat(exponent < 2 ? 0x00200000 << exponent : exponent - 1 << 23);
    }

    /// The exponent that puts the largest element between levels 4 and 8 of the doubled grid. For all but vanishing numbers it is a byte; for
    /// those it wraps, as in C, which does no harm: their codes are 0.
    static int exponent(float magnitude) {
        int bits = Float.floatToRawIntBits(magnitude);
        if (bits >= 0x00800000 && (bits & 0x007fffff) < 0x007fff00) {
            // A normal number not just below a power of two: its own exponent, with bias.
            return (bits >> 23) - 2 & 255;
        }
        return magnitude > 0 ? (int) Math.floor(log2(magnitude)) - 2 + 127 & 255 : 0;
    }

    /// Base-2 logarithm in single precision. Just below a power of two it rounds up to an integer, and so it does in C.
    private static float log2(float value) {
        return (float) (Math.log(value) * 1.4426950408889634);
    }

    @Override
    public boolean encodes() {
        return true;
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        int from = sourceOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, from += COLUMNS) {
            int exponent = exponent(Blocks.magnitude(source, from, COLUMNS));
            float scale = halfScale(exponent);
            blocks[block] = (byte) exponent;
            for (int i = 0; i < HALF; i++) {
                blocks[block + CODES + i] = (byte) (E2m1.code(source[from + i], scale) | E2m1.code(source[from + HALF + i], scale) << 4);
            }
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        scales[scaleOffset] = 2 * halfScale(block[at] & 255);
        Blocks.splitNibbles(block, at + CODES, codes, codesOffset);
    }

    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        // A power of two, so its exponent says all; 2^-127 is subnormal and has 0 there, as it should.
        block[at] = (byte) (Float.floatToRawIntBits(scales[0]) >> 23);
        Blocks.packNibbles(codes, codesOffset, block, at + CODES);
    }
}
