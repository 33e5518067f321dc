package io.github.weighbridge.plan;

import io.github.weighbridge.io.Sha256;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HexFormat;

/// Bytes that a plan has rendered: a header, a configuration, a tokenizer. Immutable; equal when the bytes are.
public final class Blob {
    private final byte[] bytes;

    private Blob(byte[] bytes) {
        this.bytes = bytes;
    }

    /// Bytes; the array is not copied and must not change.
    public static Blob of(byte[] bytes) {
        return new Blob(bytes);
    }

    /// Number of bytes.
    public int length() {
        return bytes.length;
    }

    /// The bytes, read-only.
    public MemorySegment segment() {
        return MemorySegment.ofArray(bytes).asReadOnly();
    }

    /// SHA-256 in hexadecimal.
    public String sha256() {
        return HexFormat.of().formatHex(Sha256.digest().digest(bytes));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Blob blob && Arrays.equals(bytes, blob.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    /// Length and digest.
    @Override
    public String toString() {
        return bytes.length + " bytes, sha256 " + sha256();
    }
}
