/// Carrying a plan out: the streaming engine that writes every byte of it, in parallel and in bounded memory, or nothing.
@NullMarked
package io.github.weighbridge.convert;

import org.jspecify.annotations.NullMarked;
