package io.github.weighbridge.litert;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.litert.file.flat.Allowance;
import io.github.weighbridge.litert.tflite.Indices;
import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.TfliteModel;
import io.github.weighbridge.view.Span;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class ConstantsTest {
    private static TfliteModel.Tensor tensor(String name, int buffer, long external, int... dimensions) {
        return new TfliteModel.Tensor(name, TensorType.FLOAT32.code(), Indices.of(dimensions), Indices.NONE, buffer, external, false, false,
                Optional.empty());
    }

    private static TfliteModel model(long length, List<TfliteModel.Buffer> buffers, List<TfliteModel.External> externals,
            List<List<TfliteModel.Tensor>> graphs) {
        return new TfliteModel(length, "", List.of(), buffers,
                graphs.stream().map(tensors -> new TfliteModel.Subgraph("", tensors, Indices.NONE, Indices.NONE, List.of())).toList(),
                List.of(),
                List.of(), externals);
    }

    private static Constants read(TfliteModel model, long begin, Optional<Container.Range> weights, long fileLength) throws IOException {
        return Constants.of(new Zeros(fileLength), new Container.Part("", begin, model.length(), weights), model,
                new Allowance(Limits.DEFAULT));
    }

    /// Places behind 2 GiB, and behind 4, are counted from the section's beginning.
    @Test
    void constantsLieBehindTwoGibibytes() throws IOException {
        long far = 5L << 30;
        TfliteModel model =
                model(far + 4096, List.of(TfliteModel.Buffer.NONE, new TfliteModel.Buffer(TfliteModel.Place.OUTSIDE, far, 4096)),
                        List.of(), List.of(List.of(tensor("far", 1, 0, 4, 256))));
        assertThat(read(model, 16384, Optional.empty(), far + 20480).list()).singleElement()
                .satisfies(constant -> assertThat(constant.planes()).containsExactly(new Span(0, 16384 + far, 4096)));
    }

    @Test
    void tensorsOfAllGraphsShareTheirBuffer() throws IOException {
        TfliteModel model = model(4096, List.of(TfliteModel.Buffer.NONE, new TfliteModel.Buffer(TfliteModel.Place.INLINE, 64, 128),
                new TfliteModel.Buffer(TfliteModel.Place.INLINE, 64, 128)), List.of(),
                List.of(List.of(tensor("prefill", 1, 0, 4, 8), tensor("made", 0, 0, 4, 8)), List.of(tensor("decode", 2, 0, 4, 8))));
        assertThat(read(model, 0, Optional.empty(), 4096).list()).extracting(Constants.Constant::name).containsExactly("prefill");
    }

    @Test
    void externalConstantsLieInTheSectionOfWeights() throws IOException {
        TfliteModel model = model(1024, List.of(), List.of(new TfliteModel.External(1L << 31, "tflite_weights", 64, 128, "unpacked")),
                List.of(List.of(tensor("outside", 0, 1L << 31, 4, 8))));
        assertThat(read(model, 0, Optional.of(new Container.Range(16384, 192)), 20000).list()).singleElement()
                .satisfies(constant -> assertThat(constant.planes()).containsExactly(new Span(0, 16384 + 64, 128)));
        Constants alone = read(model, 0, Optional.empty(), 20000);
        assertThat(alone.list()).isEmpty();
        assertThat(alone.missing()).containsExactly("outside");
        assertThatThrownBy(() -> read(model, 0, Optional.of(new Container.Range(16384, 191)), 20000))
                .isInstanceOf(CheckpointFormatException.class)
                .hasMessage(
                        "zeros: at byte 16384: tensor \"outside\": found 128 bytes at 64, expected a range within the 191 bytes of the section");
    }

    /// A file of any length that takes no memory.
    private record Zeros(long length) implements ByteSource {
        @Override
        public String name() {
            return "zeros";
        }

        @Override
        public void read(long offset, MemorySegment target) {
            java.util.Objects.checkFromIndexSize(offset, target.byteSize(), length);
            target.fill((byte) 0);
        }

        @Override
        public void close() {}
    }
}
