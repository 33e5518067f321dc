/// What a format is to the rest: the service that built-in formats and plugins implement alike.
@NullMarked
package io.github.weighbridge.spi;

import org.jspecify.annotations.NullMarked;
