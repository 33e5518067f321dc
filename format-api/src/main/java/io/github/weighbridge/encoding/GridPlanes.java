package io.github.weighbridge.encoding;

/// Which planes a [GridEncoding] has besides codes and scales. They follow these in the order of the components.
///
/// @param outer whether there is one F32 number for the whole tensor that divides all scales
/// @param zeros how integer zero points lie
/// @param index whether there is an I32 for each column that names its group (`weight_g_idx`), instead of groups of neighbours
/// @param shape whether the tensor's dimensions stand beside it, as I64
public record GridPlanes(boolean outer, Zeros zeros, boolean index, boolean shape) {
    /// How integer zero points lie.
    public enum Zeros {
        /// There are none.
        NONE,
        /// An I8 for each scale, in the same order.
        BYTES,
        /// For each column of scales a stream along the rows, packed as the codes are in words of 32 bits; word `w` of all streams is row `w`.
        PACKED
    }

    /// Codes and scales alone.
    public static final GridPlanes PLAIN = new GridPlanes(false, Zeros.NONE, false, false);
}
