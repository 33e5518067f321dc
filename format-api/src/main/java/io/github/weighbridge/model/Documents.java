package io.github.weighbridge.model;

import io.github.weighbridge.io.ByteSource;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The documents that travel with a checkpoint, under the names Hugging Face folders give them: `config.json`, `tokenizer.json`,
/// `chat_template.jinja` and whatever else lies beside the weights. They are carried as they are and read only when asked for.
public final class Documents {
    /// No documents.
    public static final Documents NONE = new Documents(Map.of());

    private final Map<String, ByteSource> documents;

    /// Documents by name, in a fixed order.
    public Documents(Map<String, ByteSource> documents) {
        this.documents = Collections.unmodifiableMap(new LinkedHashMap<>(documents));
    }

    /// All names, in order.
    public Set<String> names() {
        return documents.keySet();
    }

    /// The document of a name.
    public Optional<ByteSource> get(String name) {
        return Optional.ofNullable(documents.get(name));
    }
}
