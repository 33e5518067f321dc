package io.github.weighbridge.io;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.async.ByteArrayFeeder;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Strict JSON: UTF-8, no duplicate names, bounded depth, nothing after the document. Reads whole small documents into [Value]s; large ones
/// are visited by a [JsonVisitor] without being kept.
public final class Json {
    private static final JsonFactory FACTORY = JsonFactory.builder().configure(JsonFactory.Feature.INTERN_FIELD_NAMES, false)
            .configure(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES, false).build();

    private Json() {}

    private static JsonFactory factory(Limits limits) {
        JsonFactory factory = JsonFactory.builder().configure(JsonFactory.Feature.INTERN_FIELD_NAMES, false)
                .configure(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES, false).build();
        factory.setStreamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(limits.depth()).maxNameLength(limits.nameBytes())
                .maxStringLength(limits.textBytes()).maxNumberLength(100).build());
        return factory;
    }

    /// Reads a document.
    ///
    /// @throws CheckpointFormatException when it is no JSON, repeats a name, is nested too deep, or passes the limits
    public static Value parse(ByteSource source, Limits limits) throws IOException {
        if (source.length() > limits.keptBytes()) {
            throw CheckpointFormatException.limit(source.name(), 0, "JSON document", source.length() + " bytes",
                    "at most " + limits.keptBytes() + " bytes (Limits.keptBytes)");
        }
        TreeBuilder builder = new TreeBuilder(source.name());
        visit(source, 0, source.length(), limits, builder);
        return builder.result();
    }

    /// Reads a document that must be an object.
    public static Value.Fields parseObject(ByteSource source, Limits limits) throws IOException {
        if (parse(source, limits) instanceof Value.Fields fields) {
            return fields;
        }
        throw CheckpointFormatException.malformed(source.name(), 0, "JSON document", "no object", "an object");
    }

    /// Walks over the document in a range of a source without keeping it. Byte offsets handed to the visitor and in messages count from the
    /// beginning of the source.
    ///
    /// @throws CheckpointFormatException when it is no JSON, is nested too deep, or passes the limits; repeated names are for the visitor to
    ///         refuse where it does not keep a map
    public static void visit(ByteSource source, long offset, long length, Limits limits, JsonVisitor visitor) throws IOException {
        try (JsonParser parser = factory(limits).createNonBlockingByteArrayParser()) {
            Walk walk = new Walk(parser, new Feed(parser, source, offset, length), source.name(), offset, visitor);
            JsonToken first = walk.tokenOrEnd();
            if (first == null) {
                throw CheckpointFormatException.malformed(source.name(), offset, "JSON document", "nothing", "a value");
            }
            walk.value(first);
            if (walk.tokenOrEnd() != null) {
                throw CheckpointFormatException.malformed(source.name(), walk.position(), "JSON document", "text after its end",
                        "nothing more");
            }
        } catch (StreamConstraintsException e) {
            throw CheckpointFormatException.limit(source.name(), at(e.getLocation(), offset), "JSON document", e.getOriginalMessage(),
                    "a document within the limits (Limits.depth, nameBytes, textBytes)");
        } catch (JsonProcessingException e) {
            throw CheckpointFormatException.malformed(source.name(), at(e.getLocation(), offset), "JSON document", e.getOriginalMessage(),
                    "well-formed JSON in UTF-8");
        }
    }

    private static long at(@org.jspecify.annotations.Nullable JsonLocation location, long offset) {
        return location == null || location.getByteOffset() < 0 ? offset : offset + location.getByteOffset();
    }

    /// The document as compact UTF-8.
    public static byte[] bytes(Value value) {
        return write(value, false);
    }

    /// The document as UTF-8 indented by two spaces, with a newline at its end.
    public static byte[] prettyBytes(Value value) {
        return write(value, true);
    }

    private static byte[] write(Value value, boolean pretty) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonGenerator generator = FACTORY.createGenerator(out, JsonEncoding.UTF8)) {
            if (pretty) {
                DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
                generator.setPrettyPrinter(new DefaultPrettyPrinter().withObjectIndenter(indenter).withArrayIndenter(indenter)
                        .withSeparators(com.fasterxml.jackson.core.util.Separators.createDefaultInstance()
                                .withObjectFieldValueSpacing(com.fasterxml.jackson.core.util.Separators.Spacing.AFTER)
                                .withObjectEmptySeparator("").withArrayEmptySeparator("")));
            }
            write(value, generator);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (pretty) {
            out.write('\n');
        }
        return out.toByteArray();
    }

    private static void write(Value value, JsonGenerator generator) throws IOException {
        switch (value) {
            case Value.Text(String text) -> generator.writeString(text);
            case Value.Whole(long number) -> generator.writeNumber(number);
            case Value.Real(double number) -> generator.writeNumber(number);
            case Value.Flag(boolean set) -> generator.writeBoolean(set);
            case Value.Nothing _ -> generator.writeNull();
            case Value.Items(List<Value> items) -> {
                generator.writeStartArray();
                for (Value item : items) {
                    write(item, generator);
                }
                generator.writeEndArray();
            }
            case Value.Fields(Map<String, Value> fields) -> {
                generator.writeStartObject();
                for (Map.Entry<String, Value> field : fields.entrySet()) {
                    generator.writeFieldName(field.getKey());
                    write(field.getValue(), generator);
                }
                generator.writeEndObject();
            }
        }
    }

    private record Walk(JsonParser parser, Feed feed, String file, long offset, JsonVisitor visitor) {
        /// Byte of the current token. This parser notes the byte after a token's first one, and no place for brackets that close.
        long position() {
            JsonToken token = parser.currentToken();
            boolean closing = token == JsonToken.END_OBJECT || token == JsonToken.END_ARRAY;
            return Math.max(offset, at(closing ? parser.currentLocation() : parser.currentTokenLocation(), offset) - 1);
        }

        /// Depth is bounded by the parser's constraints, so recursion is too.
        void value(JsonToken token) throws IOException {
            long position = position();
            switch (token) {
                case START_OBJECT -> {
                    visitor.beginObject(position);
                    while (next() == JsonToken.FIELD_NAME) {
                        visitor.name(checked(parser.currentName()), position());
                        value(next());
                    }
                    visitor.endObject(position());
                }
                case START_ARRAY -> {
                    visitor.beginArray(position);
                    for (JsonToken item = next(); item != JsonToken.END_ARRAY; item = next()) {
                        value(item);
                    }
                    visitor.endArray(position());
                }
                case VALUE_STRING -> visitor.text(checked(parser.getText()), position);
                case VALUE_NUMBER_INT -> {
                    BigInteger number = parser.getBigIntegerValue();
                    if (number.bitLength() < 64) {
                        visitor.whole(number.longValue(), position);
                    } else {
                        visitor.real(number.doubleValue(), position);
                    }
                }
                case VALUE_NUMBER_FLOAT -> {
                    double number = parser.getDoubleValue();
                    if (Double.isInfinite(number)) {
                        throw CheckpointFormatException.malformed(file, position, "JSON number", parser.getText(),
                                "a number that double precision holds");
                    }
                    visitor.real(number, position);
                }
                case VALUE_TRUE -> visitor.flag(true, position);
                case VALUE_FALSE -> visitor.flag(false, position);
                case VALUE_NULL -> visitor.nothing(position);
                case END_OBJECT, END_ARRAY, FIELD_NAME, NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT ->
                        throw CheckpointFormatException.malformed(file, position,
                                "JSON document", token.toString(), "a value");
            }
        }

        private JsonToken next() throws IOException {
            JsonToken token = tokenOrEnd();
            if (token == null) {
                throw CheckpointFormatException.malformed(file, position(), "JSON document", "its end", "the rest of it");
            }
            return token;
        }

        @org.jspecify.annotations.Nullable
        JsonToken tokenOrEnd() throws IOException {
            JsonToken token = parser.nextToken();
            while (token == JsonToken.NOT_AVAILABLE) {
                feed.more();
                token = parser.nextToken();
            }
            return token;
        }

        /// Escapes can spell halves of surrogate pairs, which no UTF-8 can hold.
        private String checked(String text) throws CheckpointFormatException {
            for (int i = 0; i < text.length(); i++) {
                if (Character.isSurrogate(text.charAt(i))) {
                    if (!Character.isSurrogatePair(text.charAt(i), i + 1 < text.length() ? text.charAt(i + 1) : 0)) {
                        throw CheckpointFormatException.malformed(file, position(), "JSON string", text,
                                "text without unpaired surrogates");
                    }
                    i++;
                }
            }
            return text;
        }
    }

    private static final class TreeBuilder implements JsonVisitor {
        private final List<Object> open = new ArrayList<>();
        private final List<String> names = new ArrayList<>();
        private @org.jspecify.annotations.Nullable Value result;
        private String lastName = "";
        private final String file;

        TreeBuilder(String file) {
            this.file = file;
        }

        Value result() {
            return java.util.Objects.requireNonNull(result);
        }

        @SuppressWarnings("unchecked")
        private void add(Value value) {
            if (open.isEmpty()) {
                result = value;
                return;
            }
            Object parent = open.getLast();
            if (parent instanceof Map<?, ?> map) {
                ((Map<String, Value>) map).put(lastName, value);
            } else {
                ((List<Value>) parent).add(value);
            }
        }

        @Override
        public void beginObject(long position) {
            open.add(new LinkedHashMap<String, Value>());
            names.add(lastName);
        }

        @Override
        public void name(String name, long position) throws IOException {
            if (open.getLast() instanceof Map<?, ?> map && map.containsKey(name)) {
                throw CheckpointFormatException.malformed(file, position, "JSON name \"" + name + "\"", "a second time", "each name once");
            }
            lastName = name;
        }

        @Override
        @SuppressWarnings("unchecked")
        public void endObject(long position) {
            Object object = open.removeLast();
            lastName = names.removeLast();
            add(new Value.Fields((Map<String, Value>) object));
        }

        @Override
        public void beginArray(long position) {
            open.add(new ArrayList<Value>());
            names.add(lastName);
        }

        @Override
        @SuppressWarnings("unchecked")
        public void endArray(long position) {
            Object array = open.removeLast();
            lastName = names.removeLast();
            add(new Value.Items((List<Value>) array));
        }

        @Override
        public void text(String text, long position) {
            add(new Value.Text(text));
        }

        @Override
        public void whole(long number, long position) {
            add(new Value.Whole(number));
        }

        @Override
        public void real(double number, long position) {
            add(new Value.Real(number));
        }

        @Override
        public void flag(boolean set, long position) {
            add(new Value.Flag(set));
        }

        @Override
        public void nothing(long position) {
            add(new Value.Nothing());
        }
    }

    /// Feeds a range of a source to the parser in pieces that are known to be UTF-8: the parser itself takes any lead byte's word for it.
    private static final class Feed {
        private static final int PIECE = 1 << 16;

        private final ByteArrayFeeder feeder;
        private final ByteSource source;
        private final long begin;
        private final long end;
        private final byte[] piece;
        private long position;
        /// Bytes that the current character still needs, and the range of the next of them.
        private int needed;
        private int lowest;
        private int highest;

        Feed(JsonParser parser, ByteSource source, long offset, long length) {
            java.util.Objects.checkFromIndexSize(offset, length, source.length());
            this.feeder = (ByteArrayFeeder) parser.getNonBlockingInputFeeder();
            this.source = source;
            this.begin = offset;
            this.end = offset + length;
            this.piece = new byte[(int) Math.min(PIECE, length)];
            this.position = offset;
        }

        void more() throws IOException {
            if (position >= end) {
                feeder.endOfInput();
                return;
            }
            int count = (int) Math.min(piece.length, end - position);
            source.read(position, java.lang.foreign.MemorySegment.ofArray(piece).asSlice(0, count));
            if (position == begin && count >= 3 && piece[0] == (byte) 0xef && piece[1] == (byte) 0xbb && piece[2] == (byte) 0xbf) {
                throw CheckpointFormatException.malformed(source.name(), position, "JSON document", "a byte order mark", "a value");
            }
            check(count);
            position += count;
            feeder.feedInput(piece, 0, count);
        }

        private void check(int count) throws CheckpointFormatException {
            for (int i = 0; i < count; i++) {
                int b = Byte.toUnsignedInt(piece[i]);
                if (needed > 0) {
                    if (b < lowest || b > highest) {
                        throw notUtf8(i);
                    }
                    needed--;
                    lowest = 0x80;
                    highest = 0xbf;
                } else if (b >= 0x80) {
                    if (b < 0xc2 || b > 0xf4) {
                        throw notUtf8(i);
                    }
                    needed = b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
                    lowest = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80;
                    highest = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf;
                }
            }
        }

        private CheckpointFormatException notUtf8(int index) {
            return CheckpointFormatException.malformed(source.name(), position + index, "JSON document",
                    String.format("byte 0x%02x", piece[index]), "UTF-8");
        }
    }
}
