package io.github.weighbridge.convert;

import io.github.weighbridge.plan.Checksum;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Piece;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;

/// Writes the sums of a plan, when all else is written. The bytes are read back from the files, as tasks finish in any order.
final class Sums {
    private static final int PIECE = 1 << 20;

    private Sums() {}

    private record Range(Checksum sum, long begin, long end) {}

    static void write(ConversionPlan plan, List<FileChannel> channels, EngineOptions options) throws IOException {
        for (int file = 0; file < channels.size(); file++) {
            Map<Range, byte[]> known = new HashMap<>();
            for (Piece piece : plan.files().get(file).pieces()) {
                if (piece instanceof Piece.Late(long offset, Checksum sum, long begin, long end)) {
                    Range range = new Range(sum, begin, end);
                    byte[] bytes = known.get(range);
                    if (bytes == null) {
                        bytes = sum(range, channels.get(file), options);
                        known.put(range, bytes);
                    }
                    ByteBuffer buffer = ByteBuffer.wrap(bytes);
                    while (buffer.hasRemaining()) {
                        channels.get(file).write(buffer, offset + buffer.position());
                    }
                    options.progress().accept(bytes.length);
                }
            }
        }
    }

    private static byte[] sum(Range range, FileChannel channel, EngineOptions options) throws IOException {
        CRC32 crc = new CRC32();
        ByteBuffer buffer = ByteBuffer.allocateDirect((int) Math.min(PIECE, Math.max(1, range.end() - range.begin())));
        for (long at = range.begin(); at < range.end();) {
            if (options.cancelled().getAsBoolean()) {
                throw new IOException("cancelled");
            }
            buffer.clear().limit((int) Math.min(buffer.capacity(), range.end() - at));
            int count = channel.read(buffer, at);
            if (count < 0) {
                throw new EOFException("a file ended at byte " + at + " while it was written");
            }
            crc.update(buffer.flip());
            at += count;
        }
        return switch (range.sum()) {
            case CRC32 -> ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) crc.getValue()).array();
        };
    }
}
