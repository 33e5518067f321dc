package io.github.weighbridge.encoding;

import io.github.weighbridge.encoding.internal.DenseKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/// Numbers that each stand for themselves, little-endian, without padding.
///
/// F32, F16 and BF16 are also written; the others are read, and copied where the target has the same type. Rounding is to the nearest,
/// ties to even. A NaN stays a NaN: in F16 its quiet form with the sign, in BF16 its upper bits with the quiet bit set, as GGML does.
/// A finite number that F16 would make infinite is refused, as llama-quantize refuses it; infinities of the source stay.
public final class DenseEncoding extends BlockEncoding {
    /// The least number that half precision rounds to infinity.
    private static final float BEYOND_HALF = 65_520;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final Map<DenseType, DenseEncoding> ALL = new EnumMap<>(DenseType.class);

    static {
        for (DenseType type : DenseType.values()) {
            ALL.put(type, new DenseEncoding(type));
        }
    }

    /// Single precision.
    public static final DenseEncoding F32 = of(DenseType.F32);
    /// Half precision.
    public static final DenseEncoding F16 = of(DenseType.F16);
    /// The upper half of single precision.
    public static final DenseEncoding BF16 = of(DenseType.BF16);

    private final DenseType type;

    private DenseEncoding(DenseType type) {
        super(type.name(), type.bytes() * 8, 1, type.bytes());
        this.type = type;
    }

    /// The encoding of a type.
    public static DenseEncoding of(DenseType type) {
        return java.util.Objects.requireNonNull(ALL.get(type));
    }

    /// The number type.
    public DenseType type() {
        return type;
    }

    @Override
    public Optional<DenseType> dense() {
        return Optional.of(type);
    }

    @Override
    protected boolean canDecode() {
        return true;
    }

    @Override
    public void decodeBlocks(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int blocks) {
        switch (type) {
            case F32 -> DenseKernels.CHOICE.run(blocks, 1,
                    (kernels, i, n) -> kernels.decodeF32(source, sourceOffset + 4L * i, target, targetOffset + i, n));
            case F16 -> DenseKernels.CHOICE.run(blocks, 1,
                    (kernels, i, n) -> kernels.decodeF16(source, sourceOffset + 2L * i, target, targetOffset + i, n));
            case BF16 -> DenseKernels.CHOICE.run(blocks, 1,
                    (kernels, i, n) -> kernels.decodeBf16(source, sourceOffset + 2L * i, target, targetOffset + i, n));
            case F64, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> {
                for (int i = 0; i < blocks; i++) {
                    target[targetOffset + i] = element(source, sourceOffset + (long) i * type.bytes());
                }
            }
        }
    }

    private float element(MemorySegment source, long offset) {
        return switch (type) {
            case F64 -> (float) source.get(DOUBLE, offset);
            case F32 -> Float.intBitsToFloat(source.get(INT, offset));
            case F16 -> Float.float16ToFloat(source.get(SHORT, offset));
            case BF16 -> Float.intBitsToFloat(source.get(SHORT, offset) << 16);
            case F8_E4M3 -> SmallFloats.e4m3(source.get(ValueLayout.JAVA_BYTE, offset));
            case F8_E5M2 -> SmallFloats.e5m2(source.get(ValueLayout.JAVA_BYTE, offset));
            case F8_E8M0 -> SmallFloats.e8m0(source.get(ValueLayout.JAVA_BYTE, offset));
            case I64 -> (float) source.get(LONG, offset);
            case I32 -> (float) source.get(INT, offset);
            case I16 -> source.get(SHORT, offset);
            case I8 -> source.get(ValueLayout.JAVA_BYTE, offset);
            case U64 -> unsigned(source.get(LONG, offset));
            case U32 -> (float) Integer.toUnsignedLong(source.get(INT, offset));
            case U16 -> Short.toUnsignedInt(source.get(SHORT, offset));
            case U8 -> Byte.toUnsignedInt(source.get(ValueLayout.JAVA_BYTE, offset));
            case BOOL -> source.get(ValueLayout.JAVA_BYTE, offset) == 0 ? 0 : 1;
        };
    }

    private static void checkHalf(float[] source, int offset, int count) {
        int greatest = 0;
        // Magnitudes have the order of their bits, infinity and NaN above all numbers.
        for (int i = offset; i < offset + count; i++) {
            greatest = Math.max(greatest, Float.floatToRawIntBits(source[i]) & 0x7fff_ffff);
        }
        if (greatest >= Float.floatToRawIntBits(BEYOND_HALF)) {
            for (int i = offset; i < offset + count; i++) {
                if (Math.abs(source[i]) >= BEYOND_HALF && Math.abs(source[i]) <= Float.MAX_VALUE) {
                    throw new ArithmeticException(
                            "a number of " + source[i] + " passes 65504, the largest finite one of half precision");
                }
            }
        }
    }

    private static float unsigned(long bits) {
        // The lowest bit is kept sticky so that halving does not change the rounding.
        return bits >= 0 ? (float) bits : (float) (bits >>> 1 | bits & 1) * 2;
    }

    @Override
    protected Optional<BlockEncoder> blockEncoder(EncoderInputs inputs) {
        return switch (type) {
            case F32 -> Optional.of((s, so, t, to, count, _, _) -> DenseKernels.CHOICE.run(count, 1,
                    (kernels, i, n) -> kernels.encodeF32(s, so + i, t, to + 4L * i, n)));
            case F16 -> Optional.of((s, so, t, to, count, _, _) -> {
                checkHalf(s, so, count);
                DenseKernels.CHOICE.run(count, 1, (kernels, i, n) -> kernels.encodeF16(s, so + i, t, to + 2L * i, n));
            });
            case BF16 -> Optional.of((s, so, t, to, count, _, _) -> DenseKernels.CHOICE.run(count, 1,
                    (kernels, i, n) -> kernels.encodeBf16(s, so + i, t, to + 2L * i, n)));
            case F64, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> Optional.empty();
        };
    }
}
