package io.github.weighbridge.safetensors.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Bytes of a `.safetensors` file, from the text of its header.
final class TestFile {
    static final String ONE = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";

    private TestFile() {}

    /// The header as text, its true length before it, and bytes 1, 2, 3, ... as data.
    static byte[] of(String header, int dataBytes) {
        return of(header.getBytes(StandardCharsets.UTF_8), dataBytes);
    }

    static byte[] of(byte[] header, int dataBytes) {
        ByteBuffer file = ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(header.length).put(header);
        for (int i = 1; i <= dataBytes; i++) {
            file.put((byte) i);
        }
        return file.array();
    }

    /// The same file with another length of the header declared.
    static byte[] declaring(long headerBytes, byte[] file) {
        byte[] copy = Arrays.copyOf(file, file.length);
        ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN).putLong(headerBytes);
        return copy;
    }

    static String entry(String name, String dtype, String shape, String offsets) {
        return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
    }
}
