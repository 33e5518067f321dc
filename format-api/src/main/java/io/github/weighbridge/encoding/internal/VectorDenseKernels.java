package io.github.weighbridge.encoding.internal;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// The vectorised form: same bits as [ScalarDenseKernels].
public final class VectorDenseKernels implements DenseKernels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, jdk.incubator.vector.VectorShape.forBitSize(INTS.vectorBitSize() / 2));
    private static final int LANES = INTS.length();
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private final DenseKernels plain = new ScalarDenseKernels();

    @Override
    public void decodeF32(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int count) {
        plain.decodeF32(source, sourceOffset, target, targetOffset, count);
    }

    /// The exponent is moved into place by a multiplication, which is exact, also for subnormal numbers.
    @Override
    public void decodeF16(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int count) {
        int i = 0;
        for (; i <= count - LANES; i += LANES) {
            IntVector half = (IntVector) ShortVector.fromMemorySegment(SHORTS, source, sourceOffset + 2L * i, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
            IntVector sign = half.and(0x8000).lanewise(VectorOperators.LSHL, 16);
            IntVector magnitude = half.and(0x7fff);
            IntVector finite = magnitude.lanewise(VectorOperators.LSHL, 13).reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
            VectorMask<Integer> special = magnitude.compare(VectorOperators.GE, 0x7c00);
            IntVector wide = finite;
            if (special.anyTrue()) {
                // Infinity and NaN: exponent all ones; a NaN becomes quiet as Float.float16ToFloat makes it.
                IntVector payload = magnitude.lanewise(VectorOperators.LSHL, 13).or(0x7f800000);
                VectorMask<Integer> nan = magnitude.compare(VectorOperators.GT, 0x7c00);
                wide = finite.blend(payload, special).blend(payload.or(0x00400000), nan);
            }
            wide.or(sign).reinterpretAsFloats().intoArray(target, targetOffset + i);
        }
        plain.decodeF16(source, sourceOffset + 2L * i, target, targetOffset + i, count - i);
    }

    @Override
    public void decodeBf16(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int count) {
        int i = 0;
        for (; i <= count - LANES; i += LANES) {
            ShortVector.fromMemorySegment(SHORTS, source, sourceOffset + 2L * i, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0)
                    .reinterpretAsInts().lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(target, targetOffset + i);
        }
        plain.decodeBf16(source, sourceOffset + 2L * i, target, targetOffset + i, count - i);
    }

    @Override
    public void encodeF32(float[] source, int sourceOffset, MemorySegment target, long targetOffset, int count) {
        plain.encodeF32(source, sourceOffset, target, targetOffset, count);
    }

    /// Rounds by adding a power of two that pushes the unwanted bits out of the mantissa: nearest, ties to even, subnormal results included.
    @Override
    public void encodeF16(float[] source, int sourceOffset, MemorySegment target, long targetOffset, int count) {
        int i = 0;
        for (; i <= count - LANES; i += LANES) {
            IntVector bits = FloatVector.fromArray(FLOATS, source, sourceOffset + i).reinterpretAsInts();
            IntVector sign = bits.lanewise(VectorOperators.LSHR, 16).and(0x8000);
            IntVector magnitude = bits.and(0x7fffffff);
            // Normal results: move the bias and round the 13 low bits to even.
            IntVector odd = magnitude.lanewise(VectorOperators.LSHR, 13).and(1);
            IntVector normal = magnitude.sub(0x38000000).add(0x0fff).add(odd).lanewise(VectorOperators.LSHR, 13);
            // Subnormal results: 0.5f has an ulp of 2^-24 in single precision, the smallest half.
            IntVector subnormal = magnitude.reinterpretAsFloats().add(0.5f).reinterpretAsInts().sub(0x3f000000);
            IntVector half = normal.blend(subnormal, magnitude.compare(VectorOperators.LT, 0x38800000));
            VectorMask<Integer> overflow = magnitude.compare(VectorOperators.GE, 0x477ff000);
            if (overflow.anyTrue()) {
                half = half.blend(0x7c00, overflow).blend(0x7e00, magnitude.compare(VectorOperators.GT, 0x7f800000));
            }
            half.or(sign).convertShape(VectorOperators.I2S, SHORTS, 0).reinterpretAsShorts().intoMemorySegment(target,
                    targetOffset + 2L * i, ORDER);
        }
        plain.encodeF16(source, sourceOffset + i, target, targetOffset + 2L * i, count - i);
    }

    @Override
    public void encodeBf16(float[] source, int sourceOffset, MemorySegment target, long targetOffset, int count) {
        int i = 0;
        for (; i <= count - LANES; i += LANES) {
            IntVector bits = FloatVector.fromArray(FLOATS, source, sourceOffset + i).reinterpretAsInts();
            IntVector upper = bits.lanewise(VectorOperators.LSHR, 16);
            IntVector rounded = bits.add(0x7fff).add(upper.and(1)).lanewise(VectorOperators.LSHR, 16);
            VectorMask<Integer> nan = bits.and(0x7fffffff).compare(VectorOperators.GT, 0x7f800000);
            rounded.blend(upper.or(64), nan).convertShape(VectorOperators.I2S, SHORTS, 0).reinterpretAsShorts()
                    .intoMemorySegment(target, targetOffset + 2L * i, ORDER);
        }
        plain.encodeBf16(source, sourceOffset + i, target, targetOffset + 2L * i, count - i);
    }
}
