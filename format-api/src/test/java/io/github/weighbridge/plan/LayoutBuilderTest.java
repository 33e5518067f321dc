package io.github.weighbridge.plan;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.view.Elementwise;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class LayoutBuilderTest {
    private static final GridEncoding INT4 = new GridEncoding("int4",
            new Grid(Grid.Levels.Range.ofBits(4), new Grid.Granularity.Row(), DenseType.F32, true, Grid.Zero.NONE),
            new Packing(4, true, 0));

    private static StoredTensor stored(Encoding encoding, long... dimensions) {
        Shape shape = Shape.of(dimensions);
        List<Span> spans = new ArrayList<>();
        for (int plane = 0; plane < encoding.planes().size(); plane++) {
            spans.add(new Span(3, 1000L * (plane + 1), encoding.planeBytes(plane, shape)));
        }
        return new StoredTensor("source", shape, encoding, spans);
    }

    private static OutputFile layOut(View view, Choice choice, List<Job> jobs) {
        LayoutBuilder builder = new LayoutBuilder();
        builder.beginFile("f", true);
        builder.tensor(new TargetTensor("t", Identity.NONE, view, List.of()), choice);
        builder.endFile();
        jobs.addAll(builder.jobs());
        return builder.files().getFirst();
    }

    private static Job.Mode mode(View view, Encoding encoding, String method) {
        List<Job> jobs = new ArrayList<>();
        layOut(view, new Choice(encoding, method, "test"), jobs);
        return jobs.getFirst().mode();
    }

    /// As in a flatbuffer, where scales lie inside and codes behind.
    @Test
    void planesOfATensorLieApart() {
        LayoutBuilder builder = new LayoutBuilder();
        builder.beginFile("f", true);
        int first = builder.reserve(new TargetTensor("a", Identity.NONE, View.of(stored(DenseEncoding.F32, 4, 8)), List.of()),
                new Choice(INT4, "plain", "test"), Optional.empty());
        int second = builder.reserve(new TargetTensor("b", Identity.NONE, View.of(stored(INT4, 2, 8)), List.of()),
                new Choice(INT4, "keep", "test"), Optional.empty());
        builder.plane(second, 1);
        builder.plane(first, 1);
        assertThatThrownBy(builder::jobs).isInstanceOf(IllegalStateException.class).hasMessage("a has a plane without a place");
        builder.zeros(40);
        builder.plane(first, 0);
        builder.plane(second, 0);
        assertThatThrownBy(() -> builder.plane(first, 0)).isInstanceOf(IllegalArgumentException.class);
        builder.endFile();
        assertThat(builder.files().getFirst().pieces()).containsExactly(new Piece.Copy(0, 8, 3, 2000), new Piece.PlaneOf(8, 16, 0, 1),
                new Piece.Padding(24, 40), new Piece.PlaneOf(64, 16, 0, 0), new Piece.Copy(80, 8, 3, 1000));
        assertThat(builder.jobs()).extracting(job -> job.target().name()).containsExactly("a", "b");
        assertThat(builder.jobs().getFirst().target().planes()).containsExactly(new Span(0, 64, 16), new Span(0, 8, 16));
        assertThat(builder.jobs().getLast().target().planes()).containsExactly(new Span(0, 80, 8), new Span(0, 0, 8));
    }

    @Test
    void aWholeTensorInItsOwnEncodingIsACopyOfItsSpans() {
        List<Job> jobs = new ArrayList<>();
        assertThat(layOut(View.of(stored(DenseEncoding.BF16, 4, 6)), Choice.of(DenseEncoding.BF16, "keep"), jobs).pieces())
                .containsExactly(new Piece.Copy(0, 48, 3, 1000));
        assertThat(jobs).containsExactly(new Job(View.of(stored(DenseEncoding.BF16, 4, 6)),
                new StoredTensor("t", Shape.of(4, 6), DenseEncoding.BF16, List.of(new Span(0, 0, 48))), "plain", Job.Mode.COPY, "keep",
                Optional.empty()));
    }

    @Test
    void everyPlaneOfAWholeTensorIsCopiedFromItsPlace() {
        assertThat(layOut(View.of(stored(INT4, 4, 6)), Choice.of(INT4, "keep"), new ArrayList<>()).pieces())
                .containsExactly(new Piece.Copy(0, 12, 3, 1000), new Piece.Copy(12, 16, 3, 2000));
    }

    @Test
    void aReshapedDenseTensorIsCopiedToo() {
        View view = View.reshape(View.of(stored(DenseEncoding.F32, 4, 6)), Shape.of(3, 8));
        assertThat(layOut(view, Choice.of(DenseEncoding.F32, "keep"), new ArrayList<>()).pieces())
                .containsExactly(new Piece.Copy(0, 96, 3, 1000));
    }

    @Test
    void aWholeTensorThatIsNotUnderstoodIsCopied() {
        OpaqueEncoding opaque = new OpaqueEncoding("IQ9", 9, 123);
        List<Job> jobs = new ArrayList<>();
        assertThat(layOut(View.of(stored(opaque, 4, 6)), Choice.of(opaque, "keep"), jobs).pieces())
                .containsExactly(new Piece.Copy(0, 123, 3, 1000));
        assertThat(jobs.getFirst().mode()).isEqualTo(Job.Mode.COPY);
    }

    @Test
    void aWholeTensorWhoseRowsShareBytesIsCopied() {
        GridEncoding dense = new GridEncoding("int4",
                new Grid(Grid.Levels.Range.ofBits(4), new Grid.Granularity.Row(), DenseType.F32, true, Grid.Zero.NONE),
                new Packing(4, false, 0));
        assertThat(mode(View.of(stored(dense, 5, 3)), dense, "plain")).isEqualTo(Job.Mode.COPY);
        assertThat(mode(View.slice(View.of(stored(dense, 5, 3)), 0, 1, 3), dense, "plain")).isEqualTo(Job.Mode.ENCODE);
    }

    @Test
    void rowsOfATensorAreAJobThatCopies() {
        View view = View.slice(View.of(stored(DenseEncoding.BF16, 4, 6)), 0, 1, 3);
        List<Job> jobs = new ArrayList<>();
        assertThat(layOut(view, Choice.of(DenseEncoding.BF16, "keep"), jobs).pieces()).containsExactly(new Piece.PlaneOf(0, 24, 0, 0));
        assertThat(jobs.getFirst().mode()).isEqualTo(Job.Mode.COPY);
    }

    @Test
    void codesAreCarriedOnlyWhereTheChoiceSaysSo() {
        View view = View.of(stored(INT4, 4, 6));
        GridEncoding other = new GridEncoding("int8",
                new Grid(Grid.Levels.Range.ofBits(8), new Grid.Granularity.Row(), DenseType.F32, true, Grid.Zero.NONE),
                new Packing(8, false, 0));
        assertThat(mode(view, other, "carry")).isEqualTo(Job.Mode.CARRY);
        assertThat(mode(view, other, "plain")).isEqualTo(Job.Mode.ENCODE);
        assertThat(mode(view, INT4, "plain")).isEqualTo(Job.Mode.COPY);
        assertThat(mode(view, INT4, "keep")).isEqualTo(Job.Mode.COPY);
        assertThat(mode(view, INT4, "exact")).as("asked for another recipe").isEqualTo(Job.Mode.ENCODE);
    }

    @Test
    void numbersThatAreComputedAreEncoded() {
        View view = View.of(stored(DenseEncoding.BF16, 4, 6));
        assertThat(mode(view, DenseEncoding.F32, "plain")).isEqualTo(Job.Mode.ENCODE);
        assertThat(mode(View.map(view, new Elementwise.Add(1)), DenseEncoding.BF16, "plain")).isEqualTo(Job.Mode.ENCODE);
        assertThat(mode(View.transpose(view, List.of(1, 0)), DenseEncoding.BF16, "plain")).isEqualTo(Job.Mode.ENCODE);
        assertThat(mode(new View.Constant(Shape.of(1), List.of(1f)), DenseEncoding.F32, "plain")).isEqualTo(Job.Mode.ENCODE);
    }

    @Test
    void filesAreLaidOutOneAfterTheOtherWithPaddingAndDocuments() {
        LayoutBuilder builder = new LayoutBuilder();
        TargetTensor tensor = new TargetTensor("a", Identity.NONE, View.of(stored(DenseEncoding.BF16, 5)), List.of("k"));
        TargetTensor other = new TargetTensor("b", Identity.NONE, View.map(tensor.view(), new Elementwise.Add(1)), List.of());
        builder.beginFile("one", true);
        builder.rendered(Blob.of(new byte[] {1, 2, 3}));
        builder.align(32);
        assertThat(builder.position()).isEqualTo(32);
        builder.align(32);
        builder.tensor(tensor, Choice.of(DenseEncoding.BF16, "r"));
        builder.align(8);
        builder.tensor(other, Choice.of(DenseEncoding.F32, "r"));
        builder.endFile();
        builder.beginFile("two", true);
        builder.tensor(other, Choice.of(INT4, "r"));
        builder.endFile();
        builder.beginFile("three", false);
        builder.document("tokenizer.json", 77);
        builder.rendered(Blob.of(new byte[0]));
        builder.endFile();
        assertThat(builder.files()).extracting(OutputFile::name).containsExactly("one", "two", "three");
        assertThat(builder.files()).extracting(OutputFile::holdsTensors).containsExactly(true, true, false);
        assertThat(builder.files()).extracting(OutputFile::length).containsExactly(68L, 7L, 77L);
        assertThat(builder.files().get(0).pieces()).containsExactly(new Piece.Rendered(0, Blob.of(new byte[] {1, 2, 3})),
                new Piece.Padding(3, 29), new Piece.Copy(32, 10, 3, 1000), new Piece.Padding(42, 6), new Piece.PlaneOf(48, 20, 1, 0));
        assertThat(builder.files().get(1).pieces()).containsExactly(new Piece.PlaneOf(0, 3, 2, 0), new Piece.PlaneOf(3, 4, 2, 1));
        assertThat(builder.files().get(2).pieces()).containsExactly(new Piece.Document(0, 77, "tokenizer.json"));
        assertThat(builder.jobs()).extracting(job -> job.target().planes()).containsExactly(List.of(new Span(0, 32, 10)),
                List.of(new Span(0, 48, 20)), List.of(new Span(1, 0, 3), new Span(1, 3, 4)));
        ConversionPlan plan = new ConversionPlan("f", Optional.empty(), true, builder.files(), builder.jobs(),
                Architecture.unknown("x", Value.Fields.EMPTY), Map.of(), List.of());
        assertThat(plan.bytes()).isEqualTo(68 + 7 + 77);
        assertThat(plan.tensors()).extracting(StoredTensor::name).containsExactly("a", "b", "b");
    }

    @Test
    void piecesMustCoverAFileWithoutGaps() {
        Piece first = new Piece.Padding(0, 4);
        assertThat(new OutputFile("f", true, 6, List.of(first, new Piece.Padding(4, 2))).length()).isEqualTo(6);
        assertThat(new OutputFile("f", true, 0, List.of()).pieces()).isEmpty();
        assertThatThrownBy(() -> new OutputFile("f", true, 6, List.of(first, new Piece.Padding(5, 1))))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("f: a piece begins at 5, expected 4");
        assertThatThrownBy(() -> new OutputFile("f", true, 6, List.of(first, new Piece.Padding(3, 3))))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("f: a piece begins at 3, expected 4");
        assertThatThrownBy(() -> new OutputFile("f", true, 5, List.of(first))).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("f: the pieces end at 4, the file at 5");
        assertThatThrownBy(() -> new OutputFile("f", true, 4, List.of(new Piece.Padding(1, 3))))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new OutputFile("f", true, 3, List.of(first, new Piece.Padding(4, -1))))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theSmallestTypeThatHoldsAViewExactly() {
        View bf16 = View.of(stored(DenseEncoding.BF16, 2, 6));
        View f16 = View.of(stored(DenseEncoding.F16, 2, 6));
        View f32 = View.of(stored(DenseEncoding.F32, 2, 6));
        View i64 = View.of(stored(DenseEncoding.of(DenseType.I64), 2, 6));
        assertThat(Exact.denseType(bf16)).contains(DenseType.BF16);
        assertThat(Exact.denseType(View.swap(View.slice(View.reshape(bf16, Shape.of(4, 3)), 0, 0, 4), 0, 2, 2, 1)))
                .contains(DenseType.BF16);
        assertThat(Exact.denseType(View.transpose(bf16, List.of(1, 0)))).contains(DenseType.BF16);
        assertThat(Exact.denseType(View.map(bf16, new Elementwise.Add(1)))).contains(DenseType.F32);
        assertThat(Exact.denseType(View.concat(0, List.of(bf16, bf16)))).contains(DenseType.BF16);
        assertThat(Exact.denseType(View.concat(0, List.of(bf16, f32)))).contains(DenseType.F32);
        assertThat(Exact.denseType(View.concat(0, List.of(f32, bf16)))).contains(DenseType.F32);
        assertThat(Exact.denseType(View.concat(0, List.of(f16, bf16)))).as("neither holds the other").contains(DenseType.F32);
        assertThat(Exact.denseType(View.concat(0, List.of(i64, f32)))).isEmpty();
        assertThat(Exact.denseType(View.of(stored(INT4, 4, 6)))).contains(DenseType.F32);
        assertThat(Exact.denseType(View.of(stored(new OpaqueEncoding("X", 1, 5), 4, 6)))).isEmpty();
        assertThat(Exact.denseType(new View.Constant(Shape.of(1), List.of(1f)))).contains(DenseType.F32);
    }

    @Test
    void renderedBytesAreEqualWhenTheyAreTheSame() {
        Blob blob = Blob.of(new byte[] {1, 2});
        assertThat(blob).isEqualTo(Blob.of(new byte[] {1, 2})).hasSameHashCodeAs(Blob.of(new byte[] {1, 2}))
                .isNotEqualTo(Blob.of(new byte[] {1, 3}));
        assertThat(Blob.of(new byte[0]).sha256()).isEqualTo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assertThat(blob.segment().isReadOnly()).isTrue();
        assertThat(blob.length()).isEqualTo(2);
        assertThat(blob).hasToString("2 bytes, sha256 " + blob.sha256());
    }

    @Test
    void anAssignmentKnowsEveryTensorOrSaysSo() {
        TargetTensor tensor = new TargetTensor("a", Identity.NONE, View.of(stored(DenseEncoding.BF16, 5)), List.of());
        Choice choice = Choice.of(DenseEncoding.BF16, "r");
        assertThat(new Assignment(Map.of("a", choice), List.of(), Optional.empty()).of(tensor)).isEqualTo(choice);
        assertThat(tensor.shape()).isEqualTo(Shape.of(5));
        assertThatThrownBy(() -> new Assignment(Map.of(), List.of(), Optional.empty()).of(tensor))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("no encoding is assigned to a");
    }
}
