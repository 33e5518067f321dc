package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.BYTES;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.INTS;

/// Turns runs of codes into numbers. Lanes are elements; a run is 16 or 32 long.
final class VectorDecoding {
    private static final IntVector LANE = IntVector.zero(INTS).addIndex(1);

    private VectorDecoding() {}

    /// `scale x code + addend` of the codes in some bits of bytes.
    static void affine(byte[] bytes, int at, int shift, int mask, float scale, float addend, float[] target, int to, int count) {
        for (int i = 0; i < count; i += COUNT) {
            IntVector word = (IntVector) ByteVector.fromArray(BYTES, bytes, at + i).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            IntVector code = word.lanewise(VectorOperators.LSHR, shift).and(mask);
            ((FloatVector) code.convert(VectorOperators.I2F, 0)).mul(scale).add(addend).intoArray(target, to + i);
        }
    }

    /// `scale x (code - offset)` of codes in some bits of bytes.
    static void symmetric(byte[] bytes, int at, int shift, int mask, int offset, float scale, float[] target, int to, int count) {
        for (int i = 0; i < count; i += COUNT) {
            IntVector word = (IntVector) ByteVector.fromArray(BYTES, bytes, at + i).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            IntVector code = word.lanewise(VectorOperators.LSHR, shift).and(mask).sub(offset);
            ((FloatVector) code.convert(VectorOperators.I2F, 0)).mul(scale).intoArray(target, to + i);
        }
    }

    /// `scale x code + addend` of codes whose low nibbles stand in bytes and whose fifth bits stand in others.
    static void affineFifth(byte[] bytes, int at, int shift, int fifthAt, int fifthShift, float scale, float addend, float[] target,
            int to) {
        for (int i = 0; i < 32; i += COUNT) {
            IntVector word = (IntVector) ByteVector.fromArray(BYTES, bytes, at + i).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            IntVector fifth =
                    (IntVector) ByteVector.fromArray(BYTES, bytes, fifthAt + i).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            IntVector upper = fifth.lanewise(VectorOperators.LSHR, fifthShift).and(1).lanewise(VectorOperators.LSHL, 4);
            IntVector code = word.lanewise(VectorOperators.LSHR, shift).and(15).or(upper);
            ((FloatVector) code.convert(VectorOperators.I2F, 0)).mul(scale).add(addend).intoArray(target, to + i);
        }
    }

    /// `scale x (code - offset)` of 16 codes whose low bits stand in bytes and whose upper bits stand in others.
    static void symmetricUpper(byte[] bytes, int at, int shift, int mask, int upperAt, int upperShift, int upperMask, int upperTo,
            int offset,
            float scale, float[] target, int to) {
        for (int i = 0; i < 16; i += COUNT) {
            IntVector word = (IntVector) ByteVector.fromArray(BYTES, bytes, at + i).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            IntVector other =
                    (IntVector) ByteVector.fromArray(BYTES, bytes, upperAt + i).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            IntVector upper = other.lanewise(VectorOperators.LSHR, upperShift).and(upperMask).lanewise(VectorOperators.LSHL, upperTo);
            IntVector code = word.lanewise(VectorOperators.LSHR, shift).and(mask).or(upper).sub(offset);
            ((FloatVector) code.convert(VectorOperators.I2F, 0)).mul(scale).intoArray(target, to + i);
        }
    }

    /// `scale x (code - offset)` of 16 codes whose low bits stand in nibbles and whose fifth bits are those of a number, from the
    /// lowest on.
    static void nibblesAndBits(byte[] bytes, int at, int shift, int fifth, int offset, float scale, float[] target, int to) {
        for (int i = 0; i < 16; i += COUNT) {
            IntVector word = (IntVector) ByteVector.fromArray(BYTES, bytes, at + i).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            IntVector upper =
                    IntVector.broadcast(INTS, fifth >>> i).lanewise(VectorOperators.LSHR, LANE).and(1).lanewise(VectorOperators.LSHL, 4);
            IntVector code = word.lanewise(VectorOperators.LSHR, shift).and(15).or(upper).sub(offset);
            ((FloatVector) code.convert(VectorOperators.I2F, 0)).mul(scale).intoArray(target, to + i);
        }
    }

    /// The same without an offset and with an addend.
    static void nibblesAndBits(byte[] bytes, int at, int shift, int fifth, float scale, float addend, float[] target, int to) {
        for (int i = 0; i < 16; i += COUNT) {
            IntVector word = (IntVector) ByteVector.fromArray(BYTES, bytes, at + i).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            IntVector upper =
                    IntVector.broadcast(INTS, fifth >>> i).lanewise(VectorOperators.LSHR, LANE).and(1).lanewise(VectorOperators.LSHL, 4);
            IntVector code = word.lanewise(VectorOperators.LSHR, shift).and(15).or(upper);
            ((FloatVector) code.convert(VectorOperators.I2F, 0)).mul(scale).add(addend).intoArray(target, to + i);
        }
    }
}
