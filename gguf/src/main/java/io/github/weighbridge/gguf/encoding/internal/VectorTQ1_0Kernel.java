package io.github.weighbridge.gguf.encoding.internal;

/// The vectorised form of [TQ1_0Kernel].
final class VectorTQ1_0Kernel extends TQ1_0Kernel {
    @Override
    float round(float[] source, int from, byte[] codes) {
        return VectorBlocks.ternary(source, from, codes);
    }
}
