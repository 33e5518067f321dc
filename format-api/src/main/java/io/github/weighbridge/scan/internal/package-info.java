/// Sums over pairs of numbers: a plain form that is the oracle, and a vectorised form with identical bits.
@NullMarked
package io.github.weighbridge.scan.internal;

import org.jspecify.annotations.NullMarked;
