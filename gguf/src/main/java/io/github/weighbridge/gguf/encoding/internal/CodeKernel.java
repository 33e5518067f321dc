package io.github.weighbridge.gguf.encoding.internal;

/// Takes codes out of single blocks of one type and puts them in. Stateless, so safe for use by many threads.
public interface CodeKernel {
    /// Takes a block apart.
    ///
    /// @param block holds the block
    /// @param at its first byte
    /// @param codes receives a level for each element
    /// @param codesOffset index of the first
    /// @param scales receives a scale for each group
    /// @param zeros receives a minimum for each group, where the type has them
    /// @param scaleOffset index of the first in both
    void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset);

    /// Puts a block together of codes that share one scale.
    ///
    /// @param codes holds a level for each element
    /// @param codesOffset index of the first
    /// @param scale the scale; it is rounded to half precision
    /// @param block receives the block, every byte of it
    /// @param at its first byte
    void writeCodes(byte[] codes, int codesOffset, float scale, byte[] block, int at);
}
