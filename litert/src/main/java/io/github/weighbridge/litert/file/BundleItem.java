package io.github.weighbridge.litert.file;

import io.github.weighbridge.io.Value;

/// A key with a value, of a bundle or of one of its sections.
///
/// @param key any text; readers of the format compare keys without regard to case
/// @param type number type of the value in the file
/// @param value whole number, real number, flag or text, as the type demands
public record BundleItem(String key, ItemType type, Value value) {
    /// Checks that the value is one of the type, and within its range.
    public BundleItem {
        boolean fits = switch (value) {
            case Value.Whole(long number) -> switch (type) {
                case UINT8 -> number >= 0 && number <= 0xff;
                case INT8 -> number == (byte) number;
                case UINT16 -> number >= 0 && number <= 0xffff;
                case INT16 -> number == (short) number;
                case UINT32 -> number >= 0 && number <= 0xffff_ffffL;
                case INT32 -> number == (int) number;
                case UINT64, INT64 -> true;
                case FLOAT32, BOOL, STRING, DOUBLE -> false;
            };
            case Value.Real(double number) -> type == ItemType.DOUBLE
                    || type == ItemType.FLOAT32 && (Double.isNaN(number) || (float) number == number);
            case Value.Flag _ -> type == ItemType.BOOL;
            case Value.Text _ -> type == ItemType.STRING;
            case Value.Nothing _, Value.Items _, Value.Fields _ -> false;
        };
        if (!fits) {
            throw new IllegalArgumentException(key + ": " + value + " is no " + type);
        }
    }

    /// A text.
    public static BundleItem of(String key, String text) {
        return new BundleItem(key, ItemType.STRING, Value.of(text));
    }

    /// The text; empty text for other values.
    public String text() {
        return value instanceof Value.Text(String text) ? text : "";
    }
}
