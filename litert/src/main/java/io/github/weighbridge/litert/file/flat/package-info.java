/// Flatbuffers read by position, with every offset, vector and text checked before it is followed.
@NullMarked
package io.github.weighbridge.litert.file.flat;

import org.jspecify.annotations.NullMarked;
