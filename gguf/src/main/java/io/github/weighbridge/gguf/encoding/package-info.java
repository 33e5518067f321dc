/// GGML's block types as encodings: what their bytes mean, and how numbers become such bytes.
///
/// [io.github.weighbridge.gguf.encoding.GgmlEncodings#of] is the way in. Bytes are those of llama.cpp's own quantisers, bit for bit.
@NullMarked
package io.github.weighbridge.gguf.encoding;

import org.jspecify.annotations.NullMarked;
