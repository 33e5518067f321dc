package io.github.weighbridge.gguf.encoding.internal;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;

/// The vectorised form of [Q6_KKernel]: lanes are groups in the search, elements afterwards.
final class VectorQ6_KKernel extends Q6_KKernel {
    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            for (int group = 0; group < GROUPS; group++, to += GROUP) {
                int half = group / 8;
                int quarter = group / 2 % 4;
                int low = block + LOW + half * 64 + quarter % 2 * 32 + group % 2 * GROUP;
                int upper = block + UPPER + half * 32 + group % 2 * GROUP;
                float scale = scaleOf(blocks, block, group);
                VectorDecoding.symmetricUpper(blocks, low, quarter / 2 * 4, 15, upper, quarter * 2, 3, 4, HALF, scale, target, to);
            }
        }
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        // A block has sixteen groups: one search takes them all, or several share them.
        SymmetricLanes[] searches = new SymmetricLanes[GROUPS / COUNT];
        java.util.Arrays.setAll(searches, _ -> new SymmetricLanes());
        byte[] levels = new byte[COLUMNS];
        float[] scales = new float[GROUPS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            int block = at + i * BYTES;
            for (int j = 0; j < searches.length; j++) {
                search(searches[j], source, from + j * COUNT * GROUP);
                System.arraycopy(searches[j].scales, 0, scales, j * COUNT, COUNT);
            }
            if (round(scales, 0, blocks, block)) {
                finalLevels(searches, source, from, levels, blocks, block);
                pack(levels, blocks, block);
            }
        }
    }

    private static void search(SymmetricLanes lanes, float[] source, int from) {
        Transposed.load(source, from, GROUP, COUNT, lanes.x);
        lanes.weighBySquare(GROUP);
        lanes.search(GROUP, HALF);
    }

    private static void finalLevels(SymmetricLanes[] searches, float[] source, int from, byte[] levels, byte[] blocks, int block) {
        for (int group = 0; group < GROUPS; group++) {
            int first = group * GROUP;
            float scale = scaleOf(blocks, block, group);
            if (scale == 0) {
                searches[group / COUNT].levels(source, from + first, GROUP, group % COUNT, HALF, levels, first);
            } else {
                VectorBlocks.symmetricLevels(source, from + first, GROUP, scale, HALF, levels, first);
            }
        }
    }
}
