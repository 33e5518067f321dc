/// Reads and writes checkpoints quantized in the compressed-tensors form: safetensors files described by `quantization_config`.
@NullMarked
package io.github.weighbridge.compressedtensors;

import org.jspecify.annotations.NullMarked;
