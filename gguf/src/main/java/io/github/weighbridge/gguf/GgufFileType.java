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
enum GgufFileType {
    F32(0, GgmlType.F32),
    F16(1, GgmlType.F16),
    Q4_0(2, GgmlType.Q4_0),
    Q4_1(3, GgmlType.Q4_1),
    Q8_0(7, GgmlType.Q8_0),
    Q5_0(8, GgmlType.Q5_0),
    Q5_1(9, GgmlType.Q5_1),
    Q2_K(10, GgmlType.Q2_K),
    Q3_K_S(11, GgmlType.Q3_K),
    Q3_K_M(12, GgmlType.Q3_K),
    Q3_K_L(13, GgmlType.Q3_K),
    Q4_K_S(14, GgmlType.Q4_K),
    Q4_K_M(15, GgmlType.Q4_K),
    Q5_K_S(16, GgmlType.Q5_K),
    Q5_K_M(17, GgmlType.Q5_K),
    Q6_K(18, GgmlType.Q6_K),
    IQ2_XXS(19, GgmlType.IQ2_XXS),
    IQ2_XS(20, GgmlType.IQ2_XS),
    Q2_K_S(21, GgmlType.Q2_K),
    IQ3_XS(22, GgmlType.IQ3_S),
    IQ3_XXS(23, GgmlType.IQ3_XXS),
    IQ1_S(24, GgmlType.IQ1_S),
    IQ4_NL(25, GgmlType.IQ4_NL),
    IQ3_S(26, GgmlType.IQ3_S),
    IQ3_M(27, GgmlType.IQ3_S),
    IQ2_S(28, GgmlType.IQ2_XS),
    IQ2_M(29, GgmlType.IQ2_S),
    IQ4_XS(30, GgmlType.IQ4_XS),
    IQ1_M(31, GgmlType.IQ1_M),
    BF16(32, GgmlType.BF16),
    TQ1_0(36, GgmlType.TQ1_0),
    TQ2_0(37, GgmlType.TQ2_0),
    MXFP4_MOE(38, GgmlType.MXFP4),
    Q1_0(40, GgmlType.Q1_0),
    Q2_0(41, GgmlType.Q2_0);

    private final int id;
    private final GgmlType type;

    GgufFileType(int id, GgmlType type) {
        this.id = id;
        this.type = type;
    }

    /// The number in the file.
    int id() {
        return id;
    }

    /// The type that most matrices get.
    GgmlType type() {
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
    static Optional<GgufFileType> named(String name) {
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
