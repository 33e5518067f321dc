package io.github.weighbridge.gguf.encoding.internal;

/// The vectorised form of [MXFP4Kernel]: lanes are elements of a block.
final class VectorMXFP4Kernel extends MXFP4Kernel {
    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        byte[] codes = new byte[COLUMNS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            int block = at + i * BYTES;
            int exponent = exponent(VectorBlocks.magnitude(source, from, COLUMNS));
            blocks[block] = (byte) exponent;
            VectorBlocks.e2m1Codes(source, from, COLUMNS, halfScale(exponent), codes, 0);
            Blocks.packNibbles(codes, 0, blocks, block + CODES);
        }
    }
}
