package io.github.weighbridge.gguf.encoding.internal;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;

/// The vectorised form of [IQ4_NLKernel]: lanes are blocks in the search, elements afterwards.
final class VectorIQ4_NLKernel extends IQ4_NLKernel {
    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        Iq4Lanes lanes = new Iq4Lanes();
        byte[] codes = new byte[COLUMNS];
        for (int done = 0; done < count; done += COUNT) {
            int now = Math.min(COUNT, count - done);
            int from = sourceOffset + done * COLUMNS;
            Transposed.load(source, from, COLUMNS, now, lanes.x);
            lanes.search();
            for (int i = 0; i < now; i++) {
                int block = at + (done + i) * BYTES;
                Bytes.putHalf(blocks, block, lanes.scales[i]);
                Iq4Lanes.codes(source, from + i * COLUMNS, Rounding.inverse(lanes.scales[i]), codes);
                Blocks.packNibbles(codes, 0, blocks, block + CODES);
            }
        }
    }
}
