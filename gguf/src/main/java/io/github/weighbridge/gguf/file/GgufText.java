package io.github.weighbridge.gguf.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Text;
import java.io.IOException;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/// A string value. Short ones are kept; those longer than [#KEPT_BYTES], such as chat templates, stay in the file and are read on demand.
///
/// Safe for use by many threads. Reading a string that lies in a file needs the file's source to be open.
public final class GgufText implements GgufValue {
    /// Longest string that is kept in memory, in bytes of UTF-8.
    public static final int KEPT_BYTES = 4096;

    private final @Nullable String kept;
    private final ByteSource source;
    private final long offset;
    private final long byteLength;
    private final String name;
    private final Limits limits;

    private GgufText(@Nullable String kept, ByteSource source, long offset, long byteLength, String name, Limits limits) {
        this.kept = kept;
        this.source = source;
        this.offset = offset;
        this.byteLength = byteLength;
        this.name = name;
        this.limits = limits;
    }

    static GgufText of(String text, Limits limits) {
        byte[] bytes = Utf8.encode(text);
        return new GgufText(text, ByteSource.of("value", bytes), 0, bytes.length, "value", limits);
    }

    static GgufText kept(String text, ByteSource source, long offset, long byteLength, String name, Limits limits) {
        return new GgufText(text, source, offset, byteLength, name, limits);
    }

    static GgufText inFile(ByteSource source, long offset, long byteLength, String name, Limits limits) {
        return new GgufText(null, source, offset, byteLength, name, limits);
    }

    @Override
    public GgufValueType type() {
        return GgufValueType.STRING;
    }

    /// Bytes of UTF-8, without the length before them.
    public long byteLength() {
        return byteLength;
    }

    /// Where the first byte of the text lies in the file; 0 for a string that was not read from one.
    public long offset() {
        return offset;
    }

    /// Whether [#text] reads the file.
    public boolean isInFile() {
        return kept == null;
    }

    /// The string.
    ///
    /// @throws CheckpointFormatException when it is no UTF-8, or longer than [Limits#textBytes]
    /// @throws IOException when the file cannot be read
    public String text() throws IOException {
        if (kept != null) {
            return kept;
        }
        if (byteLength > limits.textBytes()) {
            throw CheckpointFormatException.limit(source.name(), offset, "key " + name + ": value", "a string of " + byteLength + " bytes",
                    "at most " + limits.textBytes() + " (Limits.textBytes)");
        }
        HeaderScanner scanner = new HeaderScanner(source, offset, offset + byteLength, ByteOrder.LITTLE_ENDIAN, Long.MAX_VALUE);
        scanner.subject("key", name);
        return scanner.text((int) byteLength, "value");
    }

    void writeTo(HeaderEncoder out) throws IOException {
        out.i64(byteLength);
        out.copy(source, offset, byteLength);
    }

    /// The string, cut when long, or its length when it lies in a file.
    @Override
    public String toString() {
        return kept == null ? "string of " + byteLength + " bytes" : Text.printable(kept);
    }
}
