package io.github.weighbridge.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.URI;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;

/// A file of a web server, read by ranges. Small reads go through a cache of blocks, of which more are fetched at once the longer reading goes
/// straight on; large ones go to the server as they are. Closing does nothing: the connections belong to all files of the tree.
final class HttpByteSource implements ByteSource {
    /// What the cache is made of.
    static final int BLOCK = 1 << 14;
    /// Longest run of blocks that is fetched at once: what may be read in vain.
    private static final int LONGEST_RUN = 32;
    /// Reads from this size on pass the cache by.
    private static final long DIRECT = 1L << 19;

    private final HttpRanges ranges;
    private final HttpRanges.Remote remote;
    private final ReentrantLock reading = new ReentrantLock();
    private long next;
    private int run = 1;

    private HttpByteSource(HttpRanges ranges, HttpRanges.Remote remote) {
        this.ranges = ranges;
        this.remote = remote;
    }

    /// Asks for the first bytes of a file, and so for its length.
    static HttpByteSource open(HttpRanges ranges, URI address, String name) throws IOException {
        return new HttpByteSource(ranges, ranges.open(address, name));
    }

    @Override
    public String name() {
        return remote.name();
    }

    @Override
    public long length() {
        return remote.length();
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        long size = target.byteSize();
        Objects.checkFromIndexSize(offset, size, length());
        if (remote.whole() != null) {
            MemorySegment.copy(MemorySegment.ofArray(remote.whole()), offset, target, 0, size);
            return;
        }
        if (size >= DIRECT) {
            ranges.read(remote, offset, target);
            return;
        }
        reading.lock();
        try {
            long done = 0;
            while (done < size) {
                long at = offset + done;
                byte[] block = block(at / BLOCK, (offset + size - 1) / BLOCK);
                int from = (int) (at % BLOCK);
                long count = Math.min(block.length - from, size - done);
                MemorySegment.copy(MemorySegment.ofArray(block), from, target, done, count);
                done += count;
            }
        } finally {
            reading.unlock();
        }
    }

    private byte[] block(long number, long last) throws IOException {
        byte[] cached = ranges.cached(remote, number);
        if (cached != null) {
            return cached;
        }
        run = number == next ? Math.min(run * 2, LONGEST_RUN) : 1;
        long end = Math.max(number + run, last + 1);
        for (long ahead = number + 1; ahead < end; ahead++) {
            if (ranges.cached(remote, ahead) != null) {
                end = ahead;
            }
        }
        next = end;
        long begin = number * BLOCK;
        byte[] bytes = new byte[(int) (Math.min(end * BLOCK, length()) - begin)];
        ranges.read(remote, begin, MemorySegment.ofArray(bytes));
        return ranges.cache(remote, number, bytes);
    }

    @Override
    public void verifyUnchanged() throws IOException {
        if (remote.whole() == null && length() > 0) {
            ranges.read(remote, 0, MemorySegment.ofArray(new byte[1]));
        }
    }

    @Override
    public void close() {}

    @Override
    public String toString() {
        return name();
    }
}
