package io.github.weighbridge.io;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class ByteSourceTest {
    @TempDir Path folder;

    private static byte[] randomBytes(int length) {
        byte[] bytes = new byte[length];
        new Random(7).nextBytes(bytes);
        return bytes;
    }

    private Path write(String name, byte[] bytes) throws IOException {
        return Files.write(folder.resolve(name), bytes);
    }

    /// The same bytes behind every kind of source.
    private List<ByteSource> all(byte[] bytes) throws IOException {
        byte[] padded = new byte[bytes.length + 11];
        System.arraycopy(bytes, 0, padded, 5, bytes.length);
        ByteSource memory = ByteSource.of("memory", bytes);
        return List.of(ByteSource.of(write("all.bin", bytes)), memory,
                ByteSource.slice(ByteSource.of("padded", padded), "slice", 5, bytes.length),
                ByteSource.slice(ByteSource.of(write("padded.bin", padded)), "slice of file", 5, bytes.length));
    }

    @Test
    void anyRangeIsReadFromEveryKind() throws IOException {
        byte[] bytes = randomBytes(1000);
        Random random = new Random(1);
        for (ByteSource source : all(bytes)) {
            try (source; Arena arena = Arena.ofConfined()) {
                assertThat(source.length()).isEqualTo(1000);
                for (int i = 0; i < 200; i++) {
                    int begin = random.nextInt(1001);
                    int length = random.nextInt(1001 - begin);
                    byte[] expected = Arrays.copyOfRange(bytes, begin, begin + length);
                    assertThat(source.readBytes(begin, length)).as(source.name()).isEqualTo(expected);
                    MemorySegment target = arena.allocate(length + 2L);
                    source.read(begin, target.asSlice(1, length));
                    assertThat(target.asSlice(1, length).toArray(ValueLayout.JAVA_BYTE)).as(source.name()).isEqualTo(expected);
                    assertThat(target.get(ValueLayout.JAVA_BYTE, 0)).isZero();
                    assertThat(target.get(ValueLayout.JAVA_BYTE, length + 1L)).isZero();
                }
                assertThatCode(source::verifyUnchanged).doesNotThrowAnyException();
            }
        }
    }

    @Test
    void rangesThatPassTheEndAreRefusedByEveryKind() throws IOException {
        for (ByteSource source : all(randomBytes(100))) {
            try (source) {
                for (long[] range : new long[][] {{-1, 1}, {0, 101}, {100, 1}, {101, 0}, {50, 51}, {Long.MAX_VALUE, 1}}) {
                    assertThatThrownBy(() -> source.readBytes(range[0], (int) range[1])).as(source.name() + Arrays.toString(range))
                            .isInstanceOf(IndexOutOfBoundsException.class);
                    assertThatThrownBy(() -> source.read(range[0], MemorySegment.ofArray(new byte[(int) range[1]])))
                            .as(source.name() + Arrays.toString(range)).isInstanceOfAny(IndexOutOfBoundsException.class);
                }
                assertThatThrownBy(() -> source.readBytes(0, -1)).isInstanceOf(IndexOutOfBoundsException.class);
                assertThat(source.readBytes(100, 0)).isEmpty();
            }
        }
    }

    @Test
    void namesAreThoseGivenByTheOpener() throws IOException {
        Path path = write("m.bin", new byte[1]);
        try (ByteSource file = ByteSource.of(path)) {
            assertThat(file.name()).isEqualTo(path.toString());
            assertThat(ByteSource.slice(file, "part", 0, 1).name()).isEqualTo("part");
        }
        assertThat(ByteSource.of("memory", new byte[0]).name()).isEqualTo("memory");
    }

    @Test
    void aReadLargerThanOnePieceIsWhole() throws IOException {
        byte[] bytes = randomBytes((2 << 20) + 17);
        try (ByteSource file = ByteSource.of(write("large.bin", bytes))) {
            assertThat(file.readBytes(0, bytes.length)).isEqualTo(bytes);
            assertThat(file.readBytes(3, (1 << 20) + 1)).isEqualTo(Arrays.copyOfRange(bytes, 3, 3 + (1 << 20) + 1));
        }
    }

    @Test
    void manyThreadsReadOneFile() throws IOException {
        byte[] bytes = randomBytes(100_000);
        try (ByteSource file = ByteSource.of(write("threads.bin", bytes))) {
            List<Integer> wrong = IntStream.range(0, 2000).parallel().filter(i -> {
                int begin = i * 37 % 90_000;
                try {
                    return !Arrays.equals(file.readBytes(begin, 1000), Arrays.copyOfRange(bytes, begin, begin + 1000));
                } catch (IOException e) {
                    return true;
                }
            }).boxed().toList();
            assertThat(wrong).isEmpty();
        }
    }

    @Test
    void aSliceMustLieInItsSource() {
        ByteSource source = ByteSource.of("m", new byte[10]);
        assertThatThrownBy(() -> ByteSource.slice(source, "s", 5, 6)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> ByteSource.slice(source, "s", -1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> ByteSource.slice(source, "s", 1, Long.MAX_VALUE)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(ByteSource.slice(source, "s", 10, 0).length()).isZero();
    }

    @Test
    void closingASliceLeavesItsSourceOpen() throws IOException {
        try (ByteSource file = ByteSource.of(write("open.bin", new byte[] {1, 2, 3}))) {
            ByteSource.slice(file, "s", 0, 2).close();
            assertThat(file.readBytes(0, 3)).containsExactly(1, 2, 3);
        }
    }

    @Test
    void aMissingFileAndAFolderAreNotOpened() {
        Path missing = folder.resolve("missing");
        assertThatThrownBy(() -> ByteSource.of(missing)).isInstanceOf(NoSuchFileException.class).hasMessage(missing + ": no such file");
        assertThatThrownBy(() -> ByteSource.of(folder)).isInstanceOf(IOException.class).hasMessage(folder + ": is not a regular file");
    }

    @Test
    void whoReadsOnFromAClosedFileIsToldWhichOne() throws IOException {
        Path file = Files.write(folder.resolve("closed.bin"), new byte[8]);
        ByteSource source = ByteSource.of(file);
        source.close();
        assertThatThrownBy(() -> source.readBytes(0, 4)).isInstanceOf(IOException.class).hasMessageStartingWith(file + ": is closed");
    }

    @Test
    void aFileCutShortWhileItIsReadIsAnIoExceptionThatNamesIt() throws IOException {
        Path path = write("cut.bin", randomBytes(1000));
        try (ByteSource file = ByteSource.of(path); FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.truncate(600);
            assertThat(file.readBytes(0, 600)).hasSize(600);
            assertThatThrownBy(() -> file.readBytes(500, 200)).isInstanceOf(IOException.class)
                    .hasMessage(path + ": the file ends at byte 600, it had 1000 bytes when it was opened");
            assertThatThrownBy(() -> file.readBytes(999, 1)).isInstanceOf(IOException.class);
        }
    }

    @Test
    void aChangeOfLengthIsNoticedEvenWithTheOldTime() throws IOException {
        Path path = write("length.bin", new byte[10]);
        FileTime time = FileTime.fromMillis(1_700_000_000_000L);
        Files.setLastModifiedTime(path, time);
        try (ByteSource file = ByteSource.of(path); ByteSource slice = ByteSource.slice(file, "s", 0, 1)) {
            file.verifyUnchanged();
            Files.write(path, new byte[11]);
            Files.setLastModifiedTime(path, time);
            assertThatThrownBy(file::verifyUnchanged).isInstanceOf(IOException.class)
                    .hasMessageStartingWith(path + ": the file changed while it was read (10 bytes").hasMessageContaining("now 11 bytes");
            assertThatThrownBy(slice::verifyUnchanged).isInstanceOf(IOException.class).hasMessageStartingWith(path + ": ");
        }
    }

    @Test
    void aChangeOfTimeIsNoticedEvenWithTheOldLength() throws IOException {
        Path path = write("time.bin", new byte[10]);
        Files.setLastModifiedTime(path, FileTime.fromMillis(1_700_000_000_000L));
        try (ByteSource file = ByteSource.of(path)) {
            Files.setLastModifiedTime(path, FileTime.fromMillis(1_700_000_001_000L));
            assertThatThrownBy(file::verifyUnchanged).isInstanceOf(IOException.class).hasMessageContaining("changed while it was read");
        }
    }
}
