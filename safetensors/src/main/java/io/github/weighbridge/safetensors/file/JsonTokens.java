package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Supplier;

/// Reads JSON (RFC 8259) from front to back, token by token, from a range of a source. Not safe for use by several threads.
///
/// Headers need what a general parser does not give all at once: the exact byte of every token in the file, UTF-8 and nothing else
/// down to the last overlong sequence, numbers that are whole or refused, and memory for one window and one string only.
final class JsonTokens {
    private static final int WINDOW = 1 << 16;
    /// Longest number that is quoted in a message as it stands.
    private static final int MAX_NUMBER = 64;

    private final ByteSource source;
    private final long end;
    private final String endName;
    private final Limits limits;
    private final Supplier<String> field;
    private final byte[] window;
    private final MemorySegment windowSegment;
    private long windowBegin;
    private int next;
    private int filled;
    private byte[] scratch = new byte[256];
    private int scratchLength;
    private boolean ascii;
    private long tokenBegin;

    /// @param endName what ends at `end`, for messages: the header, the file
    /// @param field names what is being read, for messages
    JsonTokens(ByteSource source, long begin, long end, String endName, Limits limits, Supplier<String> field) {
        Objects.checkFromToIndex(begin, end, source.length());
        this.source = source;
        this.end = end;
        this.endName = endName;
        this.limits = limits;
        this.field = field;
        this.window = new byte[(int) Math.min(WINDOW, end - begin)];
        this.windowSegment = MemorySegment.ofArray(window);
        this.windowBegin = begin;
    }

    /// File offset of the next byte.
    long position() {
        return windowBegin + next;
    }

    /// File offset of the first byte of the last string or number.
    long tokenBegin() {
        return tokenBegin;
    }

    private boolean fill() throws IOException {
        long position = position();
        int length = (int) Math.min(window.length, end - position);
        if (length == 0) {
            return false;
        }
        source.read(position, windowSegment.asSlice(0, length));
        windowBegin = position;
        next = 0;
        filled = length;
        return true;
    }

    /// The next byte as it stands, 0 to 255, or -1 at the end.
    private int look() throws IOException {
        return next < filled || fill() ? Byte.toUnsignedInt(window[next]) : -1;
    }

    private int take() throws IOException {
        int c = look();
        if (c >= 0) {
            next++;
        }
        return c;
    }

    /// Passes over white space; the byte after it, 0 to 255, or -1 at the end.
    int peek() throws IOException {
        while (true) {
            int c = look();
            if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
                return c;
            }
            next++;
        }
    }

    /// Takes a mark if it comes next.
    boolean tryTake(char mark) throws IOException {
        if (peek() != mark) {
            return false;
        }
        next++;
        return true;
    }

    /// Takes a mark that must come next.
    void take(char mark, String expected) throws IOException {
        if (!tryTake(mark)) {
            throw unexpected(expected);
        }
    }

    /// After a member of an object or list: takes the comma (true) or the closing mark (false).
    boolean more(char close) throws IOException {
        if (tryTake(',')) {
            return true;
        }
        take(close, "',' or '" + close + "'");
        return false;
    }

    /// A name in an object and its colon. Its begin is [#tokenBegin].
    String name(String expected) throws IOException {
        String name = string(limits.nameBytes(), "Limits.nameBytes", expected);
        take(':', "':'");
        return name;
    }

    /// The exception for what comes next.
    CheckpointFormatException unexpected(String expected) throws IOException {
        int c = peek();
        return malformed(position(), describe(c), expected);
    }

    CheckpointFormatException malformed(long position, String found, String expected) {
        return CheckpointFormatException.malformed(source.name(), position, field.get(), found, expected);
    }

    private CheckpointFormatException limit(long position, String found, String expected) {
        return CheckpointFormatException.limit(source.name(), position, field.get(), found, expected);
    }

    private String describe(int c) {
        return switch (c) {
            case -1 -> "the end of the " + endName;
            case '"' -> "a string";
            case '{' -> "an object";
            case '[' -> "a list";
            case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> "a number";
            default -> c > ' ' && c < 0x7f ? "'" + (char) c + "'" : hex(c);
        };
    }

    private static String hex(int c) {
        return String.format(Locale.ROOT, "byte 0x%02x", c);
    }

    /// A string of at most `limit` bytes of UTF-8.
    ///
    /// @param limitName the setting that raises the limit
    String string(long limit, String limitName, String expected) throws IOException {
        if (peek() != '"') {
            throw unexpected(expected);
        }
        tokenBegin = position();
        next++;
        // nearly all strings are ASCII without escapes and lie within the window
        int begin = next;
        int at = begin;
        while (at < filled && window[at] >= ' ' && window[at] != '"' && window[at] != '\\') {
            at++;
        }
        if (at < filled && window[at] == '"' && at - begin <= limit) {
            next = at + 1;
            ascii = true;
            return new String(window, begin, at - begin, StandardCharsets.ISO_8859_1);
        }
        return longString(limit, limitName);
    }

    /// Bytes that the last string takes in memory, about.
    long memory(String text) {
        return Budget.STRING_BYTES + (ascii ? text.length() : 2L * text.length());
    }

    private String longString(long limit, String limitName) throws IOException {
        scratchLength = 0;
        ascii = true;
        while (true) {
            long position = position();
            int c = take();
            if (c == '"') {
                break;
            } else if (c == '\\') {
                escape(position);
            } else if (c >= 0x80) {
                sequence(c, position);
            } else if (c >= ' ') {
                append(c);
            } else if (c < 0) {
                throw malformed(position, "the end of the " + endName, "the rest of a string");
            } else {
                throw malformed(position, hex(c) + " in a string", "an escape in its place");
            }
            if (scratchLength > limit) {
                throw limit(tokenBegin, "a string of more than " + limit + " bytes", "at most " + limit + " bytes (" + limitName + ")");
            }
        }
        String text = new String(scratch, 0, scratchLength, ascii ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8);
        if (scratch.length > WINDOW) {
            scratch = new byte[256];
        }
        return text;
    }

    private void append(int b) {
        if (scratchLength == scratch.length) {
            scratch = Arrays.copyOf(scratch, scratchLength + (scratchLength >> 1));
        }
        scratch[scratchLength++] = (byte) b;
    }

    private void appendPoint(int point) {
        if (point < 0x80) {
            append(point);
            return;
        }
        ascii = false;
        if (point < 0x800) {
            append(0xc0 | point >> 6);
        } else {
            if (point < 0x10000) {
                append(0xe0 | point >> 12);
            } else {
                append(0xf0 | point >> 18);
                append(0x80 | (point >> 12 & 0x3f));
            }
            append(0x80 | (point >> 6 & 0x3f));
        }
        append(0x80 | (point & 0x3f));
    }

    /// Takes the rest of a UTF-8 sequence; the table is that of the Unicode standard (table 3-7), which leaves no room for overlong
    /// forms, surrogates or numbers beyond U+10FFFF.
    private void sequence(int first, long position) throws IOException {
        int rest = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0;
        int low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        int high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (rest == 0) {
            throw malformed(position, hex(first) + " in a string", "UTF-8 text");
        }
        ascii = false;
        append(first);
        for (int i = 0; i < rest; i++) {
            int c = take();
            if (c < low || c > high) {
                throw malformed(position, hex(first) + " in a string without the bytes that belong to it", "UTF-8 text");
            }
            append(c);
            low = 0x80;
            high = 0xbf;
        }
    }

    private void escape(long position) throws IOException {
        int c = take();
        switch (c) {
            case '"', '\\', '/' -> append(c);
            case 'b' -> append('\b');
            case 'f' -> append('\f');
            case 'n' -> append('\n');
            case 'r' -> append('\r');
            case 't' -> append('\t');
            case 'u' -> {
                int unit = unit(position);
                if (Character.isHighSurrogate((char) unit)) {
                    int low = take() == '\\' && take() == 'u' ? unit(position) : 0;
                    if (!Character.isLowSurrogate((char) low)) {
                        throw malformed(position, "an escape of half a surrogate pair", "both halves");
                    }
                    appendPoint(Character.toCodePoint((char) unit, (char) low));
                } else if (Character.isLowSurrogate((char) unit)) {
                    throw malformed(position, "an escape of half a surrogate pair", "both halves");
                } else {
                    appendPoint(unit);
                }
            }
            default -> throw malformed(position, "an unknown escape", "one of the escapes of JSON");
        }
    }

    private int unit(long position) throws IOException {
        int unit = 0;
        for (int i = 0; i < 4; i++) {
            int digit = Character.digit(take(), 16);
            if (digit < 0) {
                throw malformed(position, "an unknown escape", "four hexadecimal digits after \\u");
            }
            unit = unit << 4 | digit;
        }
        return unit;
    }

    /// A number as it is written. Its begin is [#tokenBegin].
    String number(String expected) throws IOException {
        int first = peek();
        if (first != '-' && (first < '0' || first > '9')) {
            throw unexpected(expected);
        }
        tokenBegin = position();
        StringBuilder text = new StringBuilder();
        while (isPartOfNumber(look())) {
            if (text.length() == MAX_NUMBER) {
                throw malformed(tokenBegin, text + "...", expected);
            }
            text.append((char) take());
        }
        if (!isNumber(text)) {
            throw malformed(tokenBegin, text.toString(), "a number as JSON writes it");
        }
        return text.toString();
    }

    private static boolean isPartOfNumber(int c) {
        return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
    }

    private static boolean isNumber(CharSequence text) {
        int at = text.charAt(0) == '-' ? 1 : 0;
        int whole = digits(text, at);
        if (whole == at || (text.charAt(at) == '0' && whole > at + 1)) {
            return false;
        }
        at = whole;
        if (at < text.length() && text.charAt(at) == '.') {
            int fraction = digits(text, at + 1);
            if (fraction == at + 1) {
                return false;
            }
            at = fraction;
        }
        if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
            at++;
            at += at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-') ? 1 : 0;
            int exponent = digits(text, at);
            if (exponent == at) {
                return false;
            }
            at = exponent;
        }
        return at == text.length();
    }

    private static int digits(CharSequence text, int from) {
        int at = from;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            at++;
        }
        return at;
    }

    /// A number without sign, fraction and exponent, below 2^63. Its begin is [#tokenBegin].
    long whole(String expected) throws IOException {
        int first = peek();
        // the usual case: all digits in the window
        if (first >= '1' && first <= '9') {
            long value = 0;
            int at = next;
            while (at < filled && at - next < 18 && window[at] >= '0' && window[at] <= '9') {
                value = value * 10 + (window[at++] - '0');
            }
            if (at < filled && !isPartOfNumber(window[at])) {
                tokenBegin = position();
                next = at;
                return value;
            }
        }
        String text = number(expected);
        try {
            // a sign makes even zero no unsigned integer, as in the reference
            if (digits(text, 0) == text.length()) {
                return Long.parseLong(text);
            }
        } catch (NumberFormatException _) {
            // 2^63 or more
        }
        throw malformed(tokenBegin, text, expected);
    }

    /// Passes over a value of any kind.
    void skipValue() throws IOException {
        skipValue(1);
    }

    private void skipValue(int depth) throws IOException {
        int c = peek();
        if (depth > limits.depth()) {
            throw limit(position(), "nesting deeper than " + limits.depth(), "at most " + limits.depth() + " levels (Limits.depth)");
        }
        switch (c) {
            case '"' -> string(limits.textBytes(), "Limits.textBytes", "a string");
            case '{' -> {
                next++;
                if (!tryTake('}')) {
                    do {
                        name("a name");
                        skipValue(depth + 1);
                    } while (more('}'));
                }
            }
            case '[' -> {
                next++;
                if (!tryTake(']')) {
                    do {
                        skipValue(depth + 1);
                    } while (more(']'));
                }
            }
            case 't' -> word("true");
            case 'f' -> word("false");
            case 'n' -> word("null");
            default -> number("a value");
        }
    }

    private void word(String word) throws IOException {
        long begin = position();
        for (int i = 0; i < word.length(); i++) {
            if (take() != word.charAt(i)) {
                throw malformed(begin, "an unknown word", "true, false or null");
            }
        }
    }

    /// Demands that nothing but white space is left.
    void finish() throws IOException {
        if (peek() >= 0) {
            throw unexpected("nothing but spaces after the object");
        }
    }
}
