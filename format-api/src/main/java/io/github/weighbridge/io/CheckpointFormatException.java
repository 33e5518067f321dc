package io.github.weighbridge.io;

import java.io.IOException;
import java.util.OptionalLong;

/// A file is not what it claims to be: the one way in which bad input ends.
///
/// The message is one sentence that begins with the file and names the byte, the field, what was found there and what would have
/// been right. Text that comes from the file is made [printable][Text#printable] first, so that the message can go to a terminal.
public final class CheckpointFormatException extends IOException {
    private static final long serialVersionUID = 1L;

    /// What kind of wrong it is.
    public enum Kind {
        /// The bytes break a rule of the format.
        MALFORMED,
        /// The bytes may be right, but this version of the format or this feature of it is not handled.
        UNSUPPORTED,
        /// The bytes may be right, but pass a [limit][Limits] set to protect the reader.
        LIMIT_EXCEEDED
    }

    private final Kind kind;
    private final String file;
    private final long offset;
    private final String field;
    private final String found;
    private final String expected;

    private CheckpointFormatException(Kind kind, String file, long offset, String field, String found, String expected) {
        super(sentence(kind, file, offset, field, found, expected));
        this.kind = kind;
        this.file = file;
        this.offset = offset;
        this.field = field;
        this.found = found;
        this.expected = expected;
    }

    /// A broken rule of the format.
    ///
    /// @param file name of the source, as its opener gave it
    /// @param offset byte where the offending field begins, or a negative number where no single byte can be named
    /// @param field what stands there, in the format's own words
    /// @param found what was read
    /// @param expected what would have been accepted
    public static CheckpointFormatException malformed(String file, long offset, String field, Object found, String expected) {
        return new CheckpointFormatException(Kind.MALFORMED, file, offset, field, String.valueOf(found), expected);
    }

    /// A version or feature that is not handled; parameters as in [#malformed].
    public static CheckpointFormatException unsupported(String file, long offset, String field, Object found, String expected) {
        return new CheckpointFormatException(Kind.UNSUPPORTED, file, offset, field, String.valueOf(found), expected);
    }

    /// A limit passed; parameters as in [#malformed], `expected` naming the limit and the setting that raises it.
    public static CheckpointFormatException limit(String file, long offset, String field, Object found, String expected) {
        return new CheckpointFormatException(Kind.LIMIT_EXCEEDED, file, offset, field, String.valueOf(found), expected);
    }

    private static String sentence(Kind kind, String file, long offset, String field, String found, String expected) {
        StringBuilder text = new StringBuilder(Text.printable(file)).append(": ");
        if (offset >= 0) {
            text.append("at byte ").append(offset).append(": ");
        }
        text.append(Text.printable(field)).append(": found ").append(Text.printable(found));
        text.append(kind == Kind.UNSUPPORTED ? ", supported: " : ", expected ").append(Text.printable(expected));
        return text.toString();
    }

    /// What kind of wrong it is.
    public Kind kind() {
        return kind;
    }

    /// Name of the source, as its opener gave it.
    public String file() {
        return file;
    }

    /// The byte where the offending field begins; empty where no single byte can be named.
    public OptionalLong offset() {
        return offset < 0 ? OptionalLong.empty() : OptionalLong.of(offset);
    }

    /// What stands there, in the format's own words.
    public String field() {
        return field;
    }

    /// What was read.
    public String found() {
        return found;
    }

    /// What would have been accepted.
    public String expected() {
        return expected;
    }
}
