/// The tokenizer as GGUF's keys hold it.
@NullMarked
package io.github.weighbridge.gguf.tokenizer;

import org.jspecify.annotations.NullMarked;
