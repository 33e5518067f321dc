/// The packings of compressed-tensors as encodings.
@NullMarked
package io.github.weighbridge.compressedtensors.encoding;

import org.jspecify.annotations.NullMarked;
