package io.github.weighbridge.gguf.file;

import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/// Makes an array of strings, such as a vocabulary, encoding each as it comes, so that the strings need not be held together.
/// Not safe for use by several threads.
public final class GgufArrayWriter {
    /// The longest array some virtual machines make.
    private static final int MOST_BYTES = Integer.MAX_VALUE - 8;

    private byte[] payload;
    private int length;
    private int count;

    /// A writer of an empty array.
    public GgufArrayWriter() {
        this(1 << 10);
    }

    /// A writer of an empty array.
    ///
    /// @param expectedBytes room to begin with: 8 for each string, and their UTF-8
    public GgufArrayWriter(int expectedBytes) {
        this.payload = new byte[expectedBytes];
    }

    /// Appends a string.
    ///
    /// @throws IllegalArgumentException when it has an unpaired surrogate
    /// @throws ArithmeticException when the array would pass 2 GiB
    public GgufArrayWriter add(String text) {
        byte[] bytes = Utf8.encode(text);
        return addUtf8(bytes, 0, bytes.length);
    }

    /// Appends a string given in UTF-8, which is not checked: what [GgufArray#forEachUtf8] shows can be handed on as it is.
    ///
    /// @throws IndexOutOfBoundsException when the range is not within the bytes
    /// @throws ArithmeticException when the array would pass 2 GiB
    public GgufArrayWriter addUtf8(byte[] bytes, int begin, int byteLength) {
        Objects.checkFromIndexSize(begin, byteLength, bytes.length);
        room(8L + byteLength);
        for (int b = 0; b < 4; b++) {
            payload[length + b] = (byte) (byteLength >> (8 * b));
        }
        Arrays.fill(payload, length + 4, length + 8, (byte) 0);
        System.arraycopy(bytes, begin, payload, length + 8, byteLength);
        length += 8 + byteLength;
        count++;
        return this;
    }

    private void room(long more) {
        long needed = length + more;
        if (needed > MOST_BYTES) {
            throw new ArithmeticException("an array of strings of more than " + MOST_BYTES + " bytes");
        }
        if (needed > payload.length) {
            payload = Arrays.copyOf(payload, (int) Math.min(MOST_BYTES, Math.max(needed, 2L * payload.length)));
        }
    }

    /// Number of strings so far.
    public int count() {
        return count;
    }

    /// The array of what was added so far. More may be added after; the array does not change.
    public GgufArray toArray() {
        // Bytes up to the length are never written again, so that the array and the writer may share them.
        return GgufArray.ofPayload(GgufValueType.STRING, count, payload, length, ByteOrder.LITTLE_ENDIAN);
    }
}
