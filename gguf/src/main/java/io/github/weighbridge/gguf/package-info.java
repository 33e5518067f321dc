/// Reads and writes GGUF files, with the GGML encodings of their tensors.
@NullMarked
package io.github.weighbridge.gguf;

import org.jspecify.annotations.NullMarked;
