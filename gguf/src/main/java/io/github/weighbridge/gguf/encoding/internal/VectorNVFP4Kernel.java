package io.github.weighbridge.gguf.encoding.internal;

/// The vectorised form of [NVFP4Kernel]: lanes are elements of a block.
final class VectorNVFP4Kernel extends NVFP4Kernel {
    private static final int HALF = GROUP / 2;

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        byte[] codes = new byte[GROUP];
        int from = sourceOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            for (int group = 0; group < GROUPS; group++, from += GROUP) {
                blocks[block + group] = (byte) scaleBits(VectorBlocks.magnitude(source, from, GROUP) / 6);
                VectorBlocks.e2m1Codes(source, from, GROUP, halfScale(blocks[block + group]), codes, 0);
                Blocks.joinNibbles(codes, 0, HALF, blocks, block + CODES + group * HALF, HALF);
            }
        }
    }
}
