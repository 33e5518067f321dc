package io.github.weighbridge.compressedtensors.config;

import java.util.Arrays;
import java.util.Optional;

/// How the tensors of a module are laid out; the values of `format`. (compressed-tensors 0.18.0, `config/base.py`.)
public enum PackFormat {
    /// Plain numbers.
    DENSE("dense"),
    /// Integers in words of 32 bits.
    PACK_QUANTIZED("pack-quantized"),
    /// Integers, a byte each.
    INT_QUANTIZED("int-quantized"),
    /// E4M3 numbers.
    FLOAT_QUANTIZED("float-quantized"),
    /// Integers or E4M3 numbers, a byte each.
    NAIVE_QUANTIZED("naive-quantized"),
    /// E2M1 numbers, groups of 16 with E4M3 scales and a scale for the tensor.
    NVFP4_PACK_QUANTIZED("nvfp4-pack-quantized"),
    /// E2M1 numbers, groups of 32 with powers of two.
    MXFP4_PACK_QUANTIZED("mxfp4-pack-quantized"),
    /// E4M3 numbers, groups of 32 with powers of two.
    MXFP8_QUANTIZED("mxfp8-quantized"),
    /// Each group names its own; only for the whole.
    MIXED_PRECISION("mixed-precision");

    private final String word;

    PackFormat(String word) {
        this.word = word;
    }

    /// The word in config.json.
    public String word() {
        return word;
    }

    /// The format of a word.
    public static Optional<PackFormat> of(String word) {
        return Arrays.stream(values()).filter(format -> format.word.equals(word)).findFirst();
    }

    @Override
    public String toString() {
        return word;
    }
}
