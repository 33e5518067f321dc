package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What `general.file_type` says and llama-quantize takes as a type: a name, its id, and the type that most matrices get.
///
/// Ids as in llama.cpp v0.5.0 `include/llama.h`; they differ from the ids of tensor types.
public enum GgufFileType {
    /// File type 0.
    F32(0, GgmlType.F32),
    /// File type 1.
    F16(1, GgmlType.F16),
    /// File type 2.
    Q4_0(2, GgmlType.Q4_0),
    /// File type 3.
    Q4_1(3, GgmlType.Q4_1),
    /// File type 7.
    Q8_0(7, GgmlType.Q8_0),
    /// File type 8.
    Q5_0(8, GgmlType.Q5_0),
    /// File type 9.
    Q5_1(9, GgmlType.Q5_1),
    /// File type 10.
    Q2_K(10, GgmlType.Q2_K),
    /// File type 11.
    Q3_K_S(11, GgmlType.Q3_K),
    /// File type 12.
    Q3_K_M(12, GgmlType.Q3_K),
    /// File type 13.
    Q3_K_L(13, GgmlType.Q3_K),
    /// File type 14.
    Q4_K_S(14, GgmlType.Q4_K),
    /// File type 15.
    Q4_K_M(15, GgmlType.Q4_K),
    /// File type 16.
    Q5_K_S(16, GgmlType.Q5_K),
    /// File type 17.
    Q5_K_M(17, GgmlType.Q5_K),
    /// File type 18.
    Q6_K(18, GgmlType.Q6_K),
    /// File type 19.
    IQ2_XXS(19, GgmlType.IQ2_XXS),
    /// File type 20.
    IQ2_XS(20, GgmlType.IQ2_XS),
    /// File type 21.
    Q2_K_S(21, GgmlType.Q2_K),
    /// File type 22.
    IQ3_XS(22, GgmlType.IQ3_S),
    /// File type 23.
    IQ3_XXS(23, GgmlType.IQ3_XXS),
    /// File type 24.
    IQ1_S(24, GgmlType.IQ1_S),
    /// File type 25.
    IQ4_NL(25, GgmlType.IQ4_NL),
    /// File type 26.
    IQ3_S(26, GgmlType.IQ3_S),
    /// File type 27.
    IQ3_M(27, GgmlType.IQ3_S),
    /// File type 28.
    IQ2_S(28, GgmlType.IQ2_XS),
    /// File type 29.
    IQ2_M(29, GgmlType.IQ2_S),
    /// File type 30.
    IQ4_XS(30, GgmlType.IQ4_XS),
    /// File type 31.
    IQ1_M(31, GgmlType.IQ1_M),
    /// File type 32.
    BF16(32, GgmlType.BF16),
    /// File type 36.
    TQ1_0(36, GgmlType.TQ1_0),
    /// File type 37.
    TQ2_0(37, GgmlType.TQ2_0),
    /// File type 38.
    MXFP4_MOE(38, GgmlType.MXFP4),
    /// File type 40.
    Q1_0(40, GgmlType.Q1_0),
    /// File type 41.
    Q2_0(41, GgmlType.Q2_0);

    private final int id;
    private final GgmlType type;

    GgufFileType(int id, GgmlType type) {
        this.id = id;
        this.type = type;
    }

    /// The number in the file.
    public int id() {
        return id;
    }

    /// The type that most matrices get.
    public GgmlType type() {
        return type;
    }

    /// Whether its matrices stay plain numbers.
    boolean dense() {
        return this == F32 || this == F16 || this == BF16;
    }

    /// The types that can be written without an importance matrix.
    static List<String> names() {
        return Arrays.stream(values()).filter(candidate -> GgmlEncodings.of(candidate.type).encoder(EncoderInputs.PLAIN).isPresent())
                .map(Enum::name)
                .toList();
    }

    /// The file type of a name, upper or lower case; `Q3_K`, `Q4_K` and `Q5_K` mean their `_M` forms, as in llama-quantize.
    public static Optional<GgufFileType> named(String name) {
        String full = switch (name.toUpperCase(Locale.ROOT)) {
            case "Q3_K" -> "Q3_K_M";
            case "Q4_K" -> "Q4_K_M";
            case "Q5_K" -> "Q5_K_M";
            default -> name;
        };
        return Arrays.stream(values()).filter(candidate -> candidate.name().equalsIgnoreCase(full)).findFirst();
    }

    /// The file type that describes a file most of whose parameters have a tensor type: the first of those with that default.
    static Optional<GgufFileType> mostly(GgmlType type) {
        return Arrays.stream(values()).filter(candidate -> candidate.type == type).findFirst();
    }
}
