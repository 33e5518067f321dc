/// Reads and writes safetensors files and the Hugging Face folders that hold them.
@NullMarked
package io.github.weighbridge.safetensors;

import org.jspecify.annotations.NullMarked;
