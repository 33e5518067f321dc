package io.github.weighbridge.encoding;

import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/// Dimensions of a tensor, rows first as PyTorch writes them: the last one is contiguous in memory. Immutable.
///
/// Every tensor can be seen as a matrix: [#columns] is the last dimension, [#rows] the product of the others; a vector has one row and a
/// scalar (no dimensions) is one row of one column. The number of elements of a shape that exists fits a `long`.
public final class Shape {
    /// The shape of one number.
    public static final Shape SCALAR = new Shape();

    private final long[] dimensions;
    private final long elements;

    private Shape(long... dimensions) {
        this.dimensions = dimensions;
        long product = 1;
        for (long dimension : dimensions) {
            if (dimension < 0) {
                throw new IllegalArgumentException("negative dimension " + dimension);
            }
            product = Math.multiplyExact(product, dimension);
        }
        this.elements = product;
    }

    /// A shape of the given dimensions.
    ///
    /// @throws IllegalArgumentException when one is negative
    /// @throws ArithmeticException when the number of elements passes 2^63 - 1: readers check with [#fits] first
    public static Shape of(long... dimensions) {
        return dimensions.length == 0 ? SCALAR : new Shape(dimensions.clone());
    }

    /// Whether dimensions are a shape: none negative, and their product below 2^63, in whatever order it is formed.
    public static boolean fits(long... dimensions) {
        long product = 1;
        for (long dimension : dimensions) {
            if (dimension < 0) {
                return false;
            }
            if (dimension != 0 && (Math.multiplyHigh(product, dimension) != 0 || product * dimension < 0)) {
                return false;
            }
            product = dimension == 0 ? product : product * dimension;
        }
        return true;
    }

    /// Number of dimensions.
    public int rank() {
        return dimensions.length;
    }

    /// A dimension; `axis` counts from 0.
    public long dimension(int axis) {
        return dimensions[axis];
    }

    /// All dimensions, in a new array.
    public long[] dimensions() {
        return dimensions.clone();
    }

    /// All dimensions, as a list.
    public List<Long> toList() {
        return LongStream.of(dimensions).boxed().toList();
    }

    /// Number of elements.
    public long elements() {
        return elements;
    }

    /// The last dimension; 1 for a scalar.
    public long columns() {
        return dimensions.length == 0 ? 1 : dimensions[dimensions.length - 1];
    }

    /// Product of all dimensions but the last; 1 for scalars and vectors, 0 where any of them is 0.
    public long rows() {
        long product = 1;
        for (int axis = 0; axis < dimensions.length - 1; axis++) {
            product *= dimensions[axis];
        }
        return product;
    }

    /// A copy with one dimension replaced.
    public Shape with(int axis, long dimension) {
        long[] copy = dimensions.clone();
        copy[axis] = dimension;
        return new Shape(copy);
    }

    /// A copy with a new first dimension.
    public Shape prepend(long dimension) {
        long[] copy = new long[dimensions.length + 1];
        copy[0] = dimension;
        System.arraycopy(dimensions, 0, copy, 1, dimensions.length);
        return new Shape(copy);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(dimensions, shape.dimensions);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dimensions);
    }

    /// `[2048, 1536]`.
    @Override
    public String toString() {
        return Arrays.toString(dimensions);
    }
}
