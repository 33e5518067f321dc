/// Writes TFLite models: flatbuffers whose large parts are not made here but laid out, to be filled by who has them.
@NullMarked
package io.github.weighbridge.litert.tflite.write;

import org.jspecify.annotations.NullMarked;
