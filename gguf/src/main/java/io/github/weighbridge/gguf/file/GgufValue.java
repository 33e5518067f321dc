package io.github.weighbridge.gguf.file;

import io.github.weighbridge.io.Limits;

/// The value of a key, with the type the file gives it. Immutable.
///
/// Numbers and flags are records, equal when their types and numbers are. [Strings][GgufText] and [arrays][GgufArray] may lie in the file
/// and be read on demand; they are equal only to themselves.
public sealed interface GgufValue permits GgufValue.Whole, GgufValue.F32, GgufValue.F64, GgufValue.Flag, GgufText, GgufArray {
    /// The type in the file.
    GgufValueType type();

    /// A whole number.
    ///
    /// @param type one of the eight whole types
    /// @param number the number; a u64 of 2^63 or more is negative here, as [Long#toUnsignedString] reads it
    record Whole(GgufValueType type, long number) implements GgufValue {
        /// Checks the number against the range of its type.
        ///
        /// @throws IllegalArgumentException when the type is not whole or the number lies outside it
        public Whole {
            if (!type.isWhole()) {
                throw new IllegalArgumentException(type.word() + " is no type of whole numbers");
            }
            if (type != GgufValueType.U64 && (number < type.least() || number > type.greatest())) {
                throw new IllegalArgumentException(number + " is no " + type.word());
            }
        }

        @Override
        public String toString() {
            return type == GgufValueType.U64 ? Long.toUnsignedString(number) : Long.toString(number);
        }
    }

    /// A number in single precision.
    record F32(float number) implements GgufValue {
        @Override
        public GgufValueType type() {
            return GgufValueType.F32;
        }

        @Override
        public String toString() {
            return Float.toString(number);
        }
    }

    /// A number in double precision.
    record F64(double number) implements GgufValue {
        @Override
        public GgufValueType type() {
            return GgufValueType.F64;
        }

        @Override
        public String toString() {
            return Double.toString(number);
        }
    }

    /// True or false.
    record Flag(boolean set) implements GgufValue {
        @Override
        public GgufValueType type() {
            return GgufValueType.BOOL;
        }

        @Override
        public String toString() {
            return Boolean.toString(set);
        }
    }

    /// An unsigned 8-bit integer.
    static GgufValue u8(int number) {
        return new Whole(GgufValueType.U8, number);
    }

    /// An unsigned 16-bit integer.
    static GgufValue u16(int number) {
        return new Whole(GgufValueType.U16, number);
    }

    /// An unsigned 32-bit integer.
    static GgufValue u32(long number) {
        return new Whole(GgufValueType.U32, number);
    }

    /// A signed 32-bit integer.
    static GgufValue i32(int number) {
        return new Whole(GgufValueType.I32, number);
    }

    /// An unsigned 64-bit integer; negative numbers stand for 2^63 and more.
    static GgufValue u64(long number) {
        return new Whole(GgufValueType.U64, number);
    }

    /// A signed 64-bit integer.
    static GgufValue i64(long number) {
        return new Whole(GgufValueType.I64, number);
    }

    /// A number in single precision.
    static GgufValue f32(float number) {
        return new F32(number);
    }

    /// A number in double precision.
    static GgufValue f64(double number) {
        return new F64(number);
    }

    /// True or false.
    static GgufValue flag(boolean set) {
        return new Flag(set);
    }

    /// A string.
    ///
    /// @throws IllegalArgumentException when it has an unpaired surrogate, which UTF-8 cannot hold
    static GgufText text(String text) {
        return GgufText.of(text, Limits.DEFAULT);
    }
}
