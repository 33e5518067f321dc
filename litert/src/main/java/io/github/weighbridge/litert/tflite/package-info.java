/// The TFLite model format (`TFL3`, schema version 3): its words and numbers, and a reader that trusts no offset.
///
/// A model is a flatbuffer. Constants lie inside it, or behind it in the same file where they are large. Tables, field numbers and codes are
/// those of LiteRT's `schema.fbs`.
@NullMarked
package io.github.weighbridge.litert.tflite;

import org.jspecify.annotations.NullMarked;
