package io.github.weighbridge.family;

import io.github.weighbridge.model.Identity;
import java.util.List;

/// A tensor of a family's table, with its name and arrangement in each dialect.
///
/// @param huggingFace name in safetensors; empty where that dialect has no such tensor
/// @param gguf name in GGUF text models; empty likewise
/// @param identity what it is
/// @param presence whether it must be there
/// @param holding the weights in it, as safetensors holds them
/// @param inGguf the weights in it, as GGUF holds them
record Row(String huggingFace, String gguf, Identity identity, TensorSpec.Presence presence, Holding holding, Holding inGguf) {
    /// The rows that safetensors has.
    static List<TensorSpec> huggingFace(List<Row> rows) {
        return rows.stream().filter(row -> !row.huggingFace.isEmpty())
                .map(row -> new TensorSpec(row.huggingFace, row.identity, row.presence, row.holding)).toList();
    }

    /// The rows that GGUF has.
    static List<TensorSpec> gguf(List<Row> rows) {
        return rows.stream().filter(row -> !row.gguf.isEmpty())
                .map(row -> new TensorSpec(row.gguf, row.identity, row.presence, row.inGguf)).toList();
    }
}
