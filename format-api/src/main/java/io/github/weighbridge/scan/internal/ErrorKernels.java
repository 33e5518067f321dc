package io.github.weighbridge.scan.internal;

import io.github.weighbridge.encoding.KernelChoice;
import io.github.weighbridge.encoding.Kernels;
import java.lang.invoke.MethodHandles;

/// Sums over pairs of numbers in eight lanes: pair i goes into lane i modulo 8, and lanes are added at the end in a fixed order. So the result
/// does not depend on how many lanes a machine has.
public interface ErrorKernels {
    /// Lanes of each sum.
    int LANES = 8;

    /// Plain and best form.
    KernelChoice<ErrorKernels> CHOICE = Kernels.choice(MethodHandles.lookup(), ScalarErrorKernels::new, ErrorKernels.class,
            "io.github.weighbridge.scan.internal.VectorErrorKernels");

    /// What is summed up. For use by one thread.
    final class Sums {
        final double[] error = new double[LANES];
        final double[] reference = new double[LANES];
        final double[] value = new double[LANES];
        final double[] product = new double[LANES];
        double largest;
        int equal;
        int beyond;

        private static double joined(double[] lanes) {
            return lanes[0] + lanes[4] + (lanes[2] + lanes[6]) + (lanes[1] + lanes[5] + (lanes[3] + lanes[7]));
        }

        /// Sum of squares of differences.
        public double error() {
            return joined(error);
        }

        /// Sum of squares of references.
        public double reference() {
            return joined(reference);
        }

        /// Sum of squares of the others.
        public double value() {
            return joined(value);
        }

        /// Sum of products.
        public double product() {
            return joined(product);
        }

        /// Largest absolute difference, of those that are numbers.
        public double largest() {
            return largest;
        }

        /// Pairs of equal numbers.
        public int equal() {
            return equal;
        }

        /// Pairs that differ by more than is allowed.
        public int beyond() {
            return beyond;
        }
    }

    /// Sums over the first pairs of two arrays, in double precision.
    ///
    /// @param relative difference allowed for each unit of the reference
    /// @param absolute difference allowed in any case
    Sums sums(float[] reference, float[] value, int count, double relative, double absolute);

    /// The largest absolute value of some finite numbers.
    float largest(float[] numbers, int from, int count);
}
