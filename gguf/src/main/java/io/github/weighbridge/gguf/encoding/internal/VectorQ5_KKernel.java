package io.github.weighbridge.gguf.encoding.internal;

/// The vectorised form of [Q5_KKernel].
final class VectorQ5_KKernel extends Q5_KKernel {
    private static final int AT_ONCE = Lanes.COUNT / SixBitScales.GROUPS;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            for (int group = 0; group < SixBitScales.GROUPS; group++, to += GROUP) {
                float scale = SixBitScales.scaleOf(blocks, block, group);
                float minimum = SixBitScales.minimumOf(blocks, block, group);
                int codes = block + CODES + group / 2 * GROUP;
                VectorDecoding.affineFifth(blocks, codes, (group & 1) * 4, block + FIFTH, group, scale, -minimum, target, to);
            }
        }
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        AffineLanes lanes = new AffineLanes();
        byte[] levels = new byte[COLUMNS];
        for (int done = 0; done < count; done += AT_ONCE) {
            int now = Math.min(AT_ONCE, count - done);
            int from = sourceOffset + done * COLUMNS;
            VectorKQuants.search(lanes, source, from, now * SixBitScales.GROUPS, TOP, STRETCH);
            for (int i = 0; i < now; i++) {
                int block = at + (done + i) * BYTES;
                VectorKQuants.finish(lanes, i * SixBitScales.GROUPS, source, from + i * COLUMNS, TOP, levels, blocks, block);
                pack(levels, blocks, block);
            }
        }
    }
}
