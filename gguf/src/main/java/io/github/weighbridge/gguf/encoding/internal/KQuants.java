package io.github.weighbridge.gguf.encoding.internal;

/// What `Q4_K` and `Q5_K` share.
final class KQuants {
    static final int COLUMNS = 256;
    static final int GROUP = 32;

    private KQuants() {}

    /// Weights of a group's elements where columns are not weighed: root mean square of the group + magnitude of the element.
    static void weighByMagnitude(float[] source, int from, float[] weights) {
        float root = (float) Math.sqrt(Blocks.squares(source, from, GROUP) / GROUP);
        for (int i = 0; i < GROUP; i++) {
            weights[i] = root + Math.abs(source[from + i]);
        }
    }

    /// Levels of a super-block by the scales that its bytes hold.
    static void finalLevels(float[] source, int from, int top, byte[] levels, byte[] blocks, int block) {
        for (int group = 0; group < SixBitScales.GROUPS; group++) {
            Blocks.affineLevels(source, from + group * GROUP, GROUP, SixBitScales.scaleOf(blocks, block, group),
                    SixBitScales.minimumOf(blocks, block, group), top, levels, group * GROUP);
        }
    }

    /// Searches scales, minimums and levels of a super-block where columns are weighed, and rounds the former into its bytes.
    ///
    /// @param most limit of rounded scales and minimums
    static void searchWeighted(Searches search, float[] source, int from, float[] importance, int column, int top, int most, byte[] levels,
            byte[] blocks, int block) {
        float[] scales = new float[SixBitScales.GROUPS];
        float[] minimums = new float[SixBitScales.GROUPS];
        float[] weights = new float[SixBitScales.GROUPS];
        float deviation = 2 * Blocks.squares(source, from, COLUMNS) / COLUMNS;
        for (int group = 0; group < SixBitScales.GROUPS; group++) {
            int first = from + group * GROUP;
            Blocks.weigh(source, first, GROUP, importance, column + group * GROUP, deviation, search.weights);
            weights[group] = Blocks.sum(search.weights, GROUP);
            scales[group] = search.affine(source, first, GROUP, top, Searches.Stretch.WEIGHTED, levels, group * GROUP);
            minimums[group] = search.minimum();
        }
        SixBitScales.roundWeighted(scales, minimums, 0, weights, most, blocks, block);
    }
}
