package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.Families;
import io.github.weighbridge.fixtures.DecoderFixture;
import io.github.weighbridge.fixtures.DecoderModel;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufKey;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.gguf.file.GgufText;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.gguf.file.GgufValueType;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ImportanceMatrix;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static io.github.weighbridge.fixtures.contract.CoveragePage.same;
import static io.github.weighbridge.fixtures.contract.CoveragePage.table;
import static org.assertj.core.api.Assertions.assertThat;

/// The tables of FORMAT_COVERAGE.md, held against the code in both directions: what it does stands there, and what stands there it does.
class CoverageTest {
    @TempDir private static Path folder;

    @Test
    void tensorTypes() throws Exception {
        List<String> rows = new ArrayList<>();
        for (int id = 0; id < GgmlType.ID_COUNT; id++) {
            Optional<GgmlType> known = GgmlType.ofId(id);
            if (known.isEmpty()) {
                rows.add("| " + id + " | " + GgmlType.removedName(id).orElseThrow() + " | refused | refused | refused |");
                continue;
            }
            GgmlType type = known.get();
            Encoding encoding = GgmlEncodings.of(type);
            boolean encodes = encoding.encoder(EncoderInputs.PLAIN).isPresent();
            String written = encodes ? "encoded" + (encoding.codeWriter().isPresent() ? ", codes carried" : "") : "copied";
            rows.add("| " + id + " | " + type + " | " + (encoding.decoder().isPresent() ? "decoded" : "weighed") + " | "
                    + (LittleEndianSource.understands(type) ? encoding.decoder().isPresent() ? "decoded" : "copied" : "weighed") + " | "
                    + written + " |");
        }
        same("### Tensor types", rows);
    }

    @Test
    void fileTypes() throws Exception {
        List<String> rows = new ArrayList<>();
        for (GgufFileType type : GgufFileType.values()) {
            String answer = !GgufFileType.names().contains(type.name()) ? "refused"
                    : QuantizationMix.needsImportance(type, "blk.0.ffn_up.weight", type.type()) ? "with an importance matrix" : "written";
            rows.add("| " + type.id() + " | " + type + " | " + answer + " |");
        }
        same("### File types (`--type`)", rows);
    }

    @Test
    void families() throws Exception {
        Set<String> rows = new TreeSet<>();
        Families.installed().all().stream().filter(family -> family.dialect(Dialect.GGUF).isPresent()).forEach(family -> rows
                .add(family.name() + (family.dialect(Dialect.GGUF_MMPROJ).isPresent() ? " with encoders" : "")));
        Map<String, Boolean> found = new TreeMap<>();
        for (String row : table("### Architectures")) {
            String family = row.split(" *\\| *")[2];
            if (!family.equals("any")) {
                found.merge(family, row.contains("`--mmproj`"), (a, b) -> a || b);
            }
        }
        assertThat(found.entrySet().stream().map(entry -> entry.getKey() + (entry.getValue() ? " with encoders" : "")))
                .containsExactlyElementsOf(rows);
    }

    /// Keys in files that are written of everything the fixtures have; which of them a reader minds shows when one is changed.
    @Test
    void keys() throws Exception {
        Map<String, Boolean> keys = new TreeMap<>();
        for (Gemma4Size size : List.of(Gemma4Size.TINY, Gemma4Size.TINY_MOE, Gemma4Size.TINY_UNIFIED, Gemma4Size.TINY_TOWERS,
                Gemma4Size.TINY_ASSISTANT)) {
            Path source = folder.resolve(size.name());
            Gemma4Fixture.write(source, Gemma4Options.of(size).withThreads(2));
            TargetRequest request = TargetRequest.named(size.name() + ".gguf").withOption("split-max-size", "100G")
                    .withImportance(new ImportanceMatrix("i.gguf", List.of("text"), 1, Map.of("x", new float[] {1})));
            if (size == Gemma4Size.TINY_TOWERS || size == Gemma4Size.TINY_UNIFIED) {
                request = request.withOption("mmproj", size.name() + "-mmproj.gguf");
            }
            var plan = Conversions.convert(source, folder.resolve(size.name() + ".gguf"), Policy.KEEP.withType("Q8_0", false), request);
            for (var file : plan.files()) {
                mind(Files.readAllBytes(folder.resolve(file.name())), keys);
            }
        }
        for (DecoderModel model : DecoderModel.values()) {
            Path source = folder.resolve(model.name());
            DecoderFixture.write(source, model, SafetensorsType.BF16, 3);
            Conversions.convert(source, folder.resolve(model + ".gguf"), Policy.KEEP.withType("Q8_0", false));
            mind(Files.readAllBytes(folder.resolve(model + ".gguf")), keys);
        }
        List<String> rows = new ArrayList<>();
        // What shards say of themselves is held against their names and each other, which needs more than one (GgufSetTest), and never carried.
        keys.replaceAll((key, minded) -> minded || key.startsWith("split."));
        keys.forEach((key, minded) -> rows.add("| `" + key + "` | " + (minded ? "minded" : "carried") + " | written |"));
        same("### Keys", rows);
    }

    private static void mind(byte[] bytes, Map<String, Boolean> keys) throws IOException {
        try (ByteSource source = ByteSource.of("m.gguf", bytes)) {
            GgufFile file = GgufFile.read(source, Limits.DEFAULT);
            String architecture = file.text("general.architecture").orElseThrow();
            Optional<Architecture> before = architecture(bytes);
            for (GgufKey key : file.keys().values()) {
                String name = key.name().startsWith(architecture + ".") && !architecture.equals("clip")
                        ? "ARCH" + key.name().substring(architecture.length()) : key.name();
                GgufHeader.Builder builder = GgufHeader.builder();
                for (GgufKey other : file.keys().values()) {
                    builder.put(other.name(), other == key ? changed(key.value()) : other.value());
                }
                for (GgufTensorInfo tensor : file.tensors()) {
                    builder.tensor(tensor.name(), tensor.shape(), tensor.type());
                }
                GgufHeader header = builder.build();
                byte[] altered = Arrays.copyOf(header.toBytes(), (int) header.fileLength());
                // Some tensors stand for hyper-parameters, so that their numbers stay.
                for (GgufTensorInfo tensor : header.tensors()) {
                    int from = (int) file.tensor(tensor.name()).orElseThrow().position();
                    System.arraycopy(bytes, from, altered, (int) tensor.position(), (int) tensor.byteLength());
                }
                boolean minded = !architecture(altered).map(GgufAnswers::of).equals(before.map(GgufAnswers::of));
                keys.merge(name, minded, (a, b) -> a || b);
            }
        }
    }

    /// What reading gives, all but the raw keys that an unknown architecture repeats.
    private record GgufAnswers(Object what) {
        static GgufAnswers of(Architecture architecture) {
            return new GgufAnswers(architecture.known() ? architecture : List.of(architecture.family(), architecture.name()));
        }
    }

    private static Optional<Architecture> architecture(byte[] bytes) throws IOException {
        Source source = new Source("m.gguf", SourceTree.of("", Map.of("m.gguf", bytes)), Optional.of("m.gguf"));
        try (Checkpoint checkpoint = Formats.installed().open(source, ReadOptions.defaults())) {
            return Optional.of(checkpoint.architecture());
        } catch (CheckpointFormatException e) {
            return Optional.empty();
        }
    }

    private static GgufValue changed(GgufValue value) throws IOException {
        return switch (value) {
            case GgufValue.Whole(GgufValueType type, long number) -> new GgufValue.Whole(type, number + 1);
            case GgufValue.F32(float number) -> GgufValue.f32(number + 0.5f);
            case GgufValue.F64(double number) -> GgufValue.f64(number + 0.5);
            case GgufValue.Flag(boolean set) -> GgufValue.flag(!set);
            case GgufText text -> GgufValue.text(text.text() + "x");
            case GgufArray array -> switch (array.elementType()) {
                case STRING -> GgufArray.ofStrings(array.strings().subList(1, array.count()));
                case BOOL -> {
                    boolean[] flags = array.flags();
                    flags[0] = !flags[0];
                    yield GgufArray.ofFlags(flags);
                }
                case F32, F64 -> GgufArray.ofFloats(new float[array.count()]);
                default -> {
                    long[] numbers = array.longs();
                    numbers[0]++;
                    yield GgufArray.ofWhole(array.elementType(), numbers);
                }
            };
        };
    }
}
