/// Arithmetic of GGML's block types: a plain form of each that is the oracle, and vectorised forms with identical bits.
@NullMarked
package io.github.weighbridge.gguf.encoding.internal;

import org.jspecify.annotations.NullMarked;
