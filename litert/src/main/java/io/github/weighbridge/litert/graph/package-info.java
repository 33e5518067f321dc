/// Computation graphs for TFLite's runtime: operators with checked shapes, and the decoders that are made of them.
@NullMarked
package io.github.weighbridge.litert.graph;

import org.jspecify.annotations.NullMarked;
