package io.github.weighbridge.litert.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TimeZone;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

class StoredZipTest {
    @TempDir Path folder;

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static byte[] archive(List<String> names, List<byte[]> contents, boolean sumsKnown, int alignment) {
        List<StoredZipLayout.Planned> planned = new java.util.ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            planned.add(new StoredZipLayout.Planned(names.get(i), contents.get(i).length,
                    sumsKnown ? OptionalLong.of(crc(contents.get(i))) : OptionalLong.empty()));
        }
        StoredZipLayout layout = StoredZipLayout.of(planned, alignment);
        ByteArrayOutputStream result = new ByteArrayOutputStream();
        for (StoredZipLayout.Part part : layout.parts()) {
            switch (part) {
                case StoredZipLayout.Part.Bytes(byte[] bytes) -> result.writeBytes(bytes);
                case StoredZipLayout.Part.Payload(int entry, long begin) -> {
                    assertThat(begin).isEqualTo(result.size());
                    assertThat(begin % alignment).isZero();
                    result.writeBytes(contents.get(entry));
                }
                case StoredZipLayout.Part.Sum(int entry, long begin, long end) -> {
                    assertThat(end - begin).isEqualTo(contents.get(entry).length);
                    result.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) crc(contents.get(entry))).array());
                }
            }
        }
        assertThat(layout.length()).isEqualTo(result.size());
        return result.toByteArray();
    }

    private static long crc(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return crc.getValue();
    }

    /// The JDK's reader checks lengths and sums, ours the places.
    @Test
    void anArchiveIsReadByOthersAndByUs() throws IOException {
        List<String> names = List.of("TF_LITE_PREFILL_DECODE", "TOKENIZER_MODEL", "METADATA", "EMPTY");
        List<byte[]> contents = List.of(random(100_000), random(77), random(1), new byte[0]);
        for (int alignment : new int[] {1, 4, 64, 4096, 16384}) {
            byte[] bytes = archive(names, contents, false, alignment);
            assertThat(bytes).isEqualTo(archive(names, contents, true, alignment));
            Path file = Files.write(folder.resolve("a" + alignment + ".task"), bytes);
            try (ZipFile zip = new ZipFile(file.toFile())) {
                for (int i = 0; i < names.size(); i++) {
                    ZipEntry entry = zip.getEntry(names.get(i));
                    assertThat(entry.getMethod()).isEqualTo(ZipEntry.STORED);
                    assertThat(zip.getInputStream(entry).readAllBytes()).isEqualTo(contents.get(i));
                    assertThat(entry.getCrc()).isEqualTo(crc(contents.get(i)));
                }
            }
            StoredZip zip = StoredZip.read(ByteSource.of("a.task", bytes), Limits.DEFAULT);
            assertThat(zip.entries()).extracting(StoredZip.Entry::name).isEqualTo(names);
            for (int i = 0; i < names.size(); i++) {
                StoredZip.Entry entry = zip.entry(names.get(i)).orElseThrow();
                assertThat(Arrays.copyOfRange(bytes, (int) entry.begin(), (int) entry.end())).isEqualTo(contents.get(i));
                assertThat(entry.crc()).isEqualTo((int) crc(contents.get(i)));
                assertThat(contents.get(i).length == 0 || entry.begin() % alignment == 0).isTrue();
            }
        }
    }

    /// No clock and no time zone.
    @Test
    void entriesKnowNoClock() {
        byte[] bytes = archive(List.of("A"), List.of(random(5)), true, 4);
        ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        // 1 January 1980, 0:00: the earliest that the format can say
        assertThat(header.getInt(10)).isEqualTo(0x00210000);
        TimeZone usual = TimeZone.getDefault();
        try {
            for (String zone : List.of("Pacific/Kiritimati", "America/New_York")) {
                TimeZone.setDefault(TimeZone.getTimeZone(zone));
                assertThat(archive(List.of("A"), List.of(random(5)), true, 4)).as(zone).isEqualTo(bytes);
            }
        } finally {
            TimeZone.setDefault(usual);
        }
    }

    /// Entries and places beyond 4 GiB are laid out without writing them, and found again.
    @Test
    void largeEntriesTakeZip64() throws IOException {
        long large = 5L << 30;
        StoredZipLayout layout = StoredZipLayout.of(List.of(new StoredZipLayout.Planned("LARGE", large, OptionalLong.empty()),
                new StoredZipLayout.Planned("SMALL", 3, OptionalLong.empty())), 64);
        Sparse sparse = new Sparse(layout);
        StoredZip zip = StoredZip.read(sparse, Limits.DEFAULT);
        assertThat(zip.entries()).extracting(StoredZip.Entry::length).containsExactly(large, 3L);
        List<Long> begins = layout.parts().stream().filter(StoredZipLayout.Part.Payload.class::isInstance)
                .map(part -> ((StoredZipLayout.Part.Payload) part).begin()).toList();
        assertThat(zip.entries()).extracting(StoredZip.Entry::begin).isEqualTo(begins);
        assertThat(begins.get(1)).isGreaterThan(large);
    }

    @Test
    void documentsAreKeptInOrder() throws IOException {
        Map<String, byte[]> documents = new LinkedHashMap<>();
        documents.put("config.json", "{}".getBytes(StandardCharsets.UTF_8));
        documents.put("a.txt", random(1000));
        byte[] bytes = DocumentArchive.write(documents);
        StoredZip zip = StoredZip.read(ByteSource.of("z", bytes), Limits.DEFAULT);
        assertThat(zip.entries()).extracting(StoredZip.Entry::name).containsExactly("config.json", "a.txt");
        StoredZip.Entry entry = zip.entries().get(1);
        assertThat(Arrays.copyOfRange(bytes, (int) entry.begin(), (int) entry.end())).isEqualTo(random(1000));
    }

    /// An archive whose entries are zeros that take no memory.
    private static final class Sparse implements ByteSource {
        private final java.util.TreeMap<Long, byte[]> pieces = new java.util.TreeMap<>();
        private final long length;

        Sparse(StoredZipLayout layout) {
            long at = 0;
            for (int i = 0; i < layout.parts().size(); i++) {
                switch (layout.parts().get(i)) {
                    case StoredZipLayout.Part.Bytes(byte[] bytes) -> {
                        pieces.put(at, bytes);
                        at += bytes.length;
                    }
                    case StoredZipLayout.Part.Payload(int entry, long begin) -> at = begin + (entry == 0 ? 5L << 30 : 3);
                    case StoredZipLayout.Part.Sum _ -> at += 4;
                }
            }
            length = layout.length();
            assertThat(at).isEqualTo(length);
        }

        @Override
        public String name() {
            return "sparse";
        }

        @Override
        public long length() {
            return length;
        }

        @Override
        public void read(long offset, java.lang.foreign.MemorySegment target) {
            target.fill((byte) 0);
            pieces.forEach((begin, bytes) -> {
                long from = Math.max(begin, offset);
                long to = Math.min(begin + bytes.length, offset + target.byteSize());
                if (from < to) {
                    java.lang.foreign.MemorySegment.copy(java.lang.foreign.MemorySegment.ofArray(bytes), from - begin, target,
                            from - offset,
                            to - from);
                }
            });
        }

        @Override
        public void close() {}
    }
}
