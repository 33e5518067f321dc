package io.github.weighbridge.view;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class ViewTest {
    private static View stored(String name, long... dimensions) {
        Shape shape = Shape.of(dimensions);
        return View.of(new StoredTensor(name, shape, DenseEncoding.BF16, List.of(new Span(0, 0, 2 * shape.elements()))));
    }

    @Test
    void aSliceOfTheWholeIsTheWhole() {
        View t = stored("t", 4, 6);
        assertThat(View.slice(t, 0, 0, 4)).isSameAs(t);
        assertThat(View.slice(t, 1, 0, 6)).isSameAs(t);
        assertThat(View.slice(t, 1, 0, 5)).isEqualTo(new View.Slice(t, 1, 0, 5));
    }

    @Test
    void aSliceOfASliceAlongOneAxisIsOneSlice() {
        View t = stored("t", 10, 6);
        assertThat(View.slice(View.slice(t, 0, 2, 9), 0, 1, 4)).isEqualTo(new View.Slice(t, 0, 3, 6));
        assertThat(View.slice(View.slice(t, 0, 2, 9), 1, 1, 4)).isEqualTo(new View.Slice(new View.Slice(t, 0, 2, 9), 1, 1, 4));
    }

    @Test
    void aSliceWithinOnePartOfAConcatIsASliceOfThePart() {
        View a = stored("a", 3, 6);
        View b = stored("b", 5, 6);
        View joined = View.concat(0, List.of(a, b));
        assertThat(joined.shape()).isEqualTo(Shape.of(8, 6));
        assertThat(View.slice(joined, 0, 0, 3)).isSameAs(a);
        assertThat(View.slice(joined, 0, 3, 8)).isSameAs(b);
        assertThat(View.slice(joined, 0, 4, 6)).isEqualTo(new View.Slice(b, 0, 1, 3));
        assertThat(View.slice(joined, 0, 2, 4)).isEqualTo(new View.Slice(joined, 0, 2, 4));
    }

    @Test
    void aSliceOutsideTheAxisIsRefused() {
        View t = stored("t", 4, 6);
        assertThatThrownBy(() -> View.slice(t, 0, 0, 5)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> View.slice(t, 0, 3, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> View.slice(t, 0, -1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void neighbouringSlicesJoinAgain() {
        View t = stored("t", 10, 6);
        assertThat(View.concat(0, List.of(View.slice(t, 0, 0, 4), View.slice(t, 0, 4, 10)))).isSameAs(t);
        assertThat(View.concat(1, List.of(View.slice(t, 1, 1, 2), View.slice(t, 1, 2, 3), View.slice(t, 1, 3, 5))))
                .isEqualTo(new View.Slice(t, 1, 1, 5));
    }

    @Test
    void slicesThatAreNotNeighboursStayApart() {
        View t = stored("t", 10, 6);
        View other = stored("other", 10, 6);
        assertThat(View.concat(0, List.of(View.slice(t, 0, 4, 10), View.slice(t, 0, 0, 4)))).isInstanceOf(View.Concat.class);
        assertThat(View.concat(0, List.of(View.slice(t, 0, 0, 4), View.slice(t, 0, 5, 10)))).isInstanceOf(View.Concat.class);
        assertThat(View.concat(0, List.of(View.slice(t, 0, 0, 4), View.slice(other, 0, 4, 10)))).isInstanceOf(View.Concat.class);
        assertThat(View.concat(1, List.of(View.slice(t, 0, 0, 4), View.slice(t, 0, 4, 8)))).isInstanceOf(View.Concat.class);
    }

    @Test
    void aConcatOfOneIsThatOneAndOfDifferentWidthsIsRefused() {
        View t = stored("t", 4, 6);
        assertThat(View.concat(0, List.of(t))).isSameAs(t);
        assertThatThrownBy(() -> View.concat(0, List.of(t, stored("u", 4, 5)))).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("shapes [4, 6] and [4, 5] do not join along axis 0");
        assertThatThrownBy(() -> View.concat(0, List.of(t, stored("u", 4, 6, 1)))).isInstanceOf(IllegalArgumentException.class);
    }

    /// Takes a fused tensor apart into gates and ups of experts.
    private static List<View> experts(View fused) {
        long width = fused.shape().dimension(1) / 2;
        List<View> parts = new ArrayList<>();
        for (long e = 0; e < fused.shape().dimension(0); e++) {
            View expert = View.reshape(View.slice(fused, 0, e, e + 1), Shape.of(2 * width, fused.shape().dimension(2)));
            parts.add(View.slice(expert, 0, 0, width));
            parts.add(View.slice(expert, 0, width, 2 * width));
        }
        return parts;
    }

    @Test
    void expertsTakenApartAndStackedAgainAreTheStoredTensor() {
        for (long count : new long[] {1, 2, 128}) {
            View fused = stored("experts.gate_up_proj", count, 2 * 704, 2816);
            List<View> parts = experts(fused);
            List<View> stacked = new ArrayList<>();
            for (int e = 0; e < count; e++) {
                stacked.add(View.concat(0, List.of(parts.get(2 * e), parts.get(2 * e + 1))));
            }
            assertThat(View.stack(stacked)).as("%s experts", count).isSameAs(fused);
        }
    }

    @Test
    void expertsInAnotherOrderAreNotTheStoredTensor() {
        View fused = stored("fused", 3, 4, 8);
        List<View> parts = experts(fused);
        View swapped = View.stack(List.of(View.concat(0, List.of(parts.get(1), parts.get(0))),
                View.concat(0, List.of(parts.get(2), parts.get(3))), View.concat(0, List.of(parts.get(4), parts.get(5)))));
        assertThat(swapped).isNotEqualTo(fused);
        assertThat(swapped.shape()).isEqualTo(fused.shape());
    }

    @Test
    void gatesAloneAreAStackOfTheirSlices() {
        View fused = stored("fused", 2, 6, 8);
        List<View> parts = experts(fused);
        View gates = View.stack(List.of(parts.get(0), parts.get(2)));
        assertThat(gates.shape()).isEqualTo(Shape.of(2, 3, 8));
        assertThat(View.stored(gates)).hasSize(1);
    }

    @Test
    void aSwapAndItsInverseCancel() {
        View t = stored("t", 24, 6);
        View swapped = View.swap(t, 0, 2, 3, 2);
        assertThat(swapped).isEqualTo(new View.Swap(t, 0, 2, 3, 2));
        assertThat(View.swap(swapped, 0, 3, 2, 2)).isSameAs(t);
        assertThat(View.swap(swapped, 0, 2, 3, 2)).isInstanceOf(View.Swap.class);
        assertThat(View.swap(swapped, 0, 3, 2, 1)).isInstanceOf(View.Swap.class);
        assertThat(View.swap(swapped, 1, 3, 2, 1)).isInstanceOf(View.Swap.class);
    }

    @Test
    void aSwapOfOneBlockIsNone() {
        View t = stored("t", 24, 6);
        assertThat(View.swap(t, 0, 1, 4, 2)).isSameAs(t);
        assertThat(View.swap(t, 0, 4, 1, 2)).isSameAs(t);
        assertThatThrownBy(() -> View.swap(t, 0, 5, 2, 1)).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("axis 0 of [24, 6] is no multiple of 5 x 2 x 1");
    }

    @Test
    void additionsThatUndoEachOtherCancel() {
        View t = stored("t", 4);
        Elementwise plus = new Elementwise.Add(1);
        Elementwise minus = new Elementwise.Add(-1);
        assertThat(View.map(View.map(t, plus), minus)).isSameAs(t);
        assertThat(View.map(View.map(t, minus), plus)).isSameAs(t);
        assertThat(View.map(View.map(t, plus), plus)).isInstanceOf(View.Mapped.class);
        assertThat(View.map(View.map(t, plus), new Elementwise.Add(-1.5f))).isInstanceOf(View.Mapped.class);
    }

    @Test
    void softplusAndItsInverseCancel() {
        View t = stored("t", 4);
        Elementwise to = new Elementwise.Softplus();
        Elementwise back = new Elementwise.InverseSoftplus();
        assertThat(View.map(View.map(t, to), back)).isSameAs(t);
        assertThat(View.map(View.map(t, back), to)).isSameAs(t);
        assertThat(View.map(View.map(t, to), to)).isInstanceOf(View.Mapped.class);
        assertThat(View.map(View.map(t, back), new Elementwise.Add(1))).isInstanceOf(View.Mapped.class);
    }

    @Test
    void softplusIsTheLogarithmOfOnePlusTheExponential() {
        float[] x = {-50, -1, 0, 1, 19.9f, 20, 21, 1000, Float.POSITIVE_INFINITY};
        float[] y = x.clone();
        new Elementwise.Softplus().apply(y, 1, x.length);
        assertThat(y[0]).as("outside the range").isEqualTo(-50);
        assertThat(y[1]).isEqualTo((float) 0.31326168751822286);
        assertThat(y[2]).isEqualTo((float) Math.log(2));
        assertThat(y[3]).isEqualTo((float) 1.3132616875182228);
        assertThat(y[5]).isEqualTo(20);
        assertThat(y[7]).isEqualTo(1000);
        assertThat(y[8]).isEqualTo(Float.POSITIVE_INFINITY);
        new Elementwise.InverseSoftplus().apply(y, 1, x.length);
        for (int i = 1; i < 8; i++) {
            assertThat((double) y[i]).isCloseTo(x[i], org.assertj.core.data.Offset.offset(1e-5));
        }
        float[] tiny = {-50};
        new Elementwise.Softplus().apply(tiny, 0, 1);
        assertThat(tiny[0]).isEqualTo((float) Math.exp(-50));
    }

    @Test
    void reshapesJoinAndCancel() {
        View t = stored("t", 4, 6);
        View other = View.reshape(t, Shape.of(2, 12));
        assertThat(other).isEqualTo(new View.Reshape(t, Shape.of(2, 12)));
        assertThat(View.reshape(other, Shape.of(24))).isEqualTo(new View.Reshape(t, Shape.of(24)));
        assertThat(View.reshape(other, Shape.of(4, 6))).isSameAs(t);
        assertThatThrownBy(() -> View.reshape(t, Shape.of(5, 5))).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("shape [4, 6] does not become [5, 5]");
    }

    @Test
    void transposesJoinAndCancel() {
        View t = stored("t", 2, 3, 4);
        View turned = View.transpose(t, List.of(2, 0, 1));
        assertThat(turned.shape()).isEqualTo(Shape.of(4, 2, 3));
        assertThat(View.transpose(turned, List.of(1, 2, 0))).isSameAs(t);
        assertThat(View.transpose(turned, List.of(2, 0, 1))).isEqualTo(new View.Transpose(t, List.of(1, 2, 0)));
        assertThat(View.transpose(t, List.of(0, 1, 2))).isSameAs(t);
    }

    @Test
    void simplifyingChangesNoNumber() {
        Map<String, float[]> numbers = new HashMap<>();
        Random random = new Random(9);
        for (int i = 0; i < 4000; i++) {
            numbers.clear();
            java.util.function.Function<Shape, View> leaf = shape -> {
                // Few different tensors, so that neighbours may meet.
                String name = shape.toString() + random.nextInt(2);
                numbers.computeIfAbsent(name, n -> {
                    float[] values = new float[(int) shape.elements()];
                    for (int k = 0; k < values.length; k++) {
                        values[k] = n.hashCode() % 1000 * 100 + k;
                    }
                    return values;
                });
                return stored(name, shape.dimensions());
            };
            View plain = new RandomViews(random, leaf, false).view(4);
            View simple = simplified(plain);
            assertThat(simple.shape()).isEqualTo(plain.shape());
            assertThat(BruteForce.numbers(simple, t -> numbers.get(t.name()))).as(plain.toString())
                    .isEqualTo(BruteForce.numbers(plain, t -> numbers.get(t.name())));
        }
    }

    private static View simplified(View view) {
        return switch (view) {
            case View.Stored _, View.Constant _ -> view;
            case View.Slice(View of, int axis, long begin, long end) -> View.slice(simplified(of), axis, begin, end);
            case View.Concat(int axis, List<View> parts) -> View.concat(axis, parts.stream().map(ViewTest::simplified).toList());
            case View.Swap(View of, int axis, long first, long second, long block) -> View.swap(simplified(of), axis, first, second, block);
            case View.Reshape(View of, Shape shape) -> View.reshape(simplified(of), shape);
            case View.Transpose(View of, List<Integer> order) -> View.transpose(simplified(of), order);
            case View.Mapped(View of, Elementwise function) -> View.map(simplified(of), function);
        };
    }

    @Test
    void theStoredTensorsOfAViewAreListedOnceInOrder() {
        View a = stored("a", 4, 6);
        View b = stored("b", 4, 6);
        View view = View.map(
                View.concat(0, List.of(View.slice(b, 0, 1, 2), a, View.transpose(View.reshape(b, Shape.of(6, 4)), List.of(1, 0)),
                        View.swap(a, 0, 2, 2, 1), new View.Constant(Shape.of(1, 6), List.of(1f, 2f, 3f, 4f, 5f, 6f)))),
                new Elementwise.Add(1));
        assertThat(View.stored(view)).extracting(StoredTensor::name).containsExactly("b", "a");
    }

    @Test
    void aConstantHasAsManyNumbersAsItsShape() {
        assertThatThrownBy(() -> new View.Constant(Shape.of(2, 2), List.of(1f, 2f, 3f))).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("3 numbers for shape [2, 2]");
    }

    @Test
    void aStoredTensorHasASpanOfTheRightLengthForEachPlane() {
        assertThatThrownBy(() -> new StoredTensor("t", Shape.of(2, 3), DenseEncoding.F32, List.of(new Span(0, 0, 23))))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("t: plane data has 23 bytes, F32 of shape [2, 3] needs 24");
        assertThatThrownBy(() -> new StoredTensor("t", Shape.of(2, 3), DenseEncoding.F32, List.of()))
                .isInstanceOf(IllegalArgumentException.class).hasMessageStartingWith("t: 0 spans for the planes");
        assertThat(new StoredTensor("t", Shape.of(2, 3), DenseEncoding.F32, List.of(new Span(1, 5, 24))).bytes()).isEqualTo(24);
        assertThat(new Span(1, 5, 24).end()).isEqualTo(29);
        assertThatThrownBy(() -> new Span(-1, 0, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Span(0, -1, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Span(0, 0, -1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Span(0, Long.MAX_VALUE, 1)).isInstanceOf(IllegalArgumentException.class);
    }
}
