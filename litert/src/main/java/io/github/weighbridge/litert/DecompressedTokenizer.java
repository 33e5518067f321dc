package io.github.weighbridge.litert;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.CompressedTokenizer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// The tokenizer.json of a bundle, which is taken out of its section when it is first read. Safe for use by many threads.
final class DecompressedTokenizer implements ByteSource {
    private final ByteSource bundle;
    private final BundleSection section;
    private final Limits limits;
    private final int length;
    private byte @Nullable [] bytes;

    DecompressedTokenizer(ByteSource bundle, BundleSection section, Limits limits) throws IOException {
        this.bundle = bundle;
        this.section = section;
        this.limits = limits;
        this.length = CompressedTokenizer.length(bundle, section, limits);
    }

    @Override
    public String name() {
        return bundle.name() + " (tokenizer.json)";
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        MemorySegment.copy(MemorySegment.ofArray(bytes()), offset, target, 0, target.byteSize());
    }

    private synchronized byte[] bytes() throws IOException {
        byte[] known = bytes;
        if (known == null) {
            known = CompressedTokenizer.read(bundle, section, limits);
            bytes = known;
        }
        return known;
    }

    @Override
    public void verifyUnchanged() throws IOException {
        bundle.verifyUnchanged();
    }

    /// The bundle stays open.
    @Override
    public void close() {}
}
