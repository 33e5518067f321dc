package io.github.weighbridge.inspector;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Divides a rectangle among things by their size, in pieces that are as near to squares as they can be (Bruls, Huizing, van Wijk: Squarified
/// Treemaps).
final class Treemap {
    /// A piece.
    record Rectangle(double x, double y, double width, double height) {
        /// The piece without its edges, where it is large enough to have any.
        Rectangle inset(double left, double top, double right, double bottom) {
            return new Rectangle(x + left, y + top, Math.max(0, width - left - right), Math.max(0, height - top - bottom));
        }
    }

    private Treemap() {}

    /// A piece for each size, in the order of the sizes.
    ///
    /// @param sizes none of them negative
    static List<Rectangle> divide(Rectangle whole, List<Long> sizes) {
        double sum = sizes.stream().mapToDouble(Long::doubleValue).sum();
        List<Rectangle> result = new ArrayList<>();
        sizes.forEach(_ -> result.add(new Rectangle(whole.x, whole.y, 0, 0)));
        if (sum <= 0 || whole.width <= 0 || whole.height <= 0) {
            return result;
        }
        double scale = whole.width * whole.height / sum;
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < sizes.size(); i++) {
            if (sizes.get(i) > 0) {
                order.add(i);
            }
        }
        order.sort(Comparator.comparing((Integer i) -> sizes.get(i)).reversed());
        Rectangle left = whole;
        int begin = 0;
        while (begin < order.size()) {
            double side = Math.min(left.width, left.height);
            int end = begin;
            double area = 0;
            double worst = Double.MAX_VALUE;
            while (end < order.size()) {
                double next = area + sizes.get(order.get(end)) * scale;
                double ratio = worst(next, sizes.get(order.get(begin)) * scale, sizes.get(order.get(end)) * scale, side);
                if (ratio > worst) {
                    break;
                }
                worst = ratio;
                area = next;
                end++;
            }
            left = row(left, order.subList(begin, end), sizes, scale, area, result);
            begin = end;
        }
        return result;
    }

    /// A piece for each size, in strips from left to right and from top to bottom, so that things keep their order; of strips, the division is taken
    /// whose pieces are nearest to squares.
    static List<Rectangle> strips(Rectangle whole, List<Long> sizes) {
        List<Rectangle> best = List.of();
        double least = Double.MAX_VALUE;
        for (int count = 1; count <= Math.max(1, sizes.size()); count++) {
            List<Rectangle> tried = strips(whole, sizes, count);
            double ratio = tried.stream().filter(r -> r.width > 0 && r.height > 0)
                    .mapToDouble(r -> Math.max(r.width / r.height, r.height / r.width)).average().orElse(1);
            if (ratio < least) {
                least = ratio;
                best = tried;
            }
        }
        return best;
    }

    private static List<Rectangle> strips(Rectangle whole, List<Long> sizes, int count) {
        double sum = Math.max(1, sizes.stream().mapToDouble(Long::doubleValue).sum());
        List<Rectangle> result = new ArrayList<>();
        double y = whole.y;
        double before = 0;
        int begin = 0;
        for (int strip = 0; strip < count && begin < sizes.size(); strip++) {
            double wanted = sum * (strip + 1) / count;
            double in = 0;
            int end = begin;
            while (end < sizes.size()
                    && (end == begin || strip == count - 1 || before + in + sizes.get(end) / 2.0 <= wanted)) {
                in += sizes.get(end++);
            }
            double height = whole.height * in / sum;
            double x = whole.x;
            for (int i = begin; i < end; i++) {
                double width = in == 0 ? 0 : whole.width * sizes.get(i) / in;
                result.add(new Rectangle(x, y, width, height));
                x += width;
            }
            y += height;
            before += in;
            begin = end;
        }
        return result;
    }

    /// The worst ratio of sides in a row of areas.
    private static double worst(double sum, double largest, double smallest, double side) {
        double square = sum * sum;
        return Math.max(side * side * largest / square, square / (side * side * smallest));
    }

    /// Lays a row along the shorter side.
    private static Rectangle row(Rectangle left, List<Integer> row, List<Long> sizes, double scale, double area, List<Rectangle> result) {
        boolean upright = left.width >= left.height;
        double thick = area / (upright ? left.height : left.width);
        double at = upright ? left.y : left.x;
        for (int i : row) {
            double length = sizes.get(i) * scale / thick;
            result.set(i, upright ? new Rectangle(left.x, at, thick, length) : new Rectangle(at, left.y, length, thick));
            at += length;
        }
        return upright ? new Rectangle(left.x + thick, left.y, Math.max(0, left.width - thick), left.height)
                : new Rectangle(left.x, left.y + thick, left.width, Math.max(0, left.height - thick));
    }
}
