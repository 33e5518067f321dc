package io.github.weighbridge.gguf.encoding.internal;

/// `NVFP4`: 64 elements in 36 bytes, in four groups of 16. Byte 0: for each group the scale as E4M3 without its sign; byte 4: E2M1 codes,
/// byte `8g + j` those of elements `16g + j` (low nibble) and `16g + 8 + j`.
///
/// A tensor may have one more factor, which stands in a tensor of its own and is not the business of a block.
class NVFP4Kernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 64;
    static final int BYTES = 36;
    static final int CODES = 4;
    static final int GROUP = 16;
    static final int GROUPS = 4;
    private static final int HALF = 8;
    private static final int LARGEST = 0x7e;
    private static final float[] HALF_SCALES = new float[256];

    static {
        for (int bits = 0; bits < HALF_SCALES.length; bits++) {
            int exponent = bits >> 3 & 15;
            int mantissa = bits & 7;
            float value = exponent == 0 ? mantissa * 0x1p-9f : Math.scalb(1 + mantissa / 8f, exponent - 7);
            // The bits of NaN count as 0, but not when the unused sign bit is set.
            HALF_SCALES[bits] = bits == 0x7f ? 0 : value / 2;
        }
    }

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            for (int group = 0; group < GROUPS; group++, to += GROUP) {
                float scale = halfScale(blocks[block + group]);
                for (int i = 0; i < HALF; i++) {
                    int pair = blocks[block + CODES + group * HALF + i];
                    target[to + i] = E2m1.doubled(pair & 15) * scale;
                    target[to + HALF + i] = E2m1.doubled(pair >> 4 & 15) * scale;
                }
            }
        }
    }

    /// Half of what a scale byte means.
    static float halfScale(byte bits) {
        return HALF_SCALES[bits & 255];
    }

    /// The scale byte of a number: to the nearest with halves upward, 448 from there on; between 256 and 448 always 448.
    static int scaleBits(float value) {
        if (!(value > 0)) {
            return 0;
        }
        int bits = Float.floatToRawIntBits(Math.min(value, 448));
        int exponent = (bits >> 23) - 127 + 7;
        if (exponent <= 0) {
            return Math.min(7, (int) (value * 512 + 0.5f));
        }
        int rounded = (exponent << 3 | bits >> 20 & 7) + (bits >> 19 & 1);
        return exponent >= 15 || rounded >> 3 >= 15 ? LARGEST : rounded;
    }

    /// The scale byte of a number that E4M3 has. Not [#scaleBits], which knows no steps between 256 and 448.
    private static int exactScaleBits(float value) {
        int bits = Float.floatToRawIntBits(value);
        return value < 0x1p-6f ? (int) (value * 512) : (bits >> 23) - 127 + 7 << 3 | bits >> 20 & 7;
    }

    @Override
    public boolean encodes() {
        return true;
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        int from = sourceOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            for (int group = 0; group < GROUPS; group++, from += GROUP) {
                blocks[block + group] = (byte) scaleBits(Blocks.magnitude(source, from, GROUP) / 6);
                float scale = halfScale(blocks[block + group]);
                for (int i = 0; i < HALF; i++) {
                    int pair = E2m1.code(source[from + i], scale) | E2m1.code(source[from + HALF + i], scale) << 4;
                    blocks[block + CODES + group * HALF + i] = (byte) pair;
                }
            }
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        for (int group = 0; group < GROUPS; group++) {
            scales[scaleOffset + group] = 2 * halfScale(block[at + group]);
            for (int i = 0; i < HALF; i++) {
                int pair = block[at + CODES + group * HALF + i];
                codes[codesOffset + group * GROUP + i] = (byte) (pair & 15);
                codes[codesOffset + group * GROUP + HALF + i] = (byte) (pair >> 4 & 15);
            }
        }
    }

    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        for (int group = 0; group < GROUPS; group++) {
            block[at + group] = (byte) exactScaleBits(scales[group]);
            int first = codesOffset + group * GROUP;
            Blocks.joinNibbles(codes, first, first + HALF, block, at + CODES + group * HALF, HALF);
        }
    }
}
