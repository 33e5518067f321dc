package io.github.weighbridge.family;

import java.util.List;

/// The families that come with Weighbridge.
public final class BuiltInFamilies implements FamilyProvider {
    /// For the service loader.
    public BuiltInFamilies() {}

    @Override
    public List<Family> families() {
        return List.of(new Gemma4(), new Gemma3(), new Llama(), Qwen3.dense(), Qwen3.mixture());
    }
}
