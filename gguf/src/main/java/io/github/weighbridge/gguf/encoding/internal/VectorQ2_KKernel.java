package io.github.weighbridge.gguf.encoding.internal;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;

/// The vectorised form of [Q2_KKernel]: lanes are groups in the search, elements afterwards.
final class VectorQ2_KKernel extends Q2_KKernel {
    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            for (int group = 0; group < GROUPS; group++, to += GROUP) {
                float scale = scaleOf(blocks, block, group);
                float minimum = minimumOf(blocks, block, group);
                int codes = block + CODES + group / 8 * 32 + group % 2 * GROUP;
                VectorDecoding.affine(blocks, codes, group / 2 % 4 * 2, 3, scale, -minimum, target, to, GROUP);
            }
        }
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        // A block has sixteen groups: one search takes them all, or several share them.
        AffineLanes[] searches = new AffineLanes[GROUPS / COUNT];
        java.util.Arrays.setAll(searches, _ -> new AffineLanes());
        byte[] levels = new byte[COLUMNS];
        float[] scales = new float[GROUPS];
        float[] minimums = new float[GROUPS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            int block = at + i * BYTES;
            for (int j = 0; j < searches.length; j++) {
                search(searches[j], source, from + j * COUNT * GROUP);
                System.arraycopy(searches[j].scales, 0, scales, j * COUNT, COUNT);
                System.arraycopy(searches[j].minimums, 0, minimums, j * COUNT, COUNT);
            }
            round(scales, minimums, 0, blocks, block);
            finalLevels(searches, source, from, levels, blocks, block);
            Blocks.packCrumbs(levels, 0, blocks, block + CODES);
        }
    }

    private static void search(AffineLanes lanes, float[] source, int from) {
        Transposed.load(source, from, GROUP, COUNT, lanes.x);
        lanes.weighByAbsolute(GROUP);
        lanes.search(GROUP, TOP, STRETCH);
    }

    private static void finalLevels(AffineLanes[] searches, float[] source, int from, byte[] levels, byte[] blocks, int block) {
        for (int group = 0; group < GROUPS; group++) {
            int first = group * GROUP;
            float scale = scaleOf(blocks, block, group);
            if (scale == 0) {
                searches[group / COUNT].levels(source, from + first, GROUP, group % COUNT, TOP, levels, first);
            } else {
                VectorBlocks.affineLevels(source, from + first, GROUP, scale, minimumOf(blocks, block, group), TOP, levels, first);
            }
        }
    }
}
