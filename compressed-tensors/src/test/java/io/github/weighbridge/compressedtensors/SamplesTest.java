package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.StoredTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

class SamplesTest {
    static Set<String> samples() throws IOException {
        return Samples.digests().keySet();
    }

    private static String sha256(float[] numbers) throws NoSuchAlgorithmException {
        ByteBuffer bytes = ByteBuffer.allocate(numbers.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(numbers);
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
    }

    @ParameterizedTest
    @MethodSource("samples")
    void everyNumberIsUpstreams(String sample) throws Exception {
        try (Checkpoint checkpoint = Samples.open(Samples.files(sample))) {
            for (Samples.Digest digest : Samples.digests().get(sample)) {
                Weight weight = checkpoint.graph().weight(digest.tensor()).orElseThrow();
                assertThat(sha256(Samples.numbers(checkpoint, weight.view()))).as(digest.tensor()).isEqualTo(digest.sha256());
            }
            assertThat(checkpoint.graph().weights()).hasSameSizeAs(Samples.digests().get(sample));
        }
    }

    @Test
    void whatUpstreamComputedInBf16IsWithinAUnitOfItsLastPlace() throws Exception {
        Optional<Path> upstream = SharedData.find("ct-samples/nvfp4a16.dequant");
        assumeTrue(upstream.isPresent(), "shared/data/ct-samples is not here");
        try (Checkpoint ours = Samples.open(Samples.files("nvfp4a16"));
                Checkpoint theirs = Formats.installed().open(Source.of(upstream.get()), ReadOptions.defaults())) {
            for (Weight weight : ours.graph().weights()) {
                float[] a = Samples.numbers(ours, weight.view());
                float[] b = Samples.numbers(theirs, theirs.graph().weight(weight.key()).orElseThrow().view());
                for (int i = 0; i < a.length; i++) {
                    float unit = Math.scalb(1f, Math.getExponent(b[i]) - 7);
                    assertThat(Math.abs(a[i] - b[i])).as("%s %d", weight.key(), i).isLessThanOrEqualTo(b[i] == 0 ? 0 : unit);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("samples")
    void everyByteBelongsToOneTensor(String sample) throws Exception {
        try (Checkpoint checkpoint = Samples.open(Samples.files(sample))) {
            long headers = 0;
            for (CheckpointFile file : checkpoint.files()) {
                headers += 8 + ByteBuffer.wrap(file.source().readBytes(0, 8)).order(ByteOrder.LITTLE_ENDIAN).getLong();
            }
            assertThat(checkpoint.graph().stored().stream().mapToLong(StoredTensor::bytes).sum() + headers).isEqualTo(checkpoint.bytes());
            assertThat(checkpoint.findings().stream().map(Finding::code)).containsExactly("unknown-architecture");
        }
    }

    @ParameterizedTest
    @MethodSource("samples")
    void aPartOfATensorIsThatPartOfItsNumbers(String sample) throws Exception {
        try (Checkpoint checkpoint = Samples.open(Samples.files(sample));
                ViewReader reader = new ViewReader(checkpoint.files().stream().map(CheckpointFile::source).toList())) {
            for (Weight weight : checkpoint.graph().weights()) {
                float[] all = Samples.numbers(checkpoint, weight.view());
                long rows = weight.view().shape().rows();
                int columns = (int) weight.view().shape().columns();
                Region some = new Region(rows / 3, rows / 3 + Math.max(1, rows / 2), 0, columns);
                float[] part = new float[some.elements()];
                reader.read(weight.view(), some, part, 0);
                for (int i = 0; i < part.length; i++) {
                    assertThat(part[i]).isEqualTo(all[(int) some.rowBegin() * columns + i]);
                }
                Region cut = new Region(rows - 1, rows, 3, columns - 5);
                reader.read(weight.view(), cut, part, 0);
                for (int i = 0; i < cut.elements(); i++) {
                    assertThat(part[i]).as("%s column %d", weight.key(), i + 3).isEqualTo(all[(int) (rows - 1) * columns + 3 + i]);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("samples")
    void theFolderIsClaimedByThisFormatAlone(String sample) throws Exception {
        Source source = Samples.source(Samples.files(sample));
        assertThat(new CompressedTensorsFormat().probe(source)).isEqualTo(Format.Claim.CERTAIN);
        assertThat(Formats.installed().claiming(source).name()).isEqualTo("compressed-tensors");
    }
}
