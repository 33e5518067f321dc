/// Kernels: a plain form of each that is the oracle, and a vectorised form with identical bits.
@NullMarked
package io.github.weighbridge.encoding.internal;

import org.jspecify.annotations.NullMarked;
