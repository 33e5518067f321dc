package io.github.weighbridge.encoding;

import io.github.weighbridge.encoding.internal.ScalarGridSearch;
import java.lang.invoke.MethodHandles;

/// Finds for blocks of 32 numbers the steps and the levels from -8 to 7 that return them: the recipe `exact` of 4-bit codes, whatever the
/// format packs them for.
///
/// A block returns its numbers when products of step and level, rounded to the type that the numbers had where they came from, are these.
/// Of the steps that return a block the one of least squared error is taken; where none does, the one of least error of all that its type
/// has, of either sign. So the error never is above that of GGML's ordinary rule for `Q4_0`, the largest magnitude at level -8. The two forms
/// give identical bits. Stateless, so safe for use by many threads.
public interface GridSearch {
    /// Numbers in a block.
    int COLUMNS = 32;

    /// Both forms. The best one should do all the work, since each is slow where the compiler has seen both.
    KernelChoice<GridSearch> FORMS = Kernels.choice(MethodHandles.lookup(), ScalarGridSearch::new, GridSearch.class,
            "io.github.weighbridge.encoding.internal.VectorGridSearch");

    /// Finds steps and codes of blocks that follow each other.
    ///
    /// @param from index of the first number; all are finite
    /// @param source the type that the numbers had: BF16 or F16; any other stands for the narrowest of BF16, F16 and F32 that holds all
    /// numbers of a block
    /// @param step type of steps: F16 or BF16, whose products with levels single precision holds
    /// @param codes receives 16 bytes for each block: byte i has the codes of numbers i (low half) and i + 16, each 8 more than the level
    /// @param at where those of the first block begin
    /// @param stride from one block's codes to the next one's
    /// @param steps receives the bits of a step for each block, from index 0; infinite where a block's largest number is beyond all steps
    void find(float[] numbers, int from, int count, DenseType source, DenseType step, byte[] codes, int at, int stride, int[] steps);
}
