package io.github.weighbridge.audit;

import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.scan.ErrorSums;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What an encoding owes to the numbers it was made of, when nobody says otherwise: equal numbers where it can hold them, else its own bound.
sealed interface Demand {
    /// Every number is the same.
    record Equal() implements Demand {}

    /// Every number is within rounding.
    ///
    /// @param relative of the number
    /// @param absolute in any case
    record Rounded(double relative, double absolute) implements Demand {}

    /// The root of the mean square error is at most half a step, for steps that reach from minus to plus the largest number of each group.
    ///
    /// @param halfStep half the widest gap between two levels, where the largest is 1
    /// @param group columns that share a scale; 0 where all the tensor does
    record HalfStep(double halfStep, int group) implements Demand {}

    /// What is asked of single pairs while they are compared.
    default ErrorSums.Bound bound() {
        return switch (this) {
            case Equal _ -> ErrorSums.Bound.NONE;
            case Rounded(double relative, double absolute) -> new ErrorSums.Bound(relative, absolute, 0);
            case HalfStep(double _, int group) -> new ErrorSums.Bound(0, 0, group == 0 ? Integer.MAX_VALUE : group);
        };
    }

    /// The word in reports.
    default String word() {
        return switch (this) {
            case Equal _ -> "equal";
            case Rounded _ -> "rounded";
            case HalfStep _ -> "half_step";
        };
    }

    /// Why sums do not meet it; empty when they do.
    default Optional<String> broken(ErrorSums sums) {
        return switch (this) {
            case Equal _ -> sums.equal() == sums.count() ? Optional.empty()
                    : Optional.of(sums.count() - sums.equal() + " values differ, and the encoding can hold them");
            case Rounded(double relative, double absolute) -> sums.beyond() == 0 ? Optional.empty()
                    : Optional.of(
                            sums.beyond() + String.format(Locale.ROOT, " values differ by more than rounding (%.3g of the value", relative)
                                    + (absolute > 0 ? String.format(Locale.ROOT, " and %.3g)", absolute) : ")"));
            case HalfStep(double halfStep, int group) -> {
                double squares = group == 0 ? sums.count() * sums.peak() * sums.peak() : sums.peaks();
                double most = halfStep * Math.sqrt(squares / Math.max(1, sums.count()));
                yield sums.broken() == 0 && sums.rmse() <= most * (1 + 1e-6) ? Optional.empty()
                        : Optional.of(String.format(Locale.ROOT, "rmse %.4g above half a step of its grid, %.4g", sums.rmse(), most));
            }
        };
    }

    /// What is owed by a weight to its source.
    ///
    /// @param source the numbers it was made of
    /// @param made where they are now
    static Demand of(View source, View made) {
        Demand worst = new Equal();
        for (StoredTensor tensor : View.stored(made)) {
            worst = looser(worst, of(source, tensor));
        }
        if (mapped(source) || mapped(made)) {
            // The function and its inverse round once more, at the size of what lies between, which may be the number plus one.
            double unit = View.stored(made).stream().mapToDouble(tensor -> unit(tensor.encoding().dense().orElse(DenseType.F32))).max()
                    .orElse(0);
            worst = looser(worst, new Rounded(4 * unit, 4 * unit));
        }
        return worst;
    }

    private static Demand looser(Demand one, Demand other) {
        return switch (one) {
            case Equal _ -> other;
            case Rounded(double relative, double absolute) -> switch (other) {
                case Equal _ -> one;
                case Rounded(double otherRelative, double otherAbsolute) ->
                        new Rounded(Math.max(relative, otherRelative), Math.max(absolute, otherAbsolute));
                case HalfStep _ -> other;
            };
            case HalfStep(double halfStep, int group) -> switch (other) {
                case Equal _, Rounded _ -> one;
                case HalfStep(double otherHalf, int otherGroup) -> new HalfStep(Math.max(halfStep, otherHalf),
                        group == 0 || otherGroup == 0 ? 0 : Math.max(group, otherGroup));
            };
        };
    }

    private static Demand of(View source, StoredTensor made) {
        Encoding encoding = made.encoding();
        Optional<DenseType> dense = encoding.dense();
        if (dense.isPresent()) {
            DenseType type = dense.get();
            Optional<DenseType> needed = Exact.denseType(source);
            if (needed.isEmpty() || needed.get().exactIn(type)) {
                return new Equal();
            }
            return new Rounded(unit(type), smallest(type));
        }
        if (ViewReader.copiesBytes(source, encoding)) {
            return new Equal();
        }
        if (ViewReader.keepsCodes(source)) {
            Carriage carriage = ViewReader.codeGrid(source).map(grid -> encoding.carries(grid, made.shape())).orElse(Carriage.NO);
            if (carriage.kind() == Carriage.Kind.EXACT) {
                return new Equal();
            }
            if (carriage.kind() != Carriage.Kind.NO) {
                // Products of a code and a scale round to single precision on both sides.
                return new Rounded(carriage.relativeBound() + 0x1p-22, Float.MIN_VALUE);
            }
        }
        return halfStep(encoding, made.shape());
    }

    private static HalfStep halfStep(Encoding encoding, Shape shape) {
        Optional<Grid> grid = encoding.grid(shape);
        int group = encoding.columnUnit(shape);
        double half = 1 / (Math.pow(2, Math.clamp(encoding.codeBits(), 1, 24)) - 1);
        if (grid.isPresent()) {
            group = switch (grid.get().granularity()) {
                case Grid.Granularity.Tensor _, Grid.Granularity.Block _ -> 0;
                case Grid.Granularity.Row _, Grid.Granularity.Group _ ->
                        (int) Math.min(Integer.MAX_VALUE, Math.max(group, grid.get().groupColumns(shape)));
            };
            if (grid.get().levels() instanceof Grid.Levels.Table(String _, List<Float> levels)) {
                half = Math.max(half, widestGap(levels) / 2);
            }
        }
        return new HalfStep(half, group);
    }

    /// Widest gap between neighbouring levels, where the largest is 1. Among the bits of small floats are some that are no number.
    private static double widestGap(List<Float> levels) {
        double[] sorted = levels.stream().mapToDouble(Float::doubleValue).filter(Double::isFinite).sorted().toArray();
        double widest = 0;
        double largest = 0;
        for (int i = 0; i < sorted.length; i++) {
            largest = Math.max(largest, Math.abs(sorted[i]));
            widest = i == 0 ? 0 : Math.max(widest, sorted[i] - sorted[i - 1]);
        }
        return largest == 0 ? 1 : widest / largest;
    }

    private static boolean mapped(View view) {
        return switch (view) {
            case View.Mapped _ -> true;
            case View.Stored _, View.Constant _ -> false;
            case View.Slice(View of, int _, long _, long _) -> mapped(of);
            case View.Concat(int _, List<View> parts) -> parts.stream().anyMatch(Demand::mapped);
            case View.Swap(View of, int _, long _, long _, long _) -> mapped(of);
            case View.Reshape(View of, Shape _) -> mapped(of);
            case View.Transpose(View of, List<Integer> _) -> mapped(of);
        };
    }

    /// Largest relative error of rounding to a type: half of its last place.
    private static double unit(DenseType type) {
        return switch (type) {
            case F64 -> 0x1p-53;
            case F32 -> 0x1p-24;
            case F16 -> 0x1p-11;
            case BF16 -> 0x1p-8;
            case F8_E4M3 -> 0x1p-4;
            case F8_E5M2 -> 0x1p-3;
            case F8_E8M0 -> 0.5;
            case I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> 0;
        };
    }

    /// Largest absolute error of rounding to a type near zero: half of its smallest number.
    private static double smallest(DenseType type) {
        return switch (type) {
            case F64, F32 -> Float.MIN_VALUE;
            case F16 -> 0x1p-25;
            case BF16 -> 0x1p-134;
            case F8_E4M3 -> 0x1p-10;
            case F8_E5M2 -> 0x1p-17;
            case F8_E8M0 -> 0x1p-127;
            case I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> 0.5;
        };
    }
}
