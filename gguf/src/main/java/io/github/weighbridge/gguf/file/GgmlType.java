package io.github.weighbridge.gguf.file;

import io.github.weighbridge.encoding.Shape;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The types a tensor may have in a GGUF file, as ggml counts them (`ggml.h` and `ggml-common.h` of llama.cpp v0.5.0).
///
/// A row is a run of blocks; each block holds [#blockElements] elements in [#blockBytes] bytes, so a row's length must be a multiple of the
/// former. Plain types have blocks of one element. The constants bear the names used in file types and reports (`Q4_K`); ggml's own tools
/// print [another spelling][#toolName].
public enum GgmlType {
    /// IEEE single precision.
    F32(0, 1, 4),
    /// IEEE half precision.
    F16(1, 1, 2),
    /// 4 bits, scale per 32.
    Q4_0(2, 32, 18),
    /// 4 bits, scale and minimum per 32.
    Q4_1(3, 32, 20),
    /// 5 bits, scale per 32.
    Q5_0(6, 32, 22),
    /// 5 bits, scale and minimum per 32.
    Q5_1(7, 32, 24),
    /// 8 bits, scale per 32.
    Q8_0(8, 32, 34),
    /// 8 bits, scale and sum per 32: what ggml makes of activations.
    Q8_1(9, 32, 36),
    /// 2 bits, super-blocks of 256.
    Q2_K(10, 256, 84),
    /// 3 bits, super-blocks of 256.
    Q3_K(11, 256, 110),
    /// 4 bits, super-blocks of 256.
    Q4_K(12, 256, 144),
    /// 5 bits, super-blocks of 256.
    Q5_K(13, 256, 176),
    /// 6 bits, super-blocks of 256.
    Q6_K(14, 256, 210),
    /// 8 bits, super-blocks of 256: what ggml makes of activations.
    Q8_K(15, 256, 292),
    /// 2.06 bits by lattice.
    IQ2_XXS(16, 256, 66),
    /// 2.31 bits by lattice.
    IQ2_XS(17, 256, 74),
    /// 3.06 bits by lattice.
    IQ3_XXS(18, 256, 98),
    /// 1.56 bits by lattice.
    IQ1_S(19, 256, 50),
    /// 4 bits into a table of 16 levels, scale per 32.
    IQ4_NL(20, 32, 18),
    /// 3.44 bits by lattice.
    IQ3_S(21, 256, 110),
    /// 2.56 bits by lattice.
    IQ2_S(22, 256, 82),
    /// 4 bits into a table of 16 levels, super-blocks of 256.
    IQ4_XS(23, 256, 136),
    /// Signed 8-bit integers.
    I8(24, 1, 1),
    /// Signed 16-bit integers.
    I16(25, 1, 2),
    /// Signed 32-bit integers.
    I32(26, 1, 4),
    /// Signed 64-bit integers.
    I64(27, 1, 8),
    /// IEEE double precision.
    F64(28, 1, 8),
    /// 1.75 bits by lattice.
    IQ1_M(29, 256, 56),
    /// The upper half of IEEE single precision.
    BF16(30, 1, 2),
    /// Ternary, five to a byte, scale per 256.
    TQ1_0(34, 256, 54),
    /// Ternary, two bits each, scale per 256.
    TQ2_0(35, 256, 66),
    /// E2M1 codes, E8M0 scale per 32.
    MXFP4(39, 32, 17),
    /// E2M1 codes, E4M3 scale per 16, four groups to a block.
    NVFP4(40, 64, 36),
    /// One bit, scale per 128.
    Q1_0(41, 128, 18),
    /// 2 bits, scale per 64.
    Q2_0(42, 64, 18);

    /// One more than the largest id that this list knows, removed ones included.
    public static final int ID_COUNT = 43;

    private static final Map<Integer, String> REMOVED =
            new TreeMap<>(Map.of(4, "Q4_2", 5, "Q4_3", 31, "Q4_0_4_4", 32, "Q4_0_4_8", 33, "Q4_0_8_8",
                    36, "IQ4_NL_4_4", 37, "IQ4_NL_4_8", 38, "IQ4_NL_8_8"));
    private static final Map<Integer, GgmlType> BY_ID =
            Stream.of(values()).collect(Collectors.toUnmodifiableMap(GgmlType::id, type -> type));

    private final int id;
    private final int blockElements;
    private final int blockBytes;

    GgmlType(int id, int blockElements, int blockBytes) {
        this.id = id;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    /// The number that stands for the type in a file.
    public int id() {
        return id;
    }

    /// The spelling of ggml's own tools: lower case with a capital K, as `q4_K`.
    public String toolName() {
        String lower = name().toLowerCase(Locale.ROOT);
        return lower.endsWith("_k") ? lower.substring(0, lower.length() - 1) + "K" : lower;
    }

    /// Elements in a block; 1 for plain types.
    public int blockElements() {
        return blockElements;
    }

    /// Bytes of a block.
    public int blockBytes() {
        return blockBytes;
    }

    /// Whether ggml has the type only for values in flight. Files may hold it by the grammar, but no tool writes it.
    public boolean runtimeOnly() {
        return this == Q8_1 || this == Q8_K;
    }

    /// Bits an element takes, scales included.
    public double bitsPerElement() {
        return blockBytes * 8.0 / blockElements;
    }

    /// Bytes of a row.
    ///
    /// @throws IllegalArgumentException when the length is no multiple of the block
    /// @throws ArithmeticException when the bytes pass 2^63 - 1
    public long rowBytes(long columns) {
        if (columns % blockElements != 0) {
            throw new IllegalArgumentException("a row of " + columns + " is no multiple of " + blockElements + ", the block of " + name());
        }
        return Math.multiplyExact(columns / blockElements, (long) blockBytes);
    }

    /// Bytes of a tensor, padding apart.
    ///
    /// @throws IllegalArgumentException when its rows are no multiple of the block
    /// @throws ArithmeticException when the bytes pass 2^63 - 1
    public long byteLength(Shape shape) {
        return Math.multiplyExact(shape.rows(), rowBytes(shape.columns()));
    }

    /// The type with an id; empty for ids that are unknown or removed.
    public static Optional<GgmlType> ofId(int id) {
        return Optional.ofNullable(BY_ID.get(id));
    }

    /// The name an id had before ggml took the type out; empty for ids that are in use or were never known.
    public static Optional<String> removedName(int id) {
        return Optional.ofNullable(REMOVED.get(id));
    }

    /// The id of a type that ggml has taken out, by its name in any case.
    public static OptionalInt removedId(String name) {
        return REMOVED.entrySet().stream().filter(e -> e.getValue().equalsIgnoreCase(name)).mapToInt(Map.Entry::getKey).findFirst();
    }

    /// The type with a name, in any case; empty for names that are unknown or removed.
    public static Optional<GgmlType> ofName(String name) {
        for (GgmlType type : values()) {
            if (type.name().equalsIgnoreCase(name)) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }
}
