package io.github.weighbridge.view;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class RunTest {
    private final Map<String, float[]> numbers = new HashMap<>();

    private View leaf(Shape shape) {
        String name = "t" + numbers.size();
        float[] values = new float[(int) shape.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = numbers.size() * 10_000 + i;
        }
        numbers.put(name, values);
        return View.of(new StoredTensor(name, shape, DenseEncoding.F32, List.of(new Span(0, 0, 4 * shape.elements()))));
    }

    private float[] numbers(View view) {
        return BruteForce.numbers(view, tensor -> numbers.get(tensor.name()));
    }

    private void assertRuns(View view, Region region) {
        float[] expected = BruteForce.cut(numbers(view), view.shape(), region);
        float[] found = new float[expected.length];
        int at = 0;
        for (Run run : Run.of(view, region)) {
            Shape below = run.view().shape();
            assertThat(run.region().rowEnd()).as("%s of %s", region, view).isLessThanOrEqualTo(below.rows());
            assertThat(run.region().columnEnd()).as("%s of %s", region, view).isLessThanOrEqualTo(below.columns());
            assertThat(run.region().wholeRows(below) || run.region().rowCount() == 1).as("a region is whole rows or within one").isTrue();
            assertThat(run.region().elements()).as("no run is empty").isPositive();
            float[] piece = BruteForce.cut(numbers(run.view()), below, run.region());
            System.arraycopy(piece, 0, found, at, piece.length);
            at += piece.length;
        }
        assertThat(at).isEqualTo(expected.length);
        assertThat(found).as("%s of %s", region, view).isEqualTo(expected);
    }

    @Test
    void theRunsOfARegionAreItsNumbersInOrderForEveryKindOfView() {
        Random random = new Random(1);
        RandomViews views = new RandomViews(random, this::leaf, false);
        Map<Class<?>, Integer> seen = new HashMap<>();
        while (seen.values().stream().mapToInt(n -> n).sum() < 6000) {
            View view = views.view(1);
            if (view instanceof View.Slice || view instanceof View.Concat || view instanceof View.Swap || view instanceof View.Reshape) {
                seen.merge(view.getClass(), 1, Integer::sum);
                for (int i = 0; i < 3; i++) {
                    assertRuns(view, views.region(view.shape()));
                }
                assertRuns(view, Region.all(view.shape()));
            }
        }
        assertThat(seen).hasSize(4).allSatisfy((_, count) -> assertThat(count).isGreaterThan(500));
    }

    @Test
    void neighbouringRowsOfASliceAreOneRun() {
        View slice = new View.Slice(leaf(Shape.of(100, 8)), 0, 10, 60);
        assertThat(Run.of(slice, Region.rows(slice.shape(), 5, 45))).hasSize(1);
        View experts = new View.Slice(leaf(Shape.of(4, 10, 8)), 1, 0, 5);
        assertThat(Run.of(experts, Region.all(experts.shape()))).hasSize(4);
    }

    @Test
    void aReshapeIsAtMostThreeRuns() {
        View view = new View.Reshape(leaf(Shape.of(100, 7)), Shape.of(70, 10));
        for (long row = 0; row < 70; row++) {
            assertThat(Run.of(view, Region.rows(view.shape(), row, Math.min(70, row + 9)))).hasSizeLessThanOrEqualTo(3);
        }
    }

    @Test
    void anEmptyRegionHasNoRuns() {
        View slice = new View.Slice(leaf(Shape.of(4, 8)), 0, 1, 3);
        assertThat(Run.of(slice, Region.rows(slice.shape(), 1, 1))).isEmpty();
        View empty = new View.Reshape(leaf(Shape.of(0, 8)), Shape.of(8, 0));
        assertThat(Run.of(empty, Region.all(empty.shape()))).isEmpty();
        View turned = new View.Reshape(leaf(Shape.of(8, 0)), Shape.of(0, 8));
        assertThat(Run.of(turned, Region.all(turned.shape()))).isEmpty();
    }

    @Test
    void viewsThatAreNotMadeOfRunsAreRefused() {
        View leaf = leaf(Shape.of(2, 2));
        for (View view : List.of(leaf, new View.Transpose(leaf, List.of(1, 0)), new View.Mapped(leaf, new Elementwise.Add(1)),
                new View.Constant(Shape.of(1), List.of(1f)))) {
            assertThatThrownBy(() -> Run.of(view, Region.all(view.shape()))).isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(view.getClass().getSimpleName() + " is not made of runs");
        }
    }
}
