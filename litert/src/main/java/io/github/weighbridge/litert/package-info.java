/// Reads and writes models for LiteRT: TFLite flatbuffers and the `.litertlm` and `.task` bundles around them.
@NullMarked
package io.github.weighbridge.litert;

import org.jspecify.annotations.NullMarked;
