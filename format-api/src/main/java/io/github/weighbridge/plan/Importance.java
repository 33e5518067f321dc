package io.github.weighbridge.plan;

import java.util.Arrays;

/// What the columns of one tensor matter, as an importance matrix gives it: a weight for each column, or for tensors that stack several
/// matrices (experts) a row of weights for each of them. Immutable; equal when the weights are.
public final class Importance {
    private final float[][] matrices;

    private Importance(float[][] matrices) {
        this.matrices = matrices;
    }

    /// Weights of a tensor.
    ///
    /// @param weights one for each column, matrix after matrix; copied
    /// @param columns columns of a matrix
    /// @throws IllegalArgumentException when they are not a whole number of matrices, or one is negative, infinite or not a number
    public static Importance of(float[] weights, int columns) {
        if (columns <= 0 || weights.length == 0 || weights.length % columns != 0) {
            throw new IllegalArgumentException(weights.length + " weights for rows of " + columns);
        }
        for (float weight : weights) {
            if (!(weight >= 0 && weight <= Float.MAX_VALUE)) {
                throw new IllegalArgumentException("a weight of " + weight);
            }
        }
        float[][] matrices = new float[weights.length / columns][];
        for (int i = 0; i < matrices.length; i++) {
            matrices[i] = Arrays.copyOfRange(weights, i * columns, (i + 1) * columns);
        }
        return new Importance(matrices);
    }

    /// Number of matrices that have weights of their own.
    public int matrices() {
        return matrices.length;
    }

    /// Columns of a matrix.
    public int columns() {
        return matrices[0].length;
    }

    /// The weights of a matrix, one for each column.
    ///
    /// @return a copy
    public float[] weights(int matrix) {
        return matrices[matrix].clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Importance importance && Arrays.deepEquals(matrices, importance.matrices);
    }

    @Override
    public int hashCode() {
        return Arrays.deepHashCode(matrices);
    }

    /// How many weights there are.
    @Override
    public String toString() {
        return "weights of " + columns() + " columns" + (matrices.length == 1 ? "" : " in " + matrices.length + " matrices");
    }
}
