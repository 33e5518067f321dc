package io.github.weighbridge.encoding.internal;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// The vectorised form: same bits as [ScalarCodeKernels].
public final class VectorCodeKernels implements CodeKernels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int LANES = FLOATS.length();
    /// As many bytes as there are numbers in a vector of them. Narrower shapes than 64 bits do not exist.
    private static final VectorSpecies<Byte> QUARTER = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, LANES * 8)));
    private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_128;
    private static final int WIDE = BYTES.length();
    private static final VectorSpecies<Byte> OCTETS = ByteVector.SPECIES_PREFERRED;
    private static final VectorShuffle<Byte> ZIP_LOW = VectorShuffle.makeZip(BYTES, 0);
    private static final VectorShuffle<Byte> ZIP_HIGH = VectorShuffle.makeZip(BYTES, 1);
    private static final VectorShuffle<Byte> EVEN = VectorShuffle.makeUnzip(BYTES, 0);
    private static final VectorShuffle<Byte> ODD = VectorShuffle.makeUnzip(BYTES, 1);
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final boolean CONVERTS = QUARTER.length() == LANES;

    private final CodeKernels plain = new ScalarCodeKernels();

    // A method for each width: the compiler stops inlining within one that has grown large, and then every vector costs an allocation.
    @Override
    public void unpack(MemorySegment source, long offset, int bits, int flip, int shift, byte[] target, int at, int count) {
        int done = switch (bits) {
            case 8 -> unpack8(source, offset, flip, shift, target, at, count);
            case 4 -> unpack4(source, offset, flip, shift, target, at, count);
            case 2 -> unpack2(source, offset, flip, shift, target, at, count);
            default -> 0;
        };
        if (done < count) {
            plain.unpack(source, offset + (long) done * bits / 8, bits, flip, shift, target, at + done, count - done);
        }
    }

    private static int unpack8(MemorySegment source, long offset, int flip, int shift, byte[] target, int at, int count) {
        if (flip == shift && flip == 0x80) {
            // The same bits.
            return 0;
        }
        int done = 0;
        for (; done <= count - OCTETS.length(); done += OCTETS.length()) {
            ByteVector.fromMemorySegment(OCTETS, source, offset + done, ORDER).lanewise(VectorOperators.XOR, (byte) flip).sub((byte) shift)
                    .intoArray(target, at + done);
        }
        return done;
    }

    private static int unpack4(MemorySegment source, long offset, int flip, int shift, byte[] target, int at, int count) {
        int done = 0;
        for (; done <= count - 2 * WIDE; done += 2 * WIDE) {
            ByteVector pairs = ByteVector.fromMemorySegment(BYTES, source, offset + (done >>> 1), ORDER);
            ByteVector low = level(pairs.and((byte) 15), flip, shift);
            ByteVector high = level(pairs.lanewise(VectorOperators.LSHR, 4).and((byte) 15), flip, shift);
            low.rearrange(ZIP_LOW, high).intoArray(target, at + done);
            low.rearrange(ZIP_HIGH, high).intoArray(target, at + done + WIDE);
        }
        return done;
    }

    private static int unpack2(MemorySegment source, long offset, int flip, int shift, byte[] target, int at, int count) {
        int done = 0;
        for (; done <= count - 4 * WIDE; done += 4 * WIDE) {
            ByteVector fours = ByteVector.fromMemorySegment(BYTES, source, offset + (done >>> 2), ORDER);
            ByteVector a = level(fours.and((byte) 3), flip, shift);
            ByteVector b = level(fours.lanewise(VectorOperators.LSHR, 2).and((byte) 3), flip, shift);
            ByteVector c = level(fours.lanewise(VectorOperators.LSHR, 4).and((byte) 3), flip, shift);
            ByteVector d = level(fours.lanewise(VectorOperators.LSHR, 6).and((byte) 3), flip, shift);
            ByteVector even = a.rearrange(ZIP_LOW, c);
            ByteVector odd = b.rearrange(ZIP_LOW, d);
            even.rearrange(ZIP_LOW, odd).intoArray(target, at + done);
            even.rearrange(ZIP_HIGH, odd).intoArray(target, at + done + WIDE);
            even = a.rearrange(ZIP_HIGH, c);
            odd = b.rearrange(ZIP_HIGH, d);
            even.rearrange(ZIP_LOW, odd).intoArray(target, at + done + 2 * WIDE);
            even.rearrange(ZIP_HIGH, odd).intoArray(target, at + done + 3 * WIDE);
        }
        return done;
    }

    private static ByteVector level(ByteVector code, int flip, int shift) {
        return code.lanewise(VectorOperators.XOR, (byte) flip).sub((byte) shift);
    }

    private static ByteVector code(byte[] source, int at, int flip, int shift, int mask) {
        return ByteVector.fromArray(BYTES, source, at).add((byte) shift).lanewise(VectorOperators.XOR, (byte) flip).and((byte) mask);
    }

    @Override
    public void pack(byte[] source, int at, int count, int bits, int flip, int shift, MemorySegment target, long offset) {
        int done = switch (bits) {
            case 8 -> pack8(source, at, count, flip, shift, target, offset);
            case 4 -> pack4(source, at, count, flip, shift, target, offset);
            case 2 -> pack2(source, at, count, flip, shift, target, offset);
            default -> 0;
        };
        if (done < count) {
            plain.pack(source, at + done, count - done, bits, flip, shift, target, offset + (long) done * bits / 8);
        }
    }

    private static int pack8(byte[] source, int at, int count, int flip, int shift, MemorySegment target, long offset) {
        if (flip == shift && flip == 0x80) {
            // The same bits.
            return 0;
        }
        int done = 0;
        for (; done <= count - OCTETS.length(); done += OCTETS.length()) {
            ByteVector.fromArray(OCTETS, source, at + done).add((byte) shift).lanewise(VectorOperators.XOR, (byte) flip)
                    .intoMemorySegment(target, offset + done, ORDER);
        }
        return done;
    }

    private static int pack4(byte[] source, int at, int count, int flip, int shift, MemorySegment target, long offset) {
        int done = 0;
        for (; done <= count - 2 * WIDE; done += 2 * WIDE) {
            ByteVector first = code(source, at + done, flip, shift, 15);
            ByteVector second = code(source, at + done + WIDE, flip, shift, 15);
            pair(first, second, 4).intoMemorySegment(target, offset + (done >>> 1), ORDER);
        }
        return done;
    }

    private static int pack2(byte[] source, int at, int count, int flip, int shift, MemorySegment target, long offset) {
        int done = 0;
        for (; done <= count - 4 * WIDE; done += 4 * WIDE) {
            ByteVector first = pair(code(source, at + done, flip, shift, 3), code(source, at + done + WIDE, flip, shift, 3), 2);
            ByteVector second = pair(code(source, at + done + 2 * WIDE, flip, shift, 3),
                    code(source, at + done + 3 * WIDE, flip, shift, 3), 2);
            pair(first, second, 4).intoMemorySegment(target, offset + (done >>> 2), ORDER);
        }
        return done;
    }

    /// Joins neighbours, the second of them in the upper bits.
    private static ByteVector pair(ByteVector first, ByteVector second, int bits) {
        return first.rearrange(EVEN, second).or(first.rearrange(ODD, second).lanewise(VectorOperators.LSHL, bits));
    }

    private static FloatVector levels(byte[] levels, int at, boolean unsigned) {
        ByteVector bytes = ByteVector.fromArray(QUARTER, levels, at);
        return (FloatVector) (unsigned ? bytes.convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0)
                : bytes.convertShape(VectorOperators.B2I, INTS, 0)).convertShape(VectorOperators.I2F, FLOATS, 0);
    }

    @Override
    public void multiply(byte[] levels, int at, int count, boolean unsigned, float scale, float[] target, int to) {
        int i = 0;
        if (CONVERTS) {
            for (; i <= count - LANES; i += LANES) {
                levels(levels, at + i, unsigned).mul(scale).intoArray(target, to + i);
            }
        }
        plain.multiply(levels, at + i, count - i, unsigned, scale, target, to + i);
    }

    @Override
    public void multiplyShifted(byte[] levels, int at, int count, boolean unsigned, float scale, float zero, float[] target, int to) {
        int i = 0;
        if (CONVERTS) {
            for (; i <= count - LANES; i += LANES) {
                levels(levels, at + i, unsigned).sub(zero).mul(scale).intoArray(target, to + i);
            }
        }
        plain.multiplyShifted(levels, at + i, count - i, unsigned, scale, zero, target, to + i);
    }

    @Override
    public void quantize(float[] source, int from, int count, float scale, float zero, int minimum, int maximum, byte[] levels, int at) {
        int i = 0;
        if (CONVERTS) {
            for (; i <= count - LANES; i += LANES) {
                FloatVector place = FloatVector.fromArray(FLOATS, source, from + i).div(scale).add(zero).min(maximum).max(minimum);
                ((ByteVector) place.add(ScalarCodeKernels.ROUND).sub(ScalarCodeKernels.ROUND).convertShape(VectorOperators.F2I, INTS, 0)
                        .convertShape(VectorOperators.I2B, QUARTER, 0)).intoArray(levels, at + i);
            }
        }
        plain.quantize(source, from + i, count - i, scale, zero, minimum, maximum, levels, at + i);
    }

    @Override
    public float largest(float[] source, int from, int count) {
        IntVector largest = IntVector.zero(INTS);
        int i = 0;
        for (; i <= count - LANES; i += LANES) {
            largest = largest.max(FloatVector.fromArray(FLOATS, source, from + i).reinterpretAsInts().and(0x7fffffff));
        }
        int best = largest.reduceLanes(VectorOperators.MAX);
        return Float.intBitsToFloat(Math.max(best, Float.floatToRawIntBits(plain.largest(source, from + i, count - i))));
    }
}
