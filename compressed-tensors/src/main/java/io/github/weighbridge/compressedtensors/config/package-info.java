/// `quantization_config` as compressed-tensors writes it: groups, arguments, targets and what is ignored, read strictly and rendered. Knows
/// nothing of tensors.
@NullMarked
package io.github.weighbridge.compressedtensors.config;

import org.jspecify.annotations.NullMarked;
