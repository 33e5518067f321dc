package io.github.weighbridge.gguf.encoding.internal;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;

/// The vectorised form of [IQ4_XSKernel]: lanes are groups in the search, elements afterwards.
final class VectorIQ4_XSKernel extends IQ4_XSKernel {
    private static final int AT_ONCE = COUNT / GROUPS;

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        Iq4Lanes lanes = new Iq4Lanes();
        for (int done = 0; done < count; done += AT_ONCE) {
            int now = Math.min(AT_ONCE, count - done);
            int from = sourceOffset + done * COLUMNS;
            Transposed.load(source, from, GROUP, now * GROUPS, lanes.x);
            lanes.search();
            for (int i = 0; i < now; i++) {
                finish(source, from + i * COLUMNS, lanes.scales, i * GROUPS, blocks, at + (done + i) * BYTES);
            }
        }
    }

    @Override
    void codes(float[] source, int from, float inverse, byte[] codes) {
        Iq4Lanes.codes(source, from, inverse, codes);
    }
}
