/// The containers of LiteRT-LM: `.litertlm` bundles and `.task` archives, with the messages that travel in them.
@NullMarked
package io.github.weighbridge.litert.file;

import org.jspecify.annotations.NullMarked;
