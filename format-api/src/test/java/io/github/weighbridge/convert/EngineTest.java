package io.github.weighbridge.convert;

import io.github.weighbridge.encoding.BlockEncoding;
import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.ForwardingByteSource;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Documents;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.TensorGraph;
import io.github.weighbridge.plan.Blob;
import io.github.weighbridge.plan.Checksum;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.view.Elementwise;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class EngineTest {
    private static final Architecture UNKNOWN = Architecture.unknown("x", Value.Fields.EMPTY);
    private static final GridEncoding INT4 = grid(4, true, 0);
    private static final GridEncoding INT8 = grid(8, false, 32);
    /// Rows of 3 follow one another without padding: two of them share a byte.
    private static final GridEncoding DENSE_INT4 = grid(4, false, 0);

    private static final StoredTensor LARGE = tensor("large", 0, 100, DenseEncoding.BF16, 1100, 2048);
    private static final StoredTensor LONG_ROWS = tensor("long", 0, LARGE.planes().getFirst().end(), DenseEncoding.BF16, 2, 1_500_003);
    private static final StoredTensor SMALL = tensor("small", 1, 0, DenseEncoding.F32, 7, 5);
    private static final StoredTensor CODES =
            new StoredTensor("codes", Shape.of(999, 64), INT4, List.of(new Span(1, 200, 999 * 32), new Span(1, 40_000, 999 * 4)));
    private static final StoredTensor OPAQUE = tensor("opaque", 1, 50_000, new OpaqueEncoding("IQ9", 9, 777), 3, 9);

    @TempDir Path folder;
    private byte[][] contents;

    private static GridEncoding grid(int bits, boolean offset, int rowBits) {
        return new GridEncoding("int" + bits,
                new Grid(Grid.Levels.Range.ofBits(bits), new Grid.Granularity.Row(), DenseType.F32, true, Grid.Zero.NONE),
                new Packing(bits, offset, rowBits));
    }

    private static StoredTensor tensor(String name, int file, long offset, Encoding encoding, long... dimensions) {
        Shape shape = Shape.of(dimensions);
        return new StoredTensor(name, shape, encoding, List.of(new Span(file, offset, encoding.bytes(shape))));
    }

    @BeforeEach
    void makeContents() {
        contents = new byte[][] {new byte[(int) LONG_ROWS.planes().getFirst().end()], new byte[60_000]};
        Random random = new Random(1);
        for (byte[] content : contents) {
            random.nextBytes(content);
        }
        // BF16 and scales without NaN, which encoding would make quiet.
        for (int i = 101; i < contents[0].length; i += 2) {
            contents[0][i] &= 0x3f;
        }
        for (int i = 40_003; i < 44_000; i += 4) {
            contents[1][i] = (byte) (contents[1][i] & 0x80 | 0x3e);
        }
        for (int i = 3; i < 140; i += 4) {
            contents[1][i] = 0x3f;
        }
    }

    private Checkpoint checkpoint(ByteSource... files) {
        List<CheckpointFile> list = Arrays.stream(files).map(file -> new CheckpointFile(file.name(), file)).toList();
        return new Checkpoint("test", Optional.empty(), list, UNKNOWN, new TensorGraph(List.of(), Map.of(), List.of()),
                new Documents(Map.of("tokenizer.json", ByteSource.of("tokenizer.json", contents[1]))), List.of(), List.of());
    }

    private Checkpoint checkpoint() {
        return checkpoint(ByteSource.of("a", contents[0]), ByteSource.of("b", contents[1]));
    }

    private static TargetTensor target(String name, View view) {
        return new TargetTensor(name, Identity.NONE, view, List.of());
    }

    private static ConversionPlan plan(boolean folder, Consumer<LayoutBuilder> layout) {
        LayoutBuilder builder = new LayoutBuilder();
        layout.accept(builder);
        return new ConversionPlan("test", Optional.empty(), folder, builder.files(), builder.jobs(), UNKNOWN, Map.of(), List.of());
    }

    private static ConversionPlan oneFile(String name, View view, Choice choice) {
        return plan(false, builder -> {
            builder.beginFile(name, true);
            builder.tensor(target("t", view), choice);
            builder.endFile();
        });
    }

    private static Choice in(Encoding encoding) {
        return Choice.of(encoding, "test");
    }

    private static EngineOptions threads(int count) {
        return EngineOptions.defaults().withThreads(count);
    }

    private List<String> left() throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    /// Everything the engine can do, in two files and a document.
    private static ConversionPlan everything() {
        return plan(true, builder -> {
            builder.beginFile("one.bin", true);
            builder.rendered(Blob.of(new byte[] {1, 2, 3, 4, 5}));
            builder.align(64);
            builder.tensor(target("copy", View.of(LARGE)), in(DenseEncoding.BF16));
            builder.align(64);
            builder.tensor(target("rows", View.swap(View.of(LARGE), 0, 2, 5, 11)), in(DenseEncoding.BF16));
            builder.tensor(target("f32", View.of(LARGE)), in(DenseEncoding.F32));
            builder.tensor(target("columns", View.slice(View.of(LARGE), 1, 3, 2000)), in(DenseEncoding.F16));
            builder.align(256);
            builder.endFile();
            builder.beginFile("two.bin", true);
            builder.tensor(target("long", View.map(View.of(LONG_ROWS), new Elementwise.Add(0.5f))), in(DenseEncoding.BF16));
            builder.tensor(target("carried", View.of(CODES)), new Choice(INT8, "carry", "test"));
            builder.tensor(target("turned", View.transpose(View.of(SMALL), List.of(1, 0))), in(DenseEncoding.F32));
            builder.tensor(target("opaque", View.of(OPAQUE)), in(OPAQUE.encoding()));
            builder.tensor(target("half", View.slice(View.of(CODES), 0, 1, 998)), in(INT4));
            builder.tensor(target("numbers", View.of(CODES)), in(DenseEncoding.F32));
            builder.tensor(target("constant", new View.Constant(Shape.of(3), List.of(1f, 2f, 1e30f))), in(DenseEncoding.F32));
            builder.tensor(target("empty", View.slice(View.of(SMALL), 0, 2, 2)), in(DenseEncoding.F16));
            builder.endFile();
            builder.beginFile("tokenizer.json", false);
            builder.document("tokenizer.json", 60_000);
            builder.endFile();
        });
    }

    @Test
    void theResultIsTheSameForAnyNumberOfThreads() throws Exception {
        ConversionPlan plan = everything();
        byte[][] expected = null;
        for (int count : new int[] {1, 2, 5}) {
            Path target = folder.resolve("out" + count);
            Engine.run(plan, checkpoint(), target, threads(count));
            byte[][] written = {Files.readAllBytes(target.resolve("one.bin")), Files.readAllBytes(target.resolve("two.bin")),
                Files.readAllBytes(target.resolve("tokenizer.json"))};
            for (int i = 0; i < 3; i++) {
                assertThat(written[i]).hasSize((int) plan.files().get(i).length());
            }
            if (expected == null) {
                expected = written;
            }
            assertThat(Arrays.deepEquals(written, expected)).as("%s threads", count).isTrue();
        }
        assertThat(left()).containsExactly("out1", "out2", "out5");
    }

    private float bf16(int file, long offset) {
        return Float.intBitsToFloat((contents[file][(int) offset] & 255 | contents[file][(int) offset + 1] << 8) << 16);
    }

    private static float[] decode(StoredTensor tensor, byte[] file) {
        MemorySegment[] planes = tensor.planes().stream().map(span -> MemorySegment.ofArray(file).asSlice(span.offset(), span.length()))
                .toArray(MemorySegment[]::new);
        float[] numbers = new float[(int) tensor.shape().elements()];
        tensor.encoding().decoder().orElseThrow().decode(tensor.shape(), Region.all(tensor.shape()), planes, numbers, 0);
        return numbers;
    }

    @Test
    void everyTensorIsWhatItsViewMeans() throws Exception {
        ConversionPlan plan = everything();
        Path target = folder.resolve("out");
        Engine.run(plan, checkpoint(), target, threads(3));
        byte[] one = Files.readAllBytes(target.resolve("one.bin"));
        byte[] two = Files.readAllBytes(target.resolve("two.bin"));
        assertThat(Arrays.copyOf(one, 5)).containsExactly(1, 2, 3, 4, 5);
        assertThat(Arrays.copyOfRange(one, 5, 64)).as("padding").containsOnly(0);
        assertThat(one.length % 256).isZero();
        Map<String, StoredTensor> tensors = new java.util.HashMap<>();
        plan.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
        Span copy = tensors.get("copy").planes().getFirst();
        assertThat(copy.offset()).isEqualTo(64);
        assertThat(Arrays.equals(one, 64, (int) copy.end(), contents[0], 100, 100 + (int) copy.length())).isTrue();
        float[] rows = decode(tensors.get("rows"), one);
        float[] f32 = decode(tensors.get("f32"), one);
        float[] columns = decode(tensors.get("columns"), one);
        for (int row = 0; row < 1100; row++) {
            int block = row / 11 % 10;
            int from = row / 110 * 110 + (block % 2 * 5 + block / 2) * 11 + row % 11;
            for (int column = 0; column < 2048; column += 97) {
                assertThat(rows[row * 2048 + column]).isEqualTo(bf16(0, 100 + 2L * (from * 2048 + column)));
                assertThat(f32[row * 2048 + column]).isEqualTo(bf16(0, 100 + 2L * (row * 2048 + column)));
            }
            assertThat(columns[row * 1997 + 1996])
                    .isEqualTo(Float.float16ToFloat(Float.floatToFloat16(bf16(0, 100 + 2L * (row * 2048 + 1999)))));
        }
        float[] longRows = decode(tensors.get("long"), two);
        byte[] rounded = new byte[2];
        for (int i = 0; i < longRows.length; i += 1001) {
            DenseEncoding.BF16.encoder(EncoderInputs.PLAIN).orElseThrow().encode(Shape.of(1), Region.all(Shape.of(1)),
                    new float[] {bf16(0, LONG_ROWS.planes().getFirst().offset() + 2L * i) + 0.5f}, 0,
                    new MemorySegment[] {MemorySegment.ofArray(rounded)});
            assertThat(longRows[i]).isEqualTo(Float.intBitsToFloat((rounded[0] & 255 | rounded[1] << 8) << 16));
        }
        float[] source = decode(CODES, contents[1]);
        assertThat(decode(tensors.get("carried"), two)).isEqualTo(source);
        assertThat(decode(tensors.get("numbers"), two)).isEqualTo(source);
        assertThat(decode(tensors.get("half"), two)).isEqualTo(Arrays.copyOfRange(source, 64, 998 * 64));
        float[] small = decode(SMALL, contents[1]);
        float[] turned = decode(tensors.get("turned"), two);
        for (int i = 0; i < 35; i++) {
            assertThat(turned[i % 5 * 7 + i / 5]).isEqualTo(small[i]);
        }
        assertThat(decode(tensors.get("constant"), two)).containsExactly(1, 2, 1e30f);
        Span opaque = tensors.get("opaque").planes().getFirst();
        assertThat(Arrays.copyOfRange(two, (int) opaque.offset(), (int) opaque.end()))
                .isEqualTo(Arrays.copyOfRange(contents[1], 50_000, 50_777));
        assertThat(Files.readAllBytes(target.resolve("tokenizer.json"))).isEqualTo(contents[1]);
    }

    @Test
    void rowsThatShareBytesAreWrittenByOneThreadTogether() throws Exception {
        Shape shape = Shape.of(700_001, 3);
        StoredTensor codes = new StoredTensor("codes", shape, INT8.equals(INT4) ? INT4 : grid(8, false, 0),
                List.of(new Span(0, 0, 2_100_003), new Span(0, 2_100_004, 2_800_004)));
        byte[] content = new byte[4_900_008];
        Random random = new Random(2);
        for (int i = 0; i < 2_100_003; i++) {
            content[i] = (byte) random.nextInt(-8, 8);
        }
        for (int i = 2_100_007; i < content.length; i += 4) {
            content[i] = 0x3f;
        }
        ConversionPlan plan = oneFile("out", View.of(codes), new Choice(DENSE_INT4, "carry", "test"));
        Engine.run(plan, checkpoint(ByteSource.of("a", content)), folder.resolve("out"), threads(4));
        byte[] written = Files.readAllBytes(folder.resolve("out"));
        for (int i = 0; i < 2_100_003; i++) {
            if ((written[i / 2] >> i % 2 * 4 & 15) != (content[i] & 15)) {
                assertThat(written[i / 2] >> i % 2 * 4 & 15).as("element %s", i).isEqualTo(content[i] & 15);
            }
        }
    }

    @Test
    void progressCountsEveryByteButPadding() throws Exception {
        AtomicLong progress = new AtomicLong();
        ConversionPlan plan = everything();
        Engine.run(plan, checkpoint(), folder.resolve("out"), new EngineOptions(2, false, progress::addAndGet, () -> false));
        long padding = plan.files().stream().flatMap(file -> file.pieces().stream())
                .filter(piece -> piece instanceof io.github.weighbridge.plan.Piece.Padding).mapToLong(piece -> piece.length()).sum();
        assertThat(padding).isPositive();
        assertThat(progress.get()).isEqualTo(plan.bytes() - padding);
    }

    @Test
    void anEmptyFileAndAFileOfPaddingAreWritten() throws Exception {
        ConversionPlan plan = plan(true, builder -> {
            builder.beginFile("empty", false);
            builder.endFile();
            builder.beginFile("padding", false);
            builder.rendered(Blob.of(new byte[] {9}));
            builder.align(4096);
            builder.endFile();
        });
        Engine.run(plan, checkpoint(), folder.resolve("out"), threads(2));
        assertThat(folder.resolve("out/empty")).isEmptyFile();
        assertThat(folder.resolve("out/padding")).hasSize(4096);
    }

    @Test
    void aSetOfFilesLiesBesideTheTarget() throws Exception {
        ConversionPlan plan = plan(false, builder -> {
            for (String name : List.of("x-00001-of-00002.bin", "x-00002-of-00002.bin")) {
                builder.beginFile(name, true);
                builder.tensor(target(name, View.of(SMALL)), in(DenseEncoding.F32));
                builder.endFile();
            }
        });
        Engine.run(plan, checkpoint(), folder.resolve("x-00001-of-00002.bin"), threads(2));
        assertThat(left()).containsExactly("x-00001-of-00002.bin", "x-00002-of-00002.bin");
        assertThat(Files.readAllBytes(folder.resolve("x-00002-of-00002.bin"))).isEqualTo(Arrays.copyOf(contents[1], 140));
    }

    @Test
    void theResultIsReadableLikeAnyFileOrFolder() throws Exception {
        Files.createDirectory(folder.resolve("reference"));
        Files.createFile(folder.resolve("reference.bin"));
        Engine.run(everything(), checkpoint(), folder.resolve("out"), threads(1));
        Engine.run(oneFile("out.bin", View.of(SMALL), in(DenseEncoding.F32)), checkpoint(), folder.resolve("out.bin"), threads(1));
        for (String[] pair : new String[][] {{"reference", "out"}, {"reference.bin", "out.bin"}, {"reference.bin", "out/one.bin"}}) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve(pair[1])))).as(pair[1])
                    .isEqualTo(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve(pair[0]))));
        }
    }

    @Test
    void anExistingTargetIsReplacedOnlyByForce() throws Exception {
        Path file = Files.writeString(folder.resolve("out.bin"), "precious");
        ConversionPlan plan = oneFile("out.bin", View.of(SMALL), in(DenseEncoding.F32));
        assertThatThrownBy(() -> Engine.run(plan, checkpoint(), file, threads(1))).isInstanceOf(FileAlreadyExistsException.class)
                .hasMessage(file + ": already exists, and is replaced only with --force");
        assertThat(file).hasContent("precious");
        assertThat(left()).containsExactly("out.bin");
        Engine.run(plan, checkpoint(), file, threads(1).withForce(true));
        assertThat(file).hasSize(140);
        assertThat(left()).containsExactly("out.bin");
    }

    /// A set of files whose first place is taken by something that no file can replace, once the conversion has begun.
    @Test
    void aSetThatCannotBeMovedIsTakenBackAsAWhole() throws Exception {
        ConversionPlan plan = plan(false, builder -> {
            for (int shard = 1; shard <= 3; shard++) {
                builder.beginFile("y-" + shard + ".bin", true);
                builder.tensor(target("small" + shard, View.of(SMALL)), in(DenseEncoding.F32));
                builder.endFile();
            }
        });
        for (boolean force : new boolean[] {false, true}) {
            Path second = folder.resolve("y-2.bin");
            if (force) {
                Files.writeString(second, "precious");
            }
            Path obstacle = folder.resolve("y-1.bin");
            EngineOptions options = new EngineOptions(1, force, _ -> occupy(obstacle), () -> false);
            assertThatThrownBy(() -> Engine.run(plan, checkpoint(), folder.resolve("y.bin"), options)).isInstanceOf(IOException.class);
            assertThat(left()).containsExactlyElementsOf(force ? List.of("y-1.bin", "y-2.bin") : List.of("y-1.bin"));
            if (force) {
                assertThat(second).hasContent("precious");
            }
            assertThat(obstacle.resolve("inside")).exists();
            Files.delete(obstacle.resolve("inside"));
            Files.delete(obstacle);
        }
        Engine.run(plan, checkpoint(), folder.resolve("y.bin"), threads(1).withForce(true));
        assertThat(left()).containsExactly("y-1.bin", "y-2.bin", "y-3.bin");
        assertThat(folder.resolve("y-2.bin")).hasSize(140);
    }

    private static void occupy(Path place) {
        try {
            Files.createDirectories(place);
            Files.writeString(place.resolve("inside"), "x");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void anExistingFolderIsReplacedAsAWholeByForce() throws Exception {
        Path target = Files.createDirectories(folder.resolve("out"));
        Files.writeString(target.resolve("old"), "old");
        assertThatThrownBy(() -> Engine.run(everything(), checkpoint(), target, threads(1)))
                .isInstanceOf(FileAlreadyExistsException.class);
        assertThat(target.resolve("old")).exists();
        Engine.run(everything(), checkpoint(), target, threads(2).withForce(true));
        assertThat(target.resolve("old")).doesNotExist();
        assertThat(target.resolve("one.bin")).exists();
        assertThat(left()).containsExactly("out");
    }

    @Test
    void aFileIsReplacedByAFolderAndNotAFolderByAFile() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "old");
        Engine.run(everything(), checkpoint(), file, threads(1).withForce(true));
        assertThat(file.resolve("one.bin")).exists();
        assertThatThrownBy(() -> Engine.run(oneFile("file", View.of(SMALL), in(DenseEncoding.F32)), checkpoint(), file,
                threads(1).withForce(true))).isInstanceOf(FileAlreadyExistsException.class)
                .hasMessage(file + ": is a folder, and the result is a file");
        assertThat(left()).containsExactly("file");
    }

    @Test
    void anyExistingFileOfASetIsRefused() throws Exception {
        Files.writeString(folder.resolve("b"), "old");
        ConversionPlan plan = plan(false, builder -> {
            for (String name : List.of("a", "b")) {
                builder.beginFile(name, true);
                builder.rendered(Blob.of(new byte[] {1}));
                builder.endFile();
            }
        });
        assertThatThrownBy(() -> Engine.run(plan, checkpoint(), folder.resolve("a"), threads(1)))
                .isInstanceOf(FileAlreadyExistsException.class).hasMessageStartingWith(folder.resolve("b") + ": already exists");
        assertThat(left()).containsExactly("b");
    }

    @Test
    void aMissingParentFolderIsNamed() throws IOException {
        Path target = folder.resolve("missing/out.bin");
        assertThatThrownBy(() -> Engine.run(oneFile("out.bin", View.of(SMALL), in(DenseEncoding.F32)), checkpoint(), target, threads(1)))
                .isInstanceOf(NoSuchFileException.class)
                .hasMessage(target + ": the folder " + folder.resolve("missing") + " does not exist");
        assertThat(left()).isEmpty();
    }

    /// A source that fails after so many bytes.
    private static final class Failing extends ForwardingByteSource {
        private final AtomicLong left;

        Failing(ByteSource of, long after) {
            super(of);
            this.left = new AtomicLong(after);
        }

        @Override
        public void read(long offset, MemorySegment target) throws IOException {
            if (left.addAndGet(-target.byteSize()) < 0) {
                throw new IOException(name() + ": the disk is gone");
            }
            super.read(offset, target);
        }
    }

    /// A sum stands before the bytes that it sums, and behind them.
    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void sumsComeWhenTheirRangesAreWritten(int threads) throws Exception {
        LayoutBuilder layout = new LayoutBuilder();
        layout.beginFile("sums.bin", true);
        long length = LARGE.planes().getFirst().length();
        layout.late(Checksum.CRC32, 16, 16 + length);
        layout.align(16);
        layout.tensor(target("large", View.of(LARGE)), Choice.of(DenseEncoding.BF16, "keep"));
        layout.late(Checksum.CRC32, 16, 16 + length);
        layout.late(Checksum.CRC32, 4, 16);
        layout.late(Checksum.CRC32, 7, 7);
        layout.endFile();
        ConversionPlan plan =
                new ConversionPlan("test", Optional.empty(), false, layout.files(), layout.jobs(), UNKNOWN, Map.of(), List.of());
        Path file = folder.resolve("sums.bin");
        try (Checkpoint source = checkpoint()) {
            Engine.run(plan, source, file, EngineOptions.defaults().withThreads(threads));
        }
        byte[] written = Files.readAllBytes(file);
        CRC32 crc = new CRC32();
        crc.update(contents[0], 100, (int) length);
        ByteBuffer bytes = ByteBuffer.wrap(written).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(bytes.getInt(0)).isEqualTo((int) crc.getValue()).isNotZero();
        assertThat(bytes.getInt((int) (16 + length))).isEqualTo((int) crc.getValue());
        crc.reset();
        crc.update(new byte[12]);
        assertThat(bytes.getInt((int) (20 + length))).isEqualTo((int) crc.getValue());
        assertThat(bytes.getInt((int) (24 + length))).isZero();
        assertThat(written).hasSize((int) (28 + length));
        assertThat(Arrays.copyOfRange(written, 16, (int) (16 + length)))
                .isEqualTo(Arrays.copyOfRange(contents[0], 100, (int) (100 + length)));
    }

    /// A sum of bytes that hold a sum, itself or another, could not be settled.
    @Test
    void sumsOfSumsAreRefused() {
        LayoutBuilder layout = new LayoutBuilder();
        layout.beginFile("f", true);
        layout.late(Checksum.CRC32, 0, 4);
        assertThatThrownBy(layout::endFile).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("sums a sum");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void aFailedReadHalfWayLeavesNothing(int count) throws Exception {
        for (boolean isFolder : new boolean[] {true, false}) {
            ConversionPlan plan = isFolder ? everything() : oneFile("out", View.of(LARGE), in(DenseEncoding.F32));
            Checkpoint source = checkpoint(new Failing(ByteSource.of("a", contents[0]), 3_000_000), ByteSource.of("b", contents[1]));
            assertThatThrownBy(() -> Engine.run(plan, source, folder.resolve("out"), threads(count))).isExactlyInstanceOf(IOException.class)
                    .hasMessage("a: the disk is gone");
            assertThat(left()).isEmpty();
        }
    }

    @Test
    void aFailureWithForceLeavesTheOldTarget() throws Exception {
        Path target = Files.createDirectories(folder.resolve("out"));
        Files.writeString(target.resolve("old"), "old");
        Checkpoint source = checkpoint(new Failing(ByteSource.of("a", contents[0]), 3_000_000), ByteSource.of("b", contents[1]));
        assertThatThrownBy(() -> Engine.run(everything(), source, target, threads(2).withForce(true))).isInstanceOf(IOException.class);
        assertThat(target.resolve("old")).hasContent("old");
        assertThat(left()).containsExactly("out");
    }

    /// Blocks of four numbers in one byte: their largest, which may not pass 100. Wants to know the largest of the tensor.
    private static final class Largest extends BlockEncoding {
        private final boolean wantsMaximum;

        Largest(boolean wantsMaximum) {
            super("LARGEST", 2, 4, 1);
            this.wantsMaximum = wantsMaximum;
        }

        @Override
        public boolean needsTensorMaximum() {
            return wantsMaximum;
        }

        @Override
        protected boolean canDecode() {
            return false;
        }

        @Override
        public void decodeBlocks(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int blocks) {
            throw new UnsupportedOperationException();
        }

        @Override
        protected Optional<BlockEncoder> blockEncoder(EncoderInputs inputs) {
            OptionalDouble maximum = inputs.tensorMaximum();
            return Optional.of((source, sourceOffset, target, targetOffset, blocks, _, _) -> {
                for (int block = 0; block < blocks; block++) {
                    float largest = 0;
                    for (int i = 0; i < 4; i++) {
                        largest = Math.max(largest, Math.abs(source[sourceOffset + 4 * block + i]));
                    }
                    if (largest > 100) {
                        throw new ArithmeticException(largest + " is more than 100");
                    }
                    target.set(java.lang.foreign.ValueLayout.JAVA_BYTE, targetOffset + block,
                            (byte) (wantsMaximum ? largest / maximum.orElseThrow() * 100 : largest));
                }
            });
        }
    }

    private void fillF32(int count, float value, int specialAt, float special) {
        java.nio.ByteBuffer buffer = java.nio.ByteBuffer.allocate(4 * count).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            buffer.putFloat(i == specialAt ? special : value);
        }
        contents[0] = buffer.array();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void aNumberThatCannotBeHeldIsAPolicyFailureThatNamesThePlaceAndLeavesNothing(int count) throws IOException {
        fillF32(1000 * 2000, 1, 700 * 2000 + 5, -1000);
        StoredTensor source = tensor("w", 0, 0, DenseEncoding.F32, 1000, 2000);
        ConversionPlan plan = oneFile("out", View.of(source), in(new Largest(false)));
        assertThatThrownBy(() -> Engine.run(plan, checkpoint(), folder.resolve("out"), threads(count))).isInstanceOf(PolicyException.class)
                .hasMessageMatching("t cannot be LARGEST: 1000.0 is more than 100 \\(rows \\d+ to \\d+\\)");
        assertThat(left()).isEmpty();
    }

    @Test
    void anEncodingThatNeedsTheTensorsMaximumIsGivenIt() throws Exception {
        fillF32(1000 * 2000, 1, 999 * 2000 + 5, -50);
        StoredTensor source = tensor("w", 0, 0, DenseEncoding.F32, 1000, 2000);
        Engine.run(oneFile("out", View.of(source), in(new Largest(true))), checkpoint(), folder.resolve("out"), threads(3));
        byte[] written = Files.readAllBytes(folder.resolve("out"));
        assertThat(written).hasSize(500_000);
        assertThat(written[0]).isEqualTo((byte) 2);
        assertThat(written[(999 * 2000 + 5) / 4]).isEqualTo((byte) 100);
    }

    @Test
    void aCodeWriterThatCannotHoldAScaleIsAPolicyFailureToo() throws IOException {
        // A scale of 1e30 has no half precision.
        for (int i = 0; i < 4; i++) {
            contents[1][40_000 + 4 * 17 + i] = (byte) (Float.floatToRawIntBits(1e30f) >>> 8 * i);
        }
        GridEncoding halfScales = new GridEncoding("int4/f16",
                new Grid(Grid.Levels.Range.ofBits(4), new Grid.Granularity.Row(), DenseType.F16, true, Grid.Zero.NONE),
                new Packing(4, true, 0));
        assertThatThrownBy(() -> Engine.run(oneFile("out", View.of(CODES), new Choice(halfScales, "carry", "test")), checkpoint(),
                folder.resolve("out"), threads(2))).isInstanceOf(PolicyException.class).hasMessageStartingWith("t cannot be int4/f16: ");
        assertThat(left()).isEmpty();
    }

    @Test
    void cancellingEndsTheRunAndLeavesNothing() throws IOException {
        for (int count : new int[] {1, 4}) {
            AtomicLong asked = new AtomicLong();
            EngineOptions options = new EngineOptions(count, false, _ -> {}, () -> asked.incrementAndGet() > 3);
            assertThatThrownBy(() -> Engine.run(everything(), checkpoint(), folder.resolve("out"), options))
                    .isExactlyInstanceOf(IOException.class).hasMessage("cancelled");
            assertThat(left()).isEmpty();
        }
    }

    @Test
    void aDefectLeavesNothingEither() throws IOException {
        ConversionPlan plan = oneFile("out", View.of(SMALL), in(DenseEncoding.of(DenseType.I8)));
        assertThatThrownBy(() -> Engine.run(plan, checkpoint(), folder.resolve("out"), threads(2)))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("I8 is not encoded by plain");
        assertThat(left()).isEmpty();
        EngineOptions broken = new EngineOptions(2, false, _ -> {
            throw new AssertionError("progress");
        }, () -> false);
        assertThatThrownBy(() -> Engine.run(everything(), checkpoint(), folder.resolve("out"), broken)).isInstanceOf(AssertionError.class)
                .hasMessage("progress");
        assertThat(left()).isEmpty();
    }

    @Test
    void aSourceThatChangedDuringTheRunIsAnError() throws Exception {
        Path file = Files.write(folder.resolve("source"), contents[1]);
        Files.setLastModifiedTime(file, FileTime.fromMillis(1_700_000_000_000L));
        try (Checkpoint source = checkpoint(ByteSource.of("a", contents[0]), ByteSource.of(file))) {
            EngineOptions touching = new EngineOptions(1, false, _ -> touch(file), () -> false);
            assertThatThrownBy(() -> Engine.run(everything(), source, folder.resolve("out"), touching)).isInstanceOf(IOException.class)
                    .hasMessageStartingWith(file + ": the file changed while it was read");
        }
        assertThat(left()).containsExactly("source");
    }

    @Test
    void aDocumentThatChangedDuringTheRunIsAnError() throws Exception {
        Path file = Files.write(folder.resolve("tokenizer.json"), contents[1]);
        Files.setLastModifiedTime(file, FileTime.fromMillis(1_700_000_000_000L));
        try (ByteSource document = ByteSource.of(file)) {
            Checkpoint plain = checkpoint();
            Checkpoint source = new Checkpoint("test", Optional.empty(), plain.files(), UNKNOWN, plain.graph(),
                    new Documents(Map.of("tokenizer.json", document)), List.of(), List.of());
            EngineOptions touching = new EngineOptions(1, false, _ -> touch(file), () -> false);
            assertThatThrownBy(() -> Engine.run(everything(), source, folder.resolve("out"), touching)).isInstanceOf(IOException.class)
                    .hasMessageStartingWith(file + ": the file changed while it was read");
        }
        assertThat(left()).containsExactly("tokenizer.json");
    }

    private static void touch(Path file) {
        try {
            Files.setLastModifiedTime(file, FileTime.fromMillis(1_700_000_009_000L));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aSourceCutShortDuringTheRunIsAnError() throws Exception {
        Path file = Files.write(folder.resolve("source"), contents[0]);
        try (Checkpoint source = checkpoint(ByteSource.of(file), ByteSource.of("b", contents[1]))) {
            Files.write(file, Arrays.copyOf(contents[0], 1_000_000));
            assertThatThrownBy(() -> Engine.run(everything(), source, folder.resolve("out"), threads(2))).isInstanceOf(IOException.class)
                    .hasMessageStartingWith(file + ": the file ends at byte 1000000");
        }
        assertThat(left()).containsExactly("source");
    }

    @Test
    void aResultThatCannotFitTheDiskIsRefusedBeforeAnythingIsWritten() throws IOException {
        View huge = View.of(tensor("huge", 0, 0, DenseEncoding.F32, 1L << 30, 1L << 29));
        assertThatThrownBy(() -> Engine.run(oneFile("out", huge, in(DenseEncoding.BF16)), checkpoint(), folder.resolve("out"), threads(1)))
                .isInstanceOf(IOException.class).hasMessageMatching(".*out: the result needs 1152921504606846976 bytes, \\d+ are free");
        assertThat(left()).isEmpty();
    }

    @Test
    void aRunNeedsAThread() {
        assertThatThrownBy(() -> threads(0)).isInstanceOf(IllegalArgumentException.class).hasMessage("0 threads");
    }

    @Test
    void tasksCoverATensorOnceWhateverItsShape() {
        for (Encoding encoding : List.of(DenseEncoding.BF16, INT4, DENSE_INT4, INT8)) {
            for (Shape shape : List.of(Shape.of(1), Shape.of(3, 5), Shape.of(1000, 7), Shape.of(3, 1001), Shape.of(2, 3, 8))) {
                StoredTensor whole = new StoredTensor("t", shape, encoding, spans(encoding, shape));
                Job job = new Job(View.of(whole), whole, "plain", Job.Mode.ENCODE, "test", Optional.empty());
                for (long most : new long[] {1, 10, 64, 1000, 100_000}) {
                    int[] covered = new int[(int) shape.elements()];
                    for (Region region : Task.regions(job, Region.all(shape), most)) {
                        assertThat(region.rowBegin() % encoding.rowUnit(shape)).isZero();
                        assertThat(region.columnBegin() % encoding.columnUnit(shape)).isZero();
                        for (long row = region.rowBegin(); row < region.rowEnd(); row++) {
                            for (long column = region.columnBegin(); column < region.columnEnd(); column++) {
                                covered[(int) (row * shape.columns() + column)]++;
                            }
                        }
                    }
                    assertThat(covered).as("%s %s %s", encoding, shape, most).containsOnly(1);
                }
            }
        }
    }

    private static List<Span> spans(Encoding encoding, Shape shape) {
        return java.util.stream.IntStream.range(0, encoding.planes().size())
                .mapToObj(plane -> new Span(0, 0, encoding.planeBytes(plane, shape))).toList();
    }
}
