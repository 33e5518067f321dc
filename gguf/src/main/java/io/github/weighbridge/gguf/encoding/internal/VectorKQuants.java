package io.github.weighbridge.gguf.encoding.internal;

/// What the vectorised forms of `Q4_K` and `Q5_K` share. Lanes are groups in the search, elements afterwards.
final class VectorKQuants {
    private VectorKQuants() {}

    /// Searches the groups of some super-blocks, no more of them than there are lanes.
    static void search(AffineLanes lanes, float[] source, int from, int groups, int top, Searches.Stretch stretch) {
        Transposed.load(source, from, KQuants.GROUP, groups, lanes.x);
        lanes.weighByMagnitude(KQuants.GROUP);
        lanes.search(KQuants.GROUP, top, stretch);
    }

    /// Rounds the scales of a super-block and chooses its levels.
    static void finish(AffineLanes lanes, int lane, float[] source, int from, int top, byte[] levels, byte[] blocks, int block) {
        SixBitScales.round(lanes.scales, lanes.minimums, lane, blocks, block);
        for (int group = 0; group < SixBitScales.GROUPS; group++) {
            int first = group * KQuants.GROUP;
            float scale = SixBitScales.scaleOf(blocks, block, group);
            if (scale == 0) {
                lanes.levels(source, from + first, KQuants.GROUP, lane + group, top, levels, first);
            } else {
                float minimum = SixBitScales.minimumOf(blocks, block, group);
                VectorBlocks.affineLevels(source, from + first, KQuants.GROUP, scale, minimum, top, levels, first);
            }
        }
    }
}
