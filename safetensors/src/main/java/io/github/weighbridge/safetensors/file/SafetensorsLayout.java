package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.encoding.Shape;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// A `.safetensors` file that is to be written: the place of every byte, and the bytes of the header. Immutable; nothing is written by it.
///
/// The bytes are those of the reference writer (huggingface/safetensors 0.8, `tensor.rs`): tensors in the order of their types from last to
/// first, then by name as bytes of UTF-8; no gaps; compact JSON with `__metadata__` first and the entries in the order of the data,
/// filled up with spaces to a multiple of 8. The order aligns every tensor to its element.
public final class SafetensorsLayout {
    /// A tensor that is to be written.
    ///
    /// @param name name, unique in the file
    /// @param type type of the elements
    /// @param shape dimensions, rows first
    public record Tensor(String name, SafetensorsType type, Shape shape) {
        /// Checks the name and the size.
        ///
        /// @throws IllegalArgumentException when the name is `__metadata__`, has a NUL character or half a surrogate pair, or the tensor
        ///         is no whole number of bytes
        /// @throws ArithmeticException when it takes 2^63 bits or more
        public Tensor {
            if (name.equals(SafetensorsFile.METADATA) || name.indexOf('\0') >= 0 || !isUnicode(name)) {
                throw new IllegalArgumentException("not a name for a tensor: \"" + name + "\"");
            }
            type.bytes(shape);
        }

        /// Bytes of the tensor.
        public long bytes() {
            return type.bytes(shape);
        }
    }

    /// The order of the reference writer.
    public static final Comparator<Tensor> ORDER = Comparator.comparing(Tensor::type).reversed()
            .thenComparing(Tensor::name, SafetensorsLayout::compareAsUtf8);

    private final Map<String, String> metadata;
    private final List<SafetensorsEntry> entries;
    private final byte[] prefix;
    private final long length;

    private SafetensorsLayout(Map<String, String> metadata, List<SafetensorsEntry> entries, byte[] prefix, long length) {
        this.metadata = Collections.unmodifiableMap(metadata);
        this.entries = List.copyOf(entries);
        this.prefix = prefix;
        this.length = length;
    }

    /// Plans a file. The metadata gets `"format": "pt"` in front unless it has a `format`: releases 4 of transformers refuse files without.
    ///
    /// @param tensors the tensors, in any order
    /// @param metadata texts for `__metadata__`, written in the order of the map
    /// @throws IllegalArgumentException when a name comes twice or the header passes [SafetensorsFile#MAX_HEADER_BYTES]
    /// @throws ArithmeticException when the tensors take 2^63 bytes or more
    public static SafetensorsLayout of(Collection<Tensor> tensors, Map<String, String> metadata) {
        Map<String, String> complete = new LinkedHashMap<>();
        if (!metadata.containsKey("format")) {
            complete.put("format", "pt");
        }
        complete.putAll(metadata);
        return exactly(tensors, complete);
    }

    /// Plans a file with the metadata as given; with none, the header has no `__metadata__`. Parameters and exceptions as in [#of].
    public static SafetensorsLayout exactly(Collection<Tensor> tensors, Map<String, String> metadata) {
        List<Tensor> ordered = new ArrayList<>(tensors);
        ordered.sort(ORDER);
        Header header = new Header();
        header.begin(metadata);
        long[] positions = new long[ordered.size()];
        long end = 0;
        for (int i = 0; i < positions.length; i++) {
            Tensor tensor = ordered.get(i);
            long begin = end;
            end = Math.addExact(begin, tensor.bytes());
            positions[i] = header.entry(tensor, begin, end);
        }
        byte[] prefix = header.finish();
        List<SafetensorsEntry> entries = new ArrayList<>(positions.length);
        long begin = 0;
        for (int i = 0; i < positions.length; i++) {
            Tensor tensor = ordered.get(i);
            long bytes = tensor.bytes();
            entries.add(new SafetensorsEntry(tensor.name(), tensor.type(), tensor.shape(), begin, begin + bytes,
                    Math.addExact(begin, prefix.length), positions[i]));
            begin += bytes;
        }
        refuseRepeatedNames(ordered);
        return new SafetensorsLayout(new LinkedHashMap<>(metadata), entries, prefix, Math.addExact(end, prefix.length));
    }

    private static void refuseRepeatedNames(List<Tensor> tensors) {
        String[] names = tensors.stream().map(Tensor::name).sorted().toArray(String[]::new);
        for (int i = 1; i < names.length; i++) {
            if (names[i].equals(names[i - 1])) {
                throw new IllegalArgumentException("two tensors named \"" + names[i] + "\"");
            }
        }
    }

    /// The texts of `__metadata__`, in order.
    public Map<String, String> metadata() {
        return metadata;
    }

    /// The tensors with their places, in the order of the data.
    public List<SafetensorsEntry> entries() {
        return entries;
    }

    /// All that stands before the data: the 8 bytes of the header's length and the header with its padding. A new array.
    public byte[] prefix() {
        return prefix.clone();
    }

    /// First byte of the data, counted from the beginning of the file: the length of [#prefix].
    public long dataOffset() {
        return prefix.length;
    }

    /// Bytes of all tensors together.
    public long dataBytes() {
        return length - prefix.length;
    }

    /// Length of the file in bytes.
    public long length() {
        return length;
    }

    /// Whether there is no half of a surrogate pair, so that UTF-8 can hold it.
    private static boolean isUnicode(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (Character.isLowSurrogate(c) || i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    return false;
                }
                i++;
            }
        }
        return true;
    }

    /// Compares as the bytes of UTF-8 compare, which is by code points; UTF-16 puts surrogates, which stand for the highest of them, before
    /// U+E000.
    static int compareAsUtf8(String left, String right) {
        int common = Math.min(left.length(), right.length());
        for (int i = 0; i < common; i++) {
            char a = left.charAt(i);
            char b = right.charAt(i);
            if (a != b) {
                boolean half = Character.isSurrogate(a);
                return half == Character.isSurrogate(b) ? Character.compare(a, b) : half ? 1 : -1;
            }
        }
        return Integer.compare(left.length(), right.length());
    }

    /// The header as serde_json writes it.
    private static final class Header {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream(1 << 12);
        private boolean first = true;

        void begin(Map<String, String> metadata) {
            out.writeBytes(new byte[SafetensorsFile.LENGTH_BYTES]);
            out.write('{');
            if (metadata.isEmpty()) {
                return;
            }
            text("\"" + SafetensorsFile.METADATA + "\":{");
            metadata.forEach((key, value) -> {
                comma();
                string(key);
                out.write(':');
                string(value);
            });
            out.write('}');
        }

        /// @return where the name begins
        long entry(Tensor tensor, long begin, long end) {
            comma();
            long position = out.size();
            string(tensor.name());
            StringBuilder rest = new StringBuilder(96).append(":{\"dtype\":\"").append(tensor.type()).append("\",\"shape\":[");
            for (int axis = 0; axis < tensor.shape().rank(); axis++) {
                rest.append(axis == 0 ? "" : ",").append(tensor.shape().dimension(axis));
            }
            text(rest.append("],\"data_offsets\":[").append(begin).append(',').append(end).append("]}").toString());
            if (out.size() > SafetensorsFile.MAX_HEADER_BYTES) {
                throw tooLong();
            }
            return position;
        }

        byte[] finish() {
            out.write('}');
            while (out.size() % 8 != 0) {
                out.write(' ');
            }
            byte[] bytes = out.toByteArray();
            long header = (long) bytes.length - SafetensorsFile.LENGTH_BYTES;
            if (header > SafetensorsFile.MAX_HEADER_BYTES) {
                throw tooLong();
            }
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(header);
            return bytes;
        }

        private static IllegalArgumentException tooLong() {
            return new IllegalArgumentException("a header of more than " + SafetensorsFile.MAX_HEADER_BYTES + " bytes");
        }

        private void comma() {
            if (first) {
                first = false;
            } else {
                out.write(',');
            }
        }

        private void text(String text) {
            out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
        }

        private void string(String text) {
            if (!isUnicode(text)) {
                throw new IllegalArgumentException("half a surrogate pair in \"" + text + "\"");
            }
            out.write('"');
            text(escaped(text));
            out.write('"');
        }

        /// serde_json escapes what JSON demands and nothing else.
        private static String escaped(String text) {
            StringBuilder result = new StringBuilder(text.length() + 8);
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                switch (c) {
                    case '"' -> result.append("\\\"");
                    case '\\' -> result.append("\\\\");
                    case '\b' -> result.append("\\b");
                    case '\f' -> result.append("\\f");
                    case '\n' -> result.append("\\n");
                    case '\r' -> result.append("\\r");
                    case '\t' -> result.append("\\t");
                    default -> {
                        if (c < ' ') {
                            result.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
                        } else {
                            result.append(c);
                        }
                    }
                }
            }
            return result.toString();
        }
    }
}
