package io.github.weighbridge.litert;

import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.malformed.MalformedCase;
import io.github.weighbridge.fixtures.malformed.MalformedLitert;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.StoredTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

/// Each file that breaks a rule ends in one exception that says which, and files with flipped bytes in that or in a correct read, in a small heap.
@Tag("small-heap")
class MalformedLitertTest {
    private static final int FLIPS = 10_000;
    private static final long SEED = 20_261_126;

    private static final List<MalformedCase> CASES = MalformedLitert.cases();

    static List<MalformedCase> cases() {
        return CASES;
    }

    private static Format format(String file) {
        return file.endsWith(".litertlm") ? new LitertlmFormat() : file.endsWith(".task") ? new TaskFormat() : new TfliteFormat();
    }

    /// Opens a file and reads all that a report or a conversion reads besides weights.
    ///
    /// @param large whether documents of megabytes are read too, which takes long
    private static void open(Source source, boolean large) throws IOException {
        Format format = format(source.file().orElseThrow());
        assertThat(format.probe(source)).isNotEqualTo(Format.Claim.NO);
        try (Checkpoint checkpoint = format.open(source, ReadOptions.defaults())) {
            long sum = 0;
            for (StoredTensor tensor : checkpoint.graph().stored()) {
                sum += tensor.bytes();
                tensor.planes().forEach(plane -> assertThat(plane.end()).isLessThanOrEqualTo(checkpoint.bytes()));
            }
            assertThat(sum).isLessThanOrEqualTo(checkpoint.bytes());
            for (String name : checkpoint.documents().names()) {
                ByteSource document = checkpoint.documents().get(name).orElseThrow();
                if (document.length() > 0 && document.length() < (large ? 1 << 22 : 1 << 20)) {
                    document.readBytes(0, (int) document.length());
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isRefusedWithFileByteAndField(MalformedCase malformed) {
        Throwable thrown =
                catchThrowable(() -> open(new Source("here/" + malformed.opened().orElseThrow(), SourceTree.of("here", malformed.files()),
                        malformed.opened()), true));
        assertThat(thrown).isInstanceOf(CheckpointFormatException.class).hasMessageStartingWith("here/")
                .hasMessageContainingAll(malformed.expected().toArray(String[]::new));
        assertThat(thrown.getMessage().chars()).noneMatch(Character::isISOControl);
    }

    @Test
    void namesAreUniqueAndMany() {
        assertThat(cases()).hasSizeGreaterThan(100);
        assertThat(cases().stream().map(MalformedCase::name)).doesNotHaveDuplicates();
    }

    /// What the cases are made of is right.
    @Test
    void whatTheyChangeIsReadable() throws IOException {
        for (Map.Entry<String, byte[]> file : right().entrySet()) {
            open(new Source(file.getKey(), SourceTree.of("", Map.of(file.getKey(), file.getValue())), Optional.of(file.getKey())), true);
        }
    }

    private static Map<String, byte[]> right() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("made.tflite", MalformedLitert.model());
        files.put("made.litertlm", MalformedLitert.bundle());
        files.put("made.task", MalformedLitert.task());
        return files;
    }

    /// One to three bytes of made and real files become others: in headers and tables for the most part, which lie in no one place.
    @Test
    void flippedBytesEndInAClearErrorOrACorrectRead() throws IOException {
        Map<String, byte[]> files = right();
        Optional<Path> data = SharedData.find("litert");
        if (data.isPresent()) {
            try (var list = Files.list(data.get())) {
                for (Path path : list.filter(file -> file.toString().endsWith(".tflite") || file.toString().endsWith(".litertlm")).sorted()
                        .toList()) {
                    files.put(path.getFileName().toString(), Files.readAllBytes(path));
                }
            }
        } else {
            System.out.println("MalformedLitertTest: no ../shared/data/litert, so that bytes are flipped in made files alone");
        }
        Random random = new Random(SEED);
        List<String> names = new ArrayList<>(files.keySet());
        int refused = 0;
        for (int i = 0; i < FLIPS; i++) {
            String name = names.get(i % names.size());
            byte[] bytes = files.get(name);
            int flips = 1 + random.nextInt(3);
            int[] at = new int[flips];
            byte[] before = new byte[flips];
            for (int k = 0; k < flips; k++) {
                at[k] = place(random, bytes.length);
                before[k] = bytes[at[k]];
                bytes[at[k]] = (byte) (random.nextInt(4) == 0 ? random.nextInt(256) : bytes[at[k]] ^ 1 << random.nextInt(8));
            }
            try {
                open(new Source(name, SourceTree.of("", Map.of(name, bytes)), Optional.of(name)), i % 320 < names.size());
            } catch (CheckpointFormatException e) {
                refused++;
                assertThat(e.getMessage()).startsWith(name);
            } catch (IOException | RuntimeException | Error e) {
                throw new AssertionError(name + ", flip " + i + " of seed " + SEED, e);
            }
            for (int k = flips - 1; k >= 0; k--) {
                bytes[at[k]] = before[k];
            }
        }
        // Most bytes of a file are numbers of constants, all of which are right.
        assertThat(refused).isBetween(FLIPS / 20, FLIPS * 19 / 20);
    }

    /// Half of the places lie in the first or last kilobytes.
    private static int place(Random random, int length) {
        int window = Math.min(length, 4096);
        return switch (random.nextInt(4)) {
            case 0 -> random.nextInt(window);
            case 1 -> length - 1 - random.nextInt(window);
            default -> random.nextInt(length);
        };
    }
}
