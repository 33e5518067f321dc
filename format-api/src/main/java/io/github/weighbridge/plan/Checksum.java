package io.github.weighbridge.plan;

/// A sum over bytes of a file that a container wants to have in the same file.
public enum Checksum {
    /// CRC-32 as zip archives have it, little-endian.
    CRC32(4);

    private final int bytes;

    Checksum(int bytes) {
        this.bytes = bytes;
    }

    /// Bytes of the sum.
    public int bytes() {
        return bytes;
    }
}
