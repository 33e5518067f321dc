package io.github.weighbridge.litert.tflite.write;

import java.util.ArrayList;
import java.util.List;

/// A node of a flatbuffer that is being made. Nodes know each other by reference: one that is used twice is written once, which flatbuffers
/// allow because all offsets point forward. For use by one thread.
sealed interface Flat {
    /// A field of a table.
    ///
    /// @param id position in the schema, from 0
    /// @param width bytes; 4 for references
    /// @param bits the value, little-endian; 0 for references
    /// @param target what is referred to
    record Field(int id, int width, long bits, @org.jspecify.annotations.Nullable Flat target) {}

    /// A table. Fields that have the schema's default are left out by who makes it.
    final class Table implements Flat {
        private final List<Field> fields = new ArrayList<>();

        List<Field> fields() {
            return fields;
        }

        Table put(int id, int width, long bits) {
            fields.add(new Field(id, width, bits, null));
            return this;
        }

        Table u8(int id, int value) {
            return put(id, 1, value & 0xff);
        }

        Table flag(int id, boolean value) {
            return put(id, 1, value ? 1 : 0);
        }

        Table i32(int id, int value) {
            return put(id, 4, value & 0xffff_ffffL);
        }

        Table i64(int id, long value) {
            return put(id, 8, value);
        }

        Table f32(int id, float value) {
            return i32(id, Float.floatToRawIntBits(value));
        }

        Table ref(int id, Flat target) {
            fields.add(new Field(id, 4, 0, target));
            return this;
        }

        /// Gives a field that is there another value, of the same width.
        void set(int id, long bits) {
            for (int i = 0; i < fields.size(); i++) {
                if (fields.get(i).id() == id) {
                    fields.set(i, new Field(id, fields.get(i).width(), bits, null));
                    return;
                }
            }
            throw new IllegalArgumentException("no field " + id);
        }
    }

    /// A vector of tables or strings.
    record Refs(List<? extends Flat> targets) implements Flat {
        public Refs {
            targets = List.copyOf(targets);
        }
    }

    /// A string.
    record Text(String text) implements Flat {}

    /// A vector of numbers.
    ///
    /// @param count number of them
    /// @param width bytes of one
    /// @param alignment of the first one in the buffer
    /// @param content where the bytes come from
    record Data(long count, int width, int alignment, Content content) implements Flat {
        long bytes() {
            return count * width;
        }

        static Data of(byte[] bytes, int width, int alignment) {
            return new Data(bytes.length / width, width, alignment, new Content.Given(bytes));
        }

        static Data ofInts(int... values) {
            byte[] bytes = new byte[4 * values.length];
            java.nio.ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN).asIntBuffer().put(values);
            return of(bytes, 4, 4);
        }
    }

    /// Where the bytes of a vector come from.
    sealed interface Content {
        /// They are here.
        record Given(byte[] bytes) implements Content {}

        /// They are filled in later.
        record Hole(int id) implements Content {}

        /// They are zero.
        record Zeros() implements Content {}
    }
}
