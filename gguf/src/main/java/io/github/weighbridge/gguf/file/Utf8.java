package io.github.weighbridge.gguf.file;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// UTF-8 both ways, without the silent replacements of [String].
final class Utf8 {
    private Utf8() {}

    /// The text of the bytes; null when they are no UTF-8.
    static @Nullable String decode(byte[] bytes, int begin, int length) {
        String text = new String(bytes, begin, length, StandardCharsets.UTF_8);
        // The replacement character stands for bad bytes, or for itself: only then must the slow, strict decoder say which.
        if (text.indexOf('\uFFFD') < 0) {
            return text;
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, begin, length)).toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    /// The bytes of a text.
    ///
    /// @throws IllegalArgumentException when it has an unpaired surrogate
    static byte[] encode(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        // A question mark stands for an unpaired surrogate, or for itself.
        if (indexOf(bytes, (byte) '?') < 0) {
            return bytes;
        }
        try {
            ByteBuffer buffer = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] result = new byte[buffer.remaining()];
            buffer.get(result);
            return result;
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("text with an unpaired surrogate cannot be written as UTF-8", e);
        }
    }

    private static int indexOf(byte[] bytes, byte wanted) {
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == wanted) {
                return i;
            }
        }
        return -1;
    }
}
