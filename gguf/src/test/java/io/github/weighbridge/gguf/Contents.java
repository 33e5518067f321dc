package io.github.weighbridge.gguf;

import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufKey;
import io.github.weighbridge.gguf.file.GgufSet;
import io.github.weighbridge.gguf.file.GgufText;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What a file or a set of shards holds, to be compared.
///
/// @param keys values by name, in order
/// @param types types and shapes of tensors by name, in order
/// @param data bytes of tensors by name
record Contents(Map<String, Object> keys, Map<String, String> types, Map<String, byte[]> data) {
    static Contents of(Path path) throws IOException {
        try (GgufSet set = GgufSet.open(Source.of(path), Limits.DEFAULT)) {
            Map<String, Object> keys = new LinkedHashMap<>();
            for (GgufKey key : set.first().keys().values()) {
                keys.put(key.name(), content(key.value()));
            }
            Map<String, String> types = new LinkedHashMap<>();
            Map<String, byte[]> data = new LinkedHashMap<>();
            for (GgufSet.Tensor tensor : set.tensors()) {
                types.put(tensor.info().name(), tensor.info().type() + " " + tensor.info().shape());
                ByteSource bytes = set.data(tensor);
                data.put(tensor.info().name(), bytes.readBytes(0, Math.toIntExact(bytes.length())));
            }
            return new Contents(keys, types, data);
        }
    }

    private static Object content(GgufValue value) throws IOException {
        return switch (value) {
            case GgufText text -> text.text();
            case GgufArray array -> {
                ByteSource payload = array.payload();
                yield List.of(array.elementType(), array.count(), Arrays.hashCode(payload.readBytes(0, Math.toIntExact(payload.length()))));
            }
            case GgufValue.Whole _, GgufValue.F32 _, GgufValue.F64 _, GgufValue.Flag _ -> value;
        };
    }
}
