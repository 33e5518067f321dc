package io.github.weighbridge.gguf.encoding.internal;

/// `TQ1_0`: 256 ternary elements in 54 bytes. Byte 0: five trits in each of 48 bytes; byte 48: four in each of 4; byte 52: half-precision
/// scale.
///
/// Bytes 0 to 31 hold elements m, `m + 32` up to `m + 128`; bytes 32 to 47 the next 80 elements in steps of 16; the last four bytes the
/// last 16 in steps of 4. The first trit is the most significant one. A byte is the base-3 number times 256/243, rounded up, so that
/// multiplying by 3 moves one trit after the other above the byte.
class TQ1_0Kernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 54;
    static final int SCALE = 52;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        byte[] codes = new byte[COLUMNS];
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block + SCALE);
            unpack(blocks, block, codes, 0);
            for (int i = 0; i < COLUMNS; i++) {
                target[to + i] = (codes[i] - 1) * scale;
            }
        }
    }

    private static void unpack(byte[] blocks, int block, byte[] codes, int codesFrom) {
        unpack(blocks, block, 32, 5, codes, codesFrom);
        unpack(blocks, block + 32, 16, 5, codes, codesFrom + 160);
        unpack(blocks, block + 48, 4, 4, codes, codesFrom + 240);
    }

    private static void unpack(byte[] bytes, int at, int count, int trits, byte[] codes, int codesFrom) {
        for (int i = 0; i < count; i++) {
            int value = bytes[at + i] & 255;
            for (int trit = 0; trit < trits; trit++) {
                codes[codesFrom + trit * count + i] = (byte) (value * 3 >> 8);
                value = value * 3 & 255;
            }
        }
    }

    private static void pack(byte[] codes, byte[] blocks, int block) {
        pack(codes, 0, blocks, block, 32, 5);
        pack(codes, 160, blocks, block + 32, 16, 5);
        pack(codes, 240, blocks, block + 48, 4, 4);
    }

    private static void pack(byte[] codes, int codesFrom, byte[] bytes, int at, int count, int trits) {
        for (int i = 0; i < count; i++) {
            int value = 0;
            for (int trit = 0; trit < trits; trit++) {
                value = value * 3 + codes[codesFrom + trit * count + i];
            }
            value = trits == 4 ? value * 3 : value;
            bytes[at + i] = (byte) ((value * 256 + 242) / 243);
        }
    }

    @Override
    public boolean encodes() {
        return true;
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        byte[] codes = new byte[COLUMNS];
        for (int i = 0; i < count; i++) {
            int block = at + i * BYTES;
            Bytes.putHalf(blocks, block + SCALE, round(source, sourceOffset + i * COLUMNS, codes));
            pack(codes, blocks, block);
        }
    }

    /// [TQ2_0Kernel#ternary], in whichever form.
    float round(float[] source, int from, byte[] codes) {
        return TQ2_0Kernel.ternary(source, from, codes);
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        scales[scaleOffset] = Bytes.half(block, at + SCALE);
        unpack(block, at, codes, codesOffset);
        for (int i = 0; i < COLUMNS; i++) {
            codes[codesOffset + i]--;
        }
    }

    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        byte[] stored = Blocks.shifted(codes, codesOffset, COLUMNS, 1);
        pack(stored, block, at);
        Bytes.putHalf(block, at + SCALE, scales[0]);
    }
}
