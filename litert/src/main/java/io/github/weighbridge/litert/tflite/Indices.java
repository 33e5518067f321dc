package io.github.weighbridge.litert.tflite;

import java.util.Arrays;
import java.util.stream.IntStream;

/// A short list of 32-bit integers: dimensions, or indices of tensors. Immutable.
public final class Indices {
    /// No numbers.
    public static final Indices NONE = new Indices();

    private final int[] numbers;

    private Indices(int... numbers) {
        this.numbers = numbers;
    }

    /// A list of these numbers.
    public static Indices of(int... numbers) {
        return numbers.length == 0 ? NONE : new Indices(numbers.clone());
    }

    /// How many there are.
    public int size() {
        return numbers.length;
    }

    /// One of them.
    public int get(int index) {
        return numbers[index];
    }

    /// All of them.
    public IntStream stream() {
        return Arrays.stream(numbers);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Indices indices && Arrays.equals(numbers, indices.numbers);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(numbers);
    }

    /// `[1, 2]`.
    @Override
    public String toString() {
        return Arrays.toString(numbers);
    }
}
