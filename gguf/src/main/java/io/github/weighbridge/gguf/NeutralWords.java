package io.github.weighbridge.gguf;

import io.github.weighbridge.gguf.file.GgmlType;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Which type holds what a neutral word asks for: codes of so many bits that share a scale by row, by tensor or by group. A type is taken that
/// holds all that the word describes, with scales at least as close; its blocks are of 32 columns, or 16 within 256 for 2 bits.
final class NeutralWords {
    private static final Pattern INTEGER = Pattern.compile("int([2458])/(channel|tensor|group(\\d{1,6}))(/asym)?");

    private NeutralWords() {}

    /// The type for a word; empty when there is none.
    static Optional<GgmlType> type(String word) {
        if (word.equals("mxfp4")) {
            return Optional.of(GgmlType.MXFP4);
        }
        Matcher integer = INTEGER.matcher(word);
        if (!integer.matches()) {
            return Optional.empty();
        }
        int bits = Integer.parseInt(integer.group(1));
        int block = bits == 2 ? 16 : 32;
        // A group that a block would span would have to share a scale with its neighbour.
        if (integer.group(3) != null && (Integer.parseInt(integer.group(3)) == 0 || Integer.parseInt(integer.group(3)) % block != 0)) {
            return Optional.empty();
        }
        boolean shifted = integer.group(4) != null;
        return switch (bits) {
            case 2 -> Optional.of(GgmlType.Q2_K);
            case 4 -> Optional.of(shifted ? GgmlType.Q4_1 : GgmlType.Q4_0);
            case 5 -> Optional.of(shifted ? GgmlType.Q5_1 : GgmlType.Q5_0);
            default -> shifted ? Optional.empty() : Optional.of(GgmlType.Q8_0);
        };
    }
}
