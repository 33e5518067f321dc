package io.github.weighbridge.litert.file;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import org.apache.commons.compress.archivers.zip.ResourceAlignmentExtraField;
import org.apache.commons.compress.archivers.zip.Zip64Mode;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveOutputStream;
import org.apache.commons.compress.archivers.zip.ZipMethod;

/// Lays out a zip archive of stored entries before any of them is written: every byte but those of the entries and, where they are not known yet,
/// the sums over them. All entries are of 1980: the same arguments give the same bytes.
///
/// @param parts what the archive consists of, in order, without gaps
/// @param length length of the archive
public record StoredZipLayout(List<Part> parts, long length) {
    /// The earliest time that the format can say. It has no time zone.
    private static final LocalDateTime EARLIEST = LocalDateTime.of(1980, 1, 1, 0, 0);
    private static final int LOCAL_CRC = 14;
    private static final int CENTRAL_CRC = 16;
    private static final int CENTRAL_BYTES = 46;
    private static final int CENTRAL_SIGNATURE = 0x02014b50;

    /// An entry that is to be written.
    ///
    /// @param name its name
    /// @param length number of bytes
    /// @param crc CRC-32 of its bytes; empty when it is known only once they are written
    public record Planned(String name, long length, OptionalLong crc) {
        /// Checks the length and the sum.
        public Planned {
            if (length < 0 || name.isEmpty() || crc.isPresent() && (crc.getAsLong() < 0 || crc.getAsLong() > 0xffff_ffffL)) {
                throw new IllegalArgumentException(name + ": " + length + " bytes, CRC-32 " + crc);
            }
        }
    }

    /// A part of the archive.
    public sealed interface Part {
        /// Headers.
        record Bytes(byte[] bytes) implements Part {}

        /// The bytes of an entry.
        ///
        /// @param entry index of the entry
        /// @param begin where they begin in the archive
        record Payload(int entry, long begin) implements Part {}

        /// Four bytes with the CRC-32 of an entry, little-endian.
        ///
        /// @param entry index of the entry
        /// @param begin first byte of what is summed, in the archive
        /// @param end byte after the last
        record Sum(int entry, long begin, long end) implements Part {}
    }

    /// Copies the list.
    public StoredZipLayout {
        parts = List.copyOf(parts);
    }

    /// Lays an archive out.
    ///
    /// @param entries the entries, in order; names must differ
    /// @param alignment the bytes of each entry begin at a multiple of this power of two, at most 16384
    public static StoredZipLayout of(List<Planned> entries, int alignment) {
        Recorder recorder = new Recorder();
        try (ZipArchiveOutputStream zip = new ZipArchiveOutputStream(recorder)) {
            zip.setUseZip64(Zip64Mode.AsNeeded);
            for (Planned planned : entries) {
                ZipArchiveEntry entry = new ZipArchiveEntry(planned.name());
                entry.setMethod(ZipMethod.STORED.getCode());
                entry.setSize(planned.length());
                entry.setCompressedSize(planned.length());
                entry.setCrc(planned.crc().orElse(0));
                // Without a time, the library asks the clock.
                entry.setTimeLocal(EARLIEST);
                // Not setAlignment: raw entries are copied, and the copy keeps extra fields alone.
                entry.addExtraField(new ResourceAlignmentExtraField(alignment));
                recorder.beginEntry();
                zip.addRawArchiveEntry(entry, recorder.payload(planned.length()));
            }
            recorder.beginDirectory();
        } catch (IOException e) {
            throw new UncheckedIOException("memory takes all that is written", e);
        }
        return recorder.layout(entries);
    }

    /// Takes an archive down as it is written, without the bytes of its entries, of which only the number counts.
    private static final class Recorder extends OutputStream {
        private final List<byte[]> headers = new ArrayList<>();
        private final List<Long> begins = new ArrayList<>();
        private ByteArrayOutputStream header = new ByteArrayOutputStream();
        private boolean inPayload;
        private long position;

        void beginEntry() {
            header = new ByteArrayOutputStream();
        }

        void beginDirectory() {
            header = new ByteArrayOutputStream();
        }

        @Override
        public void write(int b) {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int count) {
            if (!inPayload) {
                header.write(bytes, offset, count);
            }
            position += count;
        }

        /// A stream of that many bytes whose values do not matter. Its first read follows the entry's header.
        InputStream payload(long length) {
            return new InputStream() {
                private long left = length;

                @Override
                public int read() {
                    return read(new byte[1], 0, 1) < 0 ? -1 : 0;
                }

                @Override
                public int read(byte[] target, int offset, int count) {
                    if (!inPayload) {
                        headers.add(header.toByteArray());
                        begins.add(position);
                        inPayload = true;
                    }
                    if (left == 0) {
                        inPayload = false;
                        return -1;
                    }
                    int given = (int) Math.min(left, count);
                    left -= given;
                    return given;
                }
            };
        }

        StoredZipLayout layout(List<Planned> entries) {
            List<Part> parts = new ArrayList<>();
            for (int i = 0; i < entries.size(); i++) {
                long begin = begins.get(i);
                summed(parts, headers.get(i), LOCAL_CRC, i, entries.get(i), begin);
                if (entries.get(i).length() > 0) {
                    parts.add(new Part.Payload(i, begin));
                }
            }
            directory(parts, header.toByteArray(), entries);
            return new StoredZipLayout(parts, position);
        }

        private static void summed(List<Part> parts, byte[] bytes, int at, int entry, Planned planned, long begin) {
            if (planned.crc().isPresent()) {
                parts.add(new Part.Bytes(bytes));
                return;
            }
            parts.add(new Part.Bytes(Arrays.copyOf(bytes, at)));
            parts.add(new Part.Sum(entry, begin, begin + planned.length()));
            parts.add(new Part.Bytes(Arrays.copyOfRange(bytes, at + 4, bytes.length)));
        }

        private void directory(List<Part> parts, byte[] directory, List<Planned> entries) {
            ByteBuffer buffer = ByteBuffer.wrap(directory).order(ByteOrder.LITTLE_ENDIAN);
            int at = 0;
            for (int i = 0; i < entries.size(); i++) {
                if (buffer.getInt(at) != CENTRAL_SIGNATURE) {
                    throw new IllegalStateException("no header of " + entries.get(i).name() + " in the directory");
                }
                int end = at + CENTRAL_BYTES + Short.toUnsignedInt(buffer.getShort(at + 28))
                        + Short.toUnsignedInt(buffer.getShort(at + 30)) + Short.toUnsignedInt(buffer.getShort(at + 32));
                summed(parts, Arrays.copyOfRange(directory, at, end), CENTRAL_CRC, i, entries.get(i), begins.get(i));
                at = end;
            }
            parts.add(new Part.Bytes(Arrays.copyOfRange(directory, at, directory.length)));
        }
    }
}
