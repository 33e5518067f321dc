/// How numbers become bytes: shapes, grids, packings, and the encodings made of them, with plain and vectorised kernels.
@NullMarked
package io.github.weighbridge.encoding;

import org.jspecify.annotations.NullMarked;
