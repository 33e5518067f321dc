package io.github.weighbridge.litert.tflite.write;

/// The options of an operator: fields of the table that the schema names for it. Fields with the schema's default are left out.
public final class Options {
    private final Flat.Table table = new Flat.Table();

    /// No field set.
    public static Options none() {
        return new Options();
    }

    /// A flag, where it is set.
    public Options flag(int field, boolean value) {
        if (value) {
            table.flag(field, true);
        }
        return this;
    }

    /// A one-byte number, such as a number type.
    public Options u8(int field, int value) {
        table.u8(field, value);
        return this;
    }

    /// A 32-bit number.
    public Options i32(int field, int value) {
        table.i32(field, value);
        return this;
    }

    /// A single precision number.
    public Options f32(int field, float value) {
        table.f32(field, value);
        return this;
    }

    Flat.Table table() {
        return table;
    }
}
