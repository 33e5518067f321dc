package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.safetensors.HuggingFaceFolder;
import io.github.weighbridge.safetensors.file.SafetensorsFolder.Located;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Reads many small tensors of a folder: neighbours in one go, since sources may be far away.
final class SmallTensors {
    private static final int GAP = 4096;
    private static final long MOST = 1 << 20;

    private SmallTensors() {}

    /// The bytes of entries, little-endian, by name.
    ///
    /// @param entries none longer than a million bytes
    static Map<String, ByteBuffer> read(HuggingFaceFolder folder, List<Located> entries) throws IOException {
        List<Located> sorted = new ArrayList<>(entries);
        sorted.sort(Comparator.comparingInt(Located::shard).thenComparingLong(located -> located.entry().fileOffset()));
        Map<String, ByteBuffer> found = new HashMap<>();
        for (int begin = 0; begin < sorted.size();) {
            Located first = sorted.get(begin);
            long from = first.entry().fileOffset();
            long to = from + first.entry().length();
            int end = begin + 1;
            while (end < sorted.size() && sorted.get(end).shard() == first.shard() && sorted.get(end).entry().fileOffset() - to <= GAP
                    && sorted.get(end).entry().fileOffset() + sorted.get(end).entry().length() - from <= MOST) {
                to = sorted.get(end).entry().fileOffset() + sorted.get(end).entry().length();
                end++;
            }
            byte[] bytes = folder.tensors().shards().get(first.shard()).source().readBytes(from, Math.toIntExact(to - from));
            for (Located located : sorted.subList(begin, end)) {
                int at = (int) (located.entry().fileOffset() - from);
                found.put(located.name(),
                        ByteBuffer.wrap(bytes, at, (int) located.entry().length()).slice().order(ByteOrder.LITTLE_ENDIAN));
            }
            begin = end;
        }
        return found;
    }
}
