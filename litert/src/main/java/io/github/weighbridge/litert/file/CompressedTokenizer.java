package io.github.weighbridge.litert.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/// The form in which a tokenizer.json lies in a bundle: its length as an unsigned 64-bit integer, then one zlib stream (RFC 1950).
public final class CompressedTokenizer {
    private static final int PIECE = 1 << 16;

    private CompressedTokenizer() {}

    /// The length of the document that a section holds, as it states it.
    ///
    /// @throws CheckpointFormatException when the section is too short, or the length passes a limit
    public static int length(ByteSource source, BundleSection section, Limits limits) throws IOException {
        if (section.length() < 8) {
            throw CheckpointFormatException.malformed(source.name(), section.begin(), "tokenizer section", section.length() + " bytes",
                    "8 bytes with the length of the document, and a zlib stream");
        }
        long stated = ByteBuffer.wrap(source.readBytes(section.begin(), 8)).order(ByteOrder.LITTLE_ENDIAN).getLong();
        long most = Math.min(limits.documentBytes(), Integer.MAX_VALUE - 16);
        if (stated < 0 || stated > most) {
            throw CheckpointFormatException.limit(source.name(), section.begin(), "length of the tokenizer", Long.toUnsignedString(stated),
                    "at most " + most + " (Limits.documentBytes)");
        }
        return (int) stated;
    }

    /// The document of a section.
    ///
    /// @throws CheckpointFormatException when the stream is bad, or not of the length stated
    public static byte[] read(ByteSource source, BundleSection section, Limits limits) throws IOException {
        int stated = length(source, section, limits);
        Inflater inflater = new Inflater();
        try {
            // Grows with what comes out of the stream, so that a length alone takes no memory.
            ByteArrayOutputStream result = new ByteArrayOutputStream(Math.min(stated, 1 << 20));
            byte[] output = new byte[PIECE];
            long at = section.begin() + 8;
            while (!inflater.finished()) {
                int count = inflater.inflate(output);
                if (count > stated - result.size()) {
                    throw CheckpointFormatException.malformed(source.name(), section.begin(), "tokenizer",
                            "more than the " + stated + " bytes stated", "a stream of that length");
                }
                result.write(output, 0, count);
                if (count == 0 && inflater.needsDictionary()) {
                    throw CheckpointFormatException.malformed(source.name(), section.begin() + 8, "tokenizer", "a stream with a dictionary",
                            "one without");
                }
                if (count == 0 && inflater.needsInput()) {
                    int size = (int) Math.min(PIECE, section.end() - at);
                    if (size == 0) {
                        throw CheckpointFormatException.malformed(source.name(), at, "tokenizer",
                                "the end of the section after " + result.size() + " of " + stated + " bytes", "a whole zlib stream");
                    }
                    byte[] input = new byte[size];
                    source.read(at, MemorySegment.ofArray(input));
                    inflater.setInput(input);
                    at += size;
                }
            }
            if (result.size() != stated) {
                throw CheckpointFormatException.malformed(source.name(), section.begin(), "tokenizer", result.size() + " bytes",
                        stated + ", as the section states");
            }
            return result.toByteArray();
        } catch (DataFormatException e) {
            throw CheckpointFormatException.malformed(source.name(), section.begin() + 8, "tokenizer",
                    "a bad zlib stream" + (e.getMessage() == null ? "" : " (" + e.getMessage() + ")"), "a zlib stream");
        } finally {
            inflater.end();
        }
    }

    /// The section of a document.
    public static byte[] write(byte[] document) {
        Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION);
        try {
            deflater.setInput(document);
            deflater.finish();
            ByteArrayOutputStream result = new ByteArrayOutputStream(document.length / 3 + 64);
            result.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(document.length).array());
            byte[] output = new byte[PIECE];
            while (!deflater.finished()) {
                result.write(output, 0, deflater.deflate(output));
            }
            return result.toByteArray();
        } finally {
            deflater.end();
        }
    }
}
