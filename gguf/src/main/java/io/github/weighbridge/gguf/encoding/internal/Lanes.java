package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// The vector shapes that kernels use, as many `float`, `int` and `byte` lanes as a register has of 32 bits: 8 or 16 of them.
///
/// Methods with vectors hand them on in arrays and call nothing but the Vector API, even where that repeats a line: the compiler stops
/// inlining ordinary methods once a method has grown large, as methods with vectors quickly do, and a vector that crosses a call which was
/// not inlined costs an allocation.
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

    /// Bits of a magnitude. As integers they are ordered like the numbers, and comparing integers is cheaper.
    static final int MAGNITUDE = 0x7fffffff;
    static final int SIGN = 0x80000000;
    /// Bits of [Rounding#ALMOST_HALF].
    static final int ALMOST_HALF = Float.floatToRawIntBits(Rounding.ALMOST_HALF);

    private Lanes() {}
}
