/// Measures the kernels and the whole paths of the other modules with JMH.
@NullMarked
package io.github.weighbridge.benchmarks;

import org.jspecify.annotations.NullMarked;
