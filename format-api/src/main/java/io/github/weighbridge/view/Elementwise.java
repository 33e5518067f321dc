package io.github.weighbridge.view;

/// A function applied to each number on its own, in single precision.
public sealed interface Elementwise {
    /// Applies it in place to `values[from]` up to `values[to - 1]`.
    void apply(float[] values, int from, int to);

    /// Whether applying this after the other gives back every number, as a rule of the format: the pair is then left out altogether, since
    /// computing it would round.
    boolean undoes(Elementwise other);

    /// Adds a constant: gemma3's norms are stored as `w` and used as `1 + w`.
    record Add(float addend) implements Elementwise {
        @Override
        public void apply(float[] values, int from, int to) {
            for (int i = from; i < to; i++) {
                values[i] += addend;
            }
        }

        @Override
        public boolean undoes(Elementwise other) {
            return other instanceof Add(float otherAddend) && otherAddend == -addend;
        }
    }

    /// `log(1 + exp(x))`, as the audio encoder's per-dimension scale is stored in mmproj files.
    record Softplus() implements Elementwise {
        @Override
        public void apply(float[] values, int from, int to) {
            for (int i = from; i < to; i++) {
                double x = values[i];
                values[i] = (float) (x > 20 ? x : Math.log1p(Math.exp(x)));
            }
        }

        @Override
        public boolean undoes(Elementwise other) {
            return other instanceof InverseSoftplus;
        }
    }

    /// `log(exp(x) - 1)`, the inverse of [Softplus].
    record InverseSoftplus() implements Elementwise {
        @Override
        public void apply(float[] values, int from, int to) {
            for (int i = from; i < to; i++) {
                double x = values[i];
                values[i] = (float) (x > 20 ? x : Math.log(Math.expm1(x)));
            }
        }

        @Override
        public boolean undoes(Elementwise other) {
            return other instanceof Softplus;
        }
    }
}
