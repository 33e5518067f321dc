package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// A tokenizer.model: SentencePiece's `ModelProto`, of which pieces with their scores and types are read and everything else is skipped.
/// (SentencePiece `sentencepiece_model.proto`.)
record SentencePieceModel(List<Piece> pieces) {
    /// First byte of a model: the tag of the first piece.
    static final byte FIRST = 0x0a;

    private static final int PIECES = 1;
    private static final int TRAINER = 2;
    private static final int NORMALIZER = 3;
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;
    private static final int MOST_PIECES = 1 << 22;

    /// A piece.
    ///
    /// @param type as [TokenKind] numbers them
    record Piece(String text, float score, int type) {}

    /// Copies the list.
    SentencePieceModel {
        pieces = List.copyOf(pieces);
    }

    /// Reads a model.
    ///
    /// @throws CheckpointFormatException when it is none, naming the byte
    static SentencePieceModel read(ByteSource source, Limits limits) throws IOException {
        if (source.length() > Math.min(limits.documentBytes(), Integer.MAX_VALUE - 8)) {
            throw CheckpointFormatException.limit(source.name(), 0, "tokenizer", source.length() + " bytes",
                    "at most " + limits.documentBytes() + " bytes (Limits.documentBytes)");
        }
        byte[] bytes = source.readBytes(0, (int) source.length());
        Reader reader = new Reader(source.name(), bytes, 0, bytes.length);
        List<Piece> pieces = new ArrayList<>();
        while (reader.more()) {
            int tag = reader.tag();
            if (tag == (PIECES << 3 | BYTES)) {
                if (pieces.size() == MOST_PIECES) {
                    throw CheckpointFormatException.limit(source.name(), reader.at, "pieces", "more than " + MOST_PIECES,
                            "at most so many");
                }
                pieces.add(piece(reader.message()));
            } else {
                reader.skip(tag);
            }
        }
        if (pieces.isEmpty()) {
            throw CheckpointFormatException.malformed(source.name(), 0, "pieces", "none", "a SentencePiece model with pieces");
        }
        return new SentencePieceModel(pieces);
    }

    private static Piece piece(Reader reader) throws CheckpointFormatException {
        String text = "";
        float score = 0;
        int type = TokenKind.NORMAL.id();
        while (reader.more()) {
            int tag = reader.tag();
            switch (tag) {
                case 1 << 3 | BYTES -> text = reader.text();
                case 2 << 3 | FIXED32 -> score = Float.intBitsToFloat(reader.fixed32());
                case 3 << 3 | VARINT -> type = Math.clamp(reader.varint(), 0, Integer.MAX_VALUE);
                default -> reader.skip(tag);
            }
        }
        return new Piece(text, score, type);
    }

    /// The bytes of a model with these pieces, of byte pairs with bytes for what has no piece.
    ///
    /// @param special ids of the unknown token, beginning, end and padding; -1 where there is none
    /// @param prefix whether a space is put before a text
    static byte[] write(List<Piece> pieces, int[] special, boolean prefix) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Piece piece : pieces) {
            ByteArrayOutputStream message = new ByteArrayOutputStream();
            bytes(message, 1, piece.text.getBytes(StandardCharsets.UTF_8));
            varint(message, 2 << 3 | FIXED32);
            message.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(piece.score).array());
            if (piece.type != TokenKind.NORMAL.id()) {
                field(message, 3, piece.type);
            }
            bytes(out, PIECES, message.toByteArray());
        }
        ByteArrayOutputStream trainer = new ByteArrayOutputStream();
        field(trainer, 3, 2);
        field(trainer, 4, pieces.size());
        field(trainer, 35, 1);
        for (int i = 0; i < special.length; i++) {
            field(trainer, 40 + i, special[i]);
        }
        for (int i = 0; i < special.length; i++) {
            if (special[i] >= 0) {
                bytes(trainer, 45 + i, pieces.get(special[i]).text.getBytes(StandardCharsets.UTF_8));
            }
        }
        bytes(out, TRAINER, trainer.toByteArray());
        ByteArrayOutputStream normalizer = new ByteArrayOutputStream();
        bytes(normalizer, 1, "identity".getBytes(StandardCharsets.UTF_8));
        field(normalizer, 3, prefix ? 1 : 0);
        field(normalizer, 4, 0);
        field(normalizer, 5, 1);
        bytes(out, NORMALIZER, normalizer.toByteArray());
        return out.toByteArray();
    }

    private static void field(ByteArrayOutputStream out, int number, long value) {
        varint(out, (long) number << 3 | VARINT);
        varint(out, value);
    }

    private static void bytes(ByteArrayOutputStream out, int number, byte[] value) {
        varint(out, (long) number << 3 | BYTES);
        varint(out, value.length);
        out.writeBytes(value);
    }

    private static void varint(ByteArrayOutputStream out, long value) {
        long left = value;
        while ((left & ~0x7fL) != 0) {
            out.write((int) (left & 0x7f | 0x80));
            left >>>= 7;
        }
        out.write((int) left);
    }

    /// Walks over the fields of a message.
    private static final class Reader {
        private final String file;
        private final byte[] bytes;
        private final int end;
        private int at;

        Reader(String file, byte[] bytes, int begin, int end) {
            this.file = file;
            this.bytes = bytes;
            this.at = begin;
            this.end = end;
        }

        boolean more() {
            return at < end;
        }

        private CheckpointFormatException wrong(String found, String expected) {
            return CheckpointFormatException.malformed(file, at, "SentencePiece model", found, expected);
        }

        private void need(long count) throws CheckpointFormatException {
            if (count < 0 || count > end - at) {
                throw wrong((end - at) + " bytes left", count + " more");
            }
        }

        int tag() throws CheckpointFormatException {
            long tag = varint();
            if (tag < 8 || tag > Integer.MAX_VALUE) {
                throw wrong("tag " + tag, "the tag of a field");
            }
            return (int) tag;
        }

        long varint() throws CheckpointFormatException {
            long value = 0;
            for (int shift = 0; shift < 64; shift += 7) {
                need(1);
                byte b = bytes[at++];
                value |= (long) (b & 0x7f) << shift;
                if (b >= 0) {
                    return value;
                }
            }
            throw wrong("a number of more than ten bytes", "at most ten");
        }

        int fixed32() throws CheckpointFormatException {
            need(4);
            int value = ByteBuffer.wrap(bytes, at, 4).order(ByteOrder.LITTLE_ENDIAN).getInt();
            at += 4;
            return value;
        }

        Reader message() throws CheckpointFormatException {
            long length = varint();
            need(length);
            Reader inner = new Reader(file, bytes, at, at + (int) length);
            at += (int) length;
            return inner;
        }

        String text() throws CheckpointFormatException {
            Reader inner = message();
            try {
                return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, inner.at, inner.end - inner.at)).toString();
            } catch (CharacterCodingException e) {
                throw CheckpointFormatException.malformed(file, inner.at, "piece", "bytes that are no UTF-8", "UTF-8 text");
            }
        }

        void skip(int tag) throws CheckpointFormatException {
            switch (tag & 7) {
                case VARINT -> varint();
                case FIXED64 -> {
                    need(8);
                    at += 8;
                }
                case BYTES -> message();
                case FIXED32 -> fixed32();
                default -> throw wrong("wire type " + (tag & 7), "0, 1, 2 or 5");
            }
        }
    }
}
