package io.github.weighbridge.litert.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// A zip archive whose entries are all stored, so that their bytes can be used where they lie: the form of `.task` files. Zip64 is read.
///
/// Runtimes refuse compressed entries, and so does this reader. Encrypted, split and self-extracting archives are refused too.
///
/// @param entries the entries, in the order of the central directory
/// @param directoryBegin where the central directory begins
public record StoredZip(List<Entry> entries, long directoryBegin) {
    private static final int END = 0x06054b50;
    private static final int END64 = 0x06064b50;
    private static final int LOCATOR64 = 0x07064b50;
    private static final int CENTRAL = 0x02014b50;
    private static final int LOCAL = 0x04034b50;
    private static final int END_BYTES = 22;
    private static final int LOCATOR_BYTES = 20;
    private static final int END64_BYTES = 56;
    private static final int CENTRAL_BYTES = 46;
    private static final int LOCAL_BYTES = 30;
    private static final int MOST_COMMENT = 0xffff;
    private static final long FULL32 = 0xffff_ffffL;
    private static final int MOST_DIRECTORY = 8 << 20;

    /// An entry.
    ///
    /// @param name its name; no path
    /// @param crc CRC-32 of its bytes, as stated
    /// @param begin first byte in the archive
    /// @param length number of bytes
    public record Entry(String name, int crc, long begin, long length) {
        /// Byte after the last.
        public long end() {
            return begin + length;
        }
    }

    /// Copies the list.
    public StoredZip {
        entries = List.copyOf(entries);
    }

    /// The entry of a name.
    public Optional<Entry> entry(String name) {
        return entries.stream().filter(entry -> entry.name().equals(name)).findFirst();
    }

    /// Whether a source begins like a zip archive with an entry in it.
    public static boolean probe(ByteSource source) throws IOException {
        return source.length() >= LOCAL_BYTES + END_BYTES
                && ByteBuffer.wrap(source.readBytes(0, 4)).order(ByteOrder.LITTLE_ENDIAN).getInt() == LOCAL;
    }

    /// Reads the directory and checks every entry against its local header.
    ///
    /// @throws CheckpointFormatException when the file is no archive of this kind, or a bad one
    public static StoredZip read(ByteSource source, Limits limits) throws IOException {
        Reader reader = new Reader(source, limits);
        return reader.read();
    }

    /// The directory's place, as the end of the archive states it.
    private record Directory(long begin, long length, long entries, long end) {}

    private static final class Reader {
        private final ByteSource source;
        private final Limits limits;

        Reader(ByteSource source, Limits limits) {
            this.source = source;
            this.limits = limits;
        }

        private CheckpointFormatException bad(long offset, String field, Object found, String expected) {
            return CheckpointFormatException.malformed(source.name(), offset, field, found, expected);
        }

        private ByteBuffer bytes(long offset, int count) throws IOException {
            return ByteBuffer.wrap(source.readBytes(offset, count)).order(ByteOrder.LITTLE_ENDIAN);
        }

        StoredZip read() throws IOException {
            Directory directory = directory();
            if (directory.entries() > limits.keys()) {
                throw CheckpointFormatException.limit(source.name(), directory.begin(), "entries", directory.entries(),
                        "at most " + limits.keys() + " (Limits.keys)");
            }
            if (directory.length() > MOST_DIRECTORY) {
                throw CheckpointFormatException.limit(source.name(), directory.begin(), "central directory",
                        directory.length() + " bytes", "at most " + MOST_DIRECTORY);
            }
            ByteBuffer central = bytes(directory.begin(), (int) directory.length());
            List<Entry> entries = new ArrayList<>();
            Set<String> names = new HashSet<>();
            for (long i = 0; i < directory.entries(); i++) {
                Entry entry = entry(central, directory.begin());
                if (!names.add(entry.name())) {
                    throw bad(directory.begin() + central.position(), "entry \"" + entry.name() + "\"", "its name a second time",
                            "each name once");
                }
                entries.add(entry);
            }
            if (central.hasRemaining()) {
                throw bad(directory.begin() + central.position(), "central directory", central.remaining() + " further bytes",
                        "its end after " + directory.entries() + " entries");
            }
            List<Entry> sorted = new ArrayList<>(entries);
            sorted.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
            for (int i = 1; i < sorted.size(); i++) {
                if (sorted.get(i).begin() < sorted.get(i - 1).end()) {
                    throw bad(sorted.get(i).begin(), "entry \"" + sorted.get(i).name() + "\"",
                            "bytes of entry \"" + sorted.get(i - 1).name() + "\"", "entries apart");
                }
            }
            return new StoredZip(entries, directory.begin());
        }

        /// The end of central directory record: the last one whose comment ends with the file.
        private Directory directory() throws IOException {
            long length = source.length();
            if (length < END_BYTES) {
                throw bad(length, "zip archive", "the end of the file", "at least " + END_BYTES + " bytes");
            }
            int tail = (int) Math.min(length, END_BYTES + MOST_COMMENT);
            ByteBuffer buffer = bytes(length - tail, tail);
            for (int at = tail - END_BYTES; at >= 0; at--) {
                if (buffer.getInt(at) == END && Short.toUnsignedInt(buffer.getShort(at + 20)) == tail - END_BYTES - at) {
                    return directory(buffer.slice(at, END_BYTES).order(ByteOrder.LITTLE_ENDIAN), length - tail + at);
                }
            }
            throw bad(length - END_BYTES, "zip archive", "no end of a central directory", "one in the last " + tail + " bytes");
        }

        private Directory directory(ByteBuffer end, long at) throws IOException {
            int disk = Short.toUnsignedInt(end.getShort(4));
            if (disk != 0 && disk != 0xffff) {
                throw CheckpointFormatException.unsupported(source.name(), at + 4, "number of the disk", disk, "archives in one file");
            }
            long entries = Short.toUnsignedInt(end.getShort(10));
            long length = Integer.toUnsignedLong(end.getInt(12));
            long begin = Integer.toUnsignedLong(end.getInt(16));
            long limit = at;
            if (entries == 0xffff || length == FULL32 || begin == FULL32) {
                long locator = at - LOCATOR_BYTES;
                if (locator < 0 || bytes(locator, 4).getInt() != LOCATOR64) {
                    throw bad(at, "end of the central directory", "numbers that stand in a zip64 record, and none", "a zip64 locator");
                }
                long record = bytes(locator + 8, 8).getLong();
                if (record < 0 || record > locator - END64_BYTES || bytes(record, 4).getInt() != END64) {
                    throw bad(locator + 8, "zip64 locator", Long.toUnsignedString(record), "the place of a zip64 record before it");
                }
                ByteBuffer end64 = bytes(record, END64_BYTES);
                entries = end64.getLong(32);
                length = end64.getLong(40);
                begin = end64.getLong(48);
                limit = record;
            }
            if (begin < 0 || length < 0 || begin > limit || length > limit - begin) {
                throw bad(at, "central directory", Long.toUnsignedString(length) + " bytes at " + Long.toUnsignedString(begin),
                        "a range before byte " + limit);
            }
            if (entries < 0 || entries > length / CENTRAL_BYTES) {
                throw bad(at, "entries of the central directory", Long.toUnsignedString(entries),
                        "at most " + length / CENTRAL_BYTES + " in " + length + " bytes");
            }
            return new Directory(begin, length, entries, limit);
        }

        private Entry entry(ByteBuffer central, long base) throws IOException {
            int at = central.position();
            if (central.remaining() < CENTRAL_BYTES || central.getInt(at) != CENTRAL) {
                throw bad(base + at, "central directory", "no header of an entry", "one");
            }
            int nameBytes = Short.toUnsignedInt(central.getShort(at + 28));
            int extraBytes = Short.toUnsignedInt(central.getShort(at + 30));
            int commentBytes = Short.toUnsignedInt(central.getShort(at + 32));
            if (central.remaining() - CENTRAL_BYTES < nameBytes + extraBytes + commentBytes) {
                throw bad(base + at + 28, "entry", nameBytes + extraBytes + commentBytes + " bytes of name, extra field and comment",
                        "no more than the bytes left");
            }
            byte[] nameContent = new byte[nameBytes];
            central.get(at + CENTRAL_BYTES, nameContent);
            String name = name(nameContent, base + at + CENTRAL_BYTES);
            if ((central.getShort(at + 8) & 1) != 0) {
                throw CheckpointFormatException.unsupported(source.name(), base + at + 8, "entry \"" + name + "\"", "an encrypted entry",
                        "plain ones");
            }
            int method = Short.toUnsignedInt(central.getShort(at + 10));
            if (method != 0) {
                throw CheckpointFormatException.unsupported(source.name(), base + at + 10, "method of entry \"" + name + "\"", method,
                        "0: entries are used where they lie, and must be stored");
            }
            int crc = central.getInt(at + 16);
            long packed = Integer.toUnsignedLong(central.getInt(at + 20));
            long length = Integer.toUnsignedLong(central.getInt(at + 24));
            long local = Integer.toUnsignedLong(central.getInt(at + 42));
            ByteBuffer wide = zip64(central.slice(at + CENTRAL_BYTES + nameBytes, extraBytes).order(ByteOrder.LITTLE_ENDIAN),
                    base + at + CENTRAL_BYTES + nameBytes);
            length = length == FULL32 ? wide(wide, length) : length;
            packed = packed == FULL32 ? wide(wide, packed) : packed;
            local = local == FULL32 ? wide(wide, local) : local;
            if (packed != length) {
                throw bad(base + at + 20, "entry \"" + name + "\"", packed + " stored bytes of " + length, "as many as it has");
            }
            central.position(at + CENTRAL_BYTES + nameBytes + extraBytes + commentBytes);
            return new Entry(name, crc, begin(name, nameContent, local, length, base), length);
        }

        private static long wide(ByteBuffer extra, long narrow) {
            return extra.remaining() >= 8 ? extra.getLong() : narrow;
        }

        /// The zip64 part of an extra field; empty where there is none.
        private ByteBuffer zip64(ByteBuffer extra, long base) throws IOException {
            while (extra.remaining() >= 4) {
                int id = Short.toUnsignedInt(extra.getShort());
                int size = Short.toUnsignedInt(extra.getShort());
                if (size > extra.remaining()) {
                    throw bad(base + extra.position() - 2, "extra field", size + " bytes", "at most " + extra.remaining());
                }
                if (id == 1) {
                    return extra.slice(extra.position(), size).order(ByteOrder.LITTLE_ENDIAN);
                }
                extra.position(extra.position() + size);
            }
            return ByteBuffer.allocate(0);
        }

        private String name(byte[] content, long at) throws IOException {
            try {
                return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT).decode(ByteBuffer.wrap(content)).toString();
            } catch (CharacterCodingException e) {
                throw bad(at, "name of an entry", "bytes that are no UTF-8", "UTF-8 text");
            }
        }

        /// Where the bytes of an entry begin, behind its local header.
        private long begin(String name, byte[] nameContent, long local, long length, long directoryBegin) throws IOException {
            if (local < 0 || local > directoryBegin - LOCAL_BYTES) {
                throw bad(directoryBegin, "entry \"" + name + "\"", "a local header at " + Long.toUnsignedString(local),
                        "one before the directory at " + directoryBegin);
            }
            ByteBuffer header = bytes(local, LOCAL_BYTES);
            int nameBytes = Short.toUnsignedInt(header.getShort(26));
            long begin = local + LOCAL_BYTES + nameBytes + Short.toUnsignedInt(header.getShort(28));
            if (header.getInt(0) != LOCAL || nameBytes != nameContent.length || begin > directoryBegin
                    || !bytes(local + LOCAL_BYTES, nameBytes).equals(ByteBuffer.wrap(nameContent))) {
                throw bad(local, "local header of entry \"" + name + "\"", "something else", "a header with that name");
            }
            if (header.getShort(8) != 0) {
                throw CheckpointFormatException.unsupported(source.name(), local + 8, "method of entry \"" + name + "\"",
                        Short.toUnsignedInt(header.getShort(8)), "0: entries are used where they lie, and must be stored");
            }
            if (length < 0 || length > directoryBegin - begin) {
                throw bad(local, "entry \"" + name + "\"", Long.toUnsignedString(length) + " bytes at " + begin,
                        "bytes before the directory at " + directoryBegin);
            }
            return begin;
        }
    }
}
