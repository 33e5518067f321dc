package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// The vector shapes that kernels use: as many `float`, `int` and `byte` lanes as a register has of 32 bits, 8 or 16 of them.
final class Lanes {
    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED.vectorBitSize() > 512 ? FloatVector.SPECIES_512
            : FloatVector.SPECIES_PREFERRED;
    static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);
    static final int COUNT = INTS.length();
    /// Whether registers are wide enough; with fewer lanes there is no byte vector of as many, and the plain forms serve.
    static final boolean ENOUGH = COUNT >= 8;
    static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, COUNT * 8)));

    /// The three constants of [Rounding#near].
    static final float NEAR = 12582912f;
    static final int NEAR_MASK = 0x007fffff;
    static final int NEAR_ZERO = 0x00400000;

    private static final int SIGN = 0x80000000;
    private static final int MAGNITUDE = 0x7fffffff;

    private Lanes() {}

    static FloatVector floats(float[] source, int offset) {
        return FloatVector.fromArray(FLOATS, source, offset);
    }

    /// The bits of the absolute values. As integers they are ordered like the numbers, and comparing integers is cheaper.
    static IntVector magnitudes(FloatVector values) {
        return values.reinterpretAsInts().and(MAGNITUDE);
    }

    /// Rounds numbers below 2^22 to the nearest, halves away from zero, as [Rounding#away].
    static FloatVector beforeTruncation(FloatVector values) {
        return values.reinterpretAsInts().and(SIGN).or(Float.floatToRawIntBits(Rounding.ALMOST_HALF)).reinterpretAsFloats().add(values);
    }

    static IntVector truncate(FloatVector values) {
        return (IntVector) values.convertShape(VectorOperators.F2I, INTS, 0);
    }

    static FloatVector toFloats(IntVector values) {
        return (FloatVector) values.convertShape(VectorOperators.I2F, FLOATS, 0);
    }

    /// Bytes as integers from 0 to 255.
    static IntVector unsigned(byte[] bytes, int offset) {
        return (IntVector) ByteVector.fromArray(BYTES, bytes, offset).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
    }

    /// Stores the low byte of each integer.
    static void store(IntVector values, byte[] bytes, int offset) {
        ((ByteVector) values.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(bytes, offset);
    }

    /// [Rounding#near], kept between two levels.
    static IntVector near(FloatVector values, int least, int most) {
        return values.add(NEAR).reinterpretAsInts().and(NEAR_MASK).sub(NEAR_ZERO).max(least).min(most);
    }
}
