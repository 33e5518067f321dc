/// Reading weights: views are evaluated chunk by chunk, on all cores, within a bound of memory.
@NullMarked
package io.github.weighbridge.scan;

import org.jspecify.annotations.NullMarked;
