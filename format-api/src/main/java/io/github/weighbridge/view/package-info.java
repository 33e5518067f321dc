/// Tensors as they are stored, and a lazy algebra over them: slices, joins, permutations and maps that are data, not code.
@NullMarked
package io.github.weighbridge.view;

import org.jspecify.annotations.NullMarked;
