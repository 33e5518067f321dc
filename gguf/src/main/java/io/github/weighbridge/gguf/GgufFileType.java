package io.github.weighbridge.gguf;

import io.github.weighbridge.gguf.file.GgmlType;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// What `general.file_type` says and llama-quantize takes as a type: a name, its id, and the type that most matrices get.
///
/// Ids as in llama.cpp v0.5.0 `include/llama.h`; they differ from the ids of tensor types.
enum GgufFileType {
    F32(0, GgmlType.F32),
    F16(1, GgmlType.F16),
    Q4_0(2, GgmlType.Q4_0),
    Q8_0(7, GgmlType.Q8_0),
    BF16(32, GgmlType.BF16);

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

    static List<String> names() {
        return Arrays.stream(values()).map(Enum::name).toList();
    }

    static Optional<GgufFileType> named(String name) {
        return Arrays.stream(values()).filter(candidate -> candidate.name().equalsIgnoreCase(name)).findFirst();
    }

    /// The file type that describes a file most of whose parameters have a tensor type.
    static Optional<GgufFileType> mostly(GgmlType type) {
        return Arrays.stream(values()).filter(candidate -> candidate.type == type).findFirst();
    }
}
