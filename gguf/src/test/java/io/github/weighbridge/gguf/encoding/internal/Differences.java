package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.gguf.file.GgmlType;
import java.util.Arrays;
import java.util.HexFormat;

/// The first place where two results part, in words; empty when they are alike.
public final class Differences {
    private Differences() {}

    public static String inBlocks(GgmlType type, byte[] actual, byte[] expected) {
        int at = Arrays.mismatch(actual, expected);
        if (at < 0) {
            return "";
        }
        int width = type.blockBytes();
        int block = at / width;
        int wrong = 0;
        for (int i = 0; i < expected.length / width; i++) {
            wrong += Arrays.equals(actual, i * width, (i + 1) * width, expected, i * width, (i + 1) * width) ? 0 : 1;
        }
        HexFormat hex = HexFormat.of();
        return wrong + " of " + expected.length / width + " blocks; block " + block + " byte " + at % width + ": "
                + hex.formatHex(actual, block * width, (block + 1) * width) + " instead of "
                + hex.formatHex(expected, block * width, (block + 1) * width);
    }

    public static String inBits(float[] actual, float[] expected) {
        for (int i = 0; i < expected.length; i++) {
            if (Float.floatToRawIntBits(actual[i]) != Float.floatToRawIntBits(expected[i])) {
                return "element " + i + ": " + actual[i] + " instead of " + expected[i];
            }
        }
        return actual.length == expected.length ? "" : "length " + actual.length + " instead of " + expected.length;
    }
}
