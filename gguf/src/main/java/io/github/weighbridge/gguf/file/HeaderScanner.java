package io.github.weighbridge.gguf.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Reads a header, or an array in it, from front to back. Not safe for use by several threads.
///
/// A vocabulary is a chain of a million strings, each found only by the length of the one before: they are walked in a window of the file
/// without making objects of them. The window begins small and grows while reading goes straight on, so that a header of long values that
/// are passed over costs few reads.
final class HeaderScanner {
    /// Longest string, in bytes, and largest array, in elements, that ggml reads.
    static final long MOST = 1L << 30;

    private static final int FIRST_WINDOW = 1 << 14;
    private static final int LAST_WINDOW = 1 << 18;
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final ByteSource source;
    private final long end;
    private final long mostHeaderBytes;
    private boolean swapped;
    private byte[] window = {};
    private long windowBegin;
    private int at;
    private int filled;
    private int nextWindow = FIRST_WINDOW;
    private String subjectKind = "";
    private @Nullable String subjectName;
    private long subjectIndex;

    /// A scanner of the bytes from `begin` to `end` (exclusive), which refuses to pass byte `mostHeaderBytes`.
    HeaderScanner(ByteSource source, long begin, long end, ByteOrder order, long mostHeaderBytes) {
        Objects.checkFromToIndex(begin, end, source.length());
        this.source = source;
        this.end = end;
        this.mostHeaderBytes = mostHeaderBytes;
        this.windowBegin = begin;
        order(order);
    }

    void order(ByteOrder order) {
        swapped = order == ByteOrder.BIG_ENDIAN;
    }

    /// Names what is read from here on, for messages: `key general.name`.
    void subject(String kind, String name) {
        subjectKind = kind;
        subjectName = name;
    }

    /// Names what is read from here on, for messages, while its name is not known: `key #3`.
    void subject(String kind, long index) {
        subjectKind = kind;
        subjectName = null;
        subjectIndex = index;
    }

    /// Nothing but the field itself is named from here on.
    void noSubject() {
        subjectKind = "";
        subjectName = null;
    }

    String field(String what) {
        if (subjectKind.isEmpty()) {
            return what;
        }
        return subjectKind + " " + (subjectName == null ? "#" + subjectIndex : subjectName) + ": " + what;
    }

    CheckpointFormatException malformed(long offset, String what, Object found, String expected) {
        return CheckpointFormatException.malformed(source.name(), offset, field(what), found, expected);
    }

    CheckpointFormatException unsupported(long offset, String what, Object found, String expected) {
        return CheckpointFormatException.unsupported(source.name(), offset, field(what), found, expected);
    }

    CheckpointFormatException limit(long offset, String what, Object found, String expected) {
        return CheckpointFormatException.limit(source.name(), offset, field(what), found, expected);
    }

    long position() {
        return windowBegin + at;
    }

    long remaining() {
        return end - position();
    }

    private void need(int count, String what) throws IOException {
        if (filled - at < count) {
            refill(count, what);
        }
    }

    private void refill(int count, String what) throws IOException {
        long position = position();
        long left = end - position;
        if (count > left) {
            throw malformed(position, what, left == 0 ? "end of file" : "end of file after " + left + (left == 1 ? " byte" : " bytes"),
                    count + (count == 1 ? " byte" : " bytes"));
        }
        checkHeaderLength(position, count);
        int length = (int) Math.min(Math.max(nextWindow, count), left);
        nextWindow = Math.min(nextWindow * 4, LAST_WINDOW);
        if (window.length < length) {
            window = new byte[length];
        }
        // What is there is forgotten first: should the read fail, nothing stale is left.
        windowBegin = position;
        at = 0;
        filled = 0;
        source.read(position, MemorySegment.ofArray(window).asSlice(0, length));
        filled = length;
    }

    private void checkHeaderLength(long position, long count) throws IOException {
        if (count > mostHeaderBytes - position) {
            throw limit(position, "end of the header", "more than " + mostHeaderBytes + " bytes", "at most " + mostHeaderBytes
                    + " (Limits.headerBytes)");
        }
    }

    int u8(String what) throws IOException {
        need(1, what);
        return window[at++] & 0xFF;
    }

    short i16(String what) throws IOException {
        need(2, what);
        short value = (short) SHORT.get(window, at);
        at += 2;
        return swapped ? Short.reverseBytes(value) : value;
    }

    int i32(String what) throws IOException {
        need(4, what);
        int value = (int) INT.get(window, at);
        at += 4;
        return swapped ? Integer.reverseBytes(value) : value;
    }

    long i64(String what) throws IOException {
        need(8, what);
        long value = (long) LONG.get(window, at);
        at += 8;
        return swapped ? Long.reverseBytes(value) : value;
    }

    /// The length that stands before a string, checked against the bytes left and against what ggml reads.
    long stringLength(String what) throws IOException {
        long offset = position();
        return checkStringLength(i64(what), offset, what);
    }

    private long checkStringLength(long length, long offset, String what) throws IOException {
        if (length < 0 || length > remaining()) {
            throw malformed(offset, what, Long.toUnsignedString(length), "at most " + remaining() + " (bytes left)");
        }
        if (length > MOST) {
            throw malformed(offset, what, length, "at most " + MOST);
        }
        return length;
    }

    /// The next bytes as text. The caller has bounded the length.
    String text(int length, String what) throws IOException {
        need(length, what);
        String text = Utf8.decode(window, at, length);
        if (text == null) {
            throw malformed(position(), what, "bytes that are no UTF-8", "UTF-8 text");
        }
        at += length;
        return text;
    }

    /// Passes over bytes that are known to be there.
    void skip(long count, String what) throws IOException {
        if (count > remaining()) {
            throw malformed(position(), what, count + " bytes", "at most " + remaining() + " (bytes left)");
        }
        if (count <= filled - at) {
            at += (int) count;
            return;
        }
        checkHeaderLength(position(), count);
        windowBegin = position() + count;
        at = 0;
        filled = 0;
        nextWindow = FIRST_WINDOW;
    }

    /// Passes over a run of strings, checking the length of each.
    void skipStrings(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            if (filled - at >= 8) {
                long length = (long) LONG.get(window, at);
                length = swapped ? Long.reverseBytes(length) : length;
                if (length >= 0 && length <= filled - at - 8) {
                    at += 8 + (int) length;
                    continue;
                }
            }
            skipString(i);
        }
    }

    /// The rare string that does not end in the window.
    private void skipString(int index) throws IOException {
        if (remaining() < 8) {
            need(8, "length of element " + index);
        }
        long offset = position();
        long length = i64("length of the element");
        if (length < 0 || length > remaining() || length > MOST) {
            checkStringLength(length, offset, "length of element " + index);
        }
        if (length <= FIRST_WINDOW) {
            need((int) length, "element");
            at += (int) length;
        } else {
            skip(length, "element");
        }
    }

    /// Visits a run of strings as they lie in the window, none longer than `most` bytes.
    void visitStrings(int count, int most, GgufArray.Utf8Visitor visitor) throws IOException {
        for (int i = 0; i < count; i++) {
            if (filled - at < 8) {
                need(8, "length of element " + i);
            }
            long offset = position();
            long length = i64("length of the element");
            if (length < 0 || length > remaining() || length > MOST) {
                checkStringLength(length, offset, "length of element " + i);
            }
            if (length > most) {
                throw limit(offset, "length of element " + i, length, "at most " + most + " (Limits.textBytes)");
            }
            need((int) length, "element");
            visitor.visit(i, window, at, (int) length);
            at += (int) length;
        }
    }
}
