/// How LiteRT's constants hold numbers: codes without padding in two's complement, with a scale for each row or for each block of columns.
@NullMarked
package io.github.weighbridge.litert.encoding;

import org.jspecify.annotations.NullMarked;
