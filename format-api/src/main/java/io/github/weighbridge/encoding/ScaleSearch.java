package io.github.weighbridge.encoding;

import io.github.weighbridge.encoding.internal.ScaleKernels;

/// Finds for numbers that share a scale the one of least squared error, for symmetric integers of 2 to 4 bits: few levels are better spent on
/// the many small numbers than on the largest one, which is then cut off.
///
/// A scale is judged by the place where it puts the largest magnitude, counted in steps. Sixteen places are tried: all that lie on a level, so
/// that numbers which lie on a grid of such levels are found on it again, and others up to a fifth of a Gaussian row's largest number. With the
/// levels that the best of them gives, the least squares scale is known; it and neighbours up to 7 % away are tried as they would be stored.
/// (Measured on trained weights: within 0.2 % of the error of the best of 160 scales, rows and groups of 32, 2 to 4 bits. Upstream's observer
/// `mse` shrinks ranges likewise, but to 80 % of the largest magnitude at least, where rows of 2-bit numbers need less than half of it:
/// llm-compressor, `observers/mse.py`.)
///
/// The result is never worse than the scale it is compared with. Sums are taken in an order of their own (see [ScaleKernels]), so that the plain and the
/// vectorised form give the same bits. Keeps working memory; not safe for several threads.
public final class ScaleSearch {
    /// The most bits that are worth a search. (Of 8-bit groups it would lower the error by a tenth, for the same time.)
    public static final int MOST_BITS = 4;

    private static final int COUNT = ScaleKernels.COUNT;
    /// Places by bits. Powers of two come first, as equal ones go to the first: numbers of few levels have exact scales there.
    private static final float[][] PLACES = {{}, {},
        {1, 2, 1.5f, 2.4f, 2.8f, 3.3f, 3.9f, 4.6f, 5.4f, 6.4f, 7.5f, 8.8f, 10.4f, 12.2f, 14.4f, 17},
        {4, 2, 3, 3.5f, 4.6f, 5.2f, 5.9f, 6.7f, 7.7f, 8.7f, 9.9f, 11.3f, 12.9f, 14.7f, 17, 20},
        {4, 8, 6, 3, 5, 7, 6.5f, 7.5f, 8.5f, 9, 9.6f, 10.4f, 11.8f, 13.5f, 16, 19.5f}};
    /// Of a scale, its neighbours that are tried. The last place is that of the scale to compare with.
    private static final float[] NEIGHBOURS = new float[COUNT - 1];
    static {
        for (int i = 0; i < NEIGHBOURS.length; i++) {
            NEIGHBOURS[i] = 1 + (i - NEIGHBOURS.length / 2) * 0.01f;
        }
    }

    /// Where squares neither vanish nor overflow. No weights lie beyond.
    private static final float SMALLEST = 0x1p-40f;
    private static final float LARGEST = 0x1p40f;
    /// What a sum of a piece may be off by, relatively, is below half of this; so what seems better by it is better.
    private static final double BETTER = 1 - 0x1p-14;
    /// How often a search looks at each number, by which the plain form's share of the work is counted.
    private static final long LOOKS = 2L * COUNT;

    private final int bits;
    private final boolean signed;
    private final Rounding rounding;
    private final float[] scales = new float[COUNT];
    private final double[] sums = new double[COUNT];
    private final double[] squares = new double[COUNT];

    /// What a scale becomes when it is stored; what is not finite, or 0, is not taken.
    @FunctionalInterface
    public interface Rounding {
        /// The scale as it is stored.
        float stored(float scale);
    }

    /// A search for levels from `-2^(bits - 1)` to `2^(bits - 1) - 1`.
    ///
    /// @param bits 2 to [#MOST_BITS]
    /// @param signed whether scales below 0 are tried too
    /// @param rounding what becomes of scales
    public ScaleSearch(int bits, boolean signed, Rounding rounding) {
        if (bits < 2 || bits > MOST_BITS) {
            throw new IllegalArgumentException("no search for " + bits + " bits");
        }
        this.bits = bits;
        this.signed = signed;
        this.rounding = rounding;
    }

    /// The scale of least squared error that is found.
    ///
    /// @param from index of the first number; all are finite
    /// @param largest their largest magnitude, not 0
    /// @param otherwise a scale as it is stored, finite and not 0; returned where no better one is found
    public float find(float[] numbers, int from, int count, float largest, float otherwise) {
        if (!(largest >= SMALLEST && largest <= LARGEST)) {
            return otherwise;
        }
        ScaleKernels kernels = ScaleKernels.CHOICE.forCount(LOOKS * count);
        float scale = search(kernels, numbers, from, count, 1 / largest, otherwise);
        return signed ? search(kernels, numbers, from, count, -1 / largest, scale) : scale;
    }

    private float search(ScaleKernels kernels, float[] numbers, int from, int count, float inverse, float otherwise) {
        for (int i = 0; i < COUNT; i++) {
            scales[i] = PLACES[bits][i] * inverse;
        }
        kernels.products(numbers, from, count, scales, bits, sums, squares);
        int best = 0;
        for (int i = 1; i < COUNT; i++) {
            // By sum x sum / squares the best scale for these levels lowers the sum of squared numbers.
            if (sums[i] * sums[i] * squares[best] * BETTER > sums[best] * sums[best] * squares[i]) {
                best = i;
            }
        }
        float middle = (float) (sums[best] / squares[best]);
        for (int i = 0; i < NEIGHBOURS.length; i++) {
            float stored = rounding.stored(middle * NEIGHBOURS[i]);
            scales[i] = Math.abs(stored) <= Float.MAX_VALUE && stored != 0 ? stored : otherwise;
        }
        scales[NEIGHBOURS.length] = otherwise;
        kernels.errors(numbers, from, count, scales, bits, sums);
        int least = NEIGHBOURS.length;
        for (int i = 0; i < NEIGHBOURS.length; i++) {
            if (sums[i] < sums[least] * BETTER) {
                least = i;
            }
        }
        return scales[least];
    }
}
