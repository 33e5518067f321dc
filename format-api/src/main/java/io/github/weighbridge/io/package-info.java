/// Bytes and where they come from: sources that are read by position, folders of sources, limits, and the one exception
/// that says what is wrong with a file.
@NullMarked
package io.github.weighbridge.io;

import org.jspecify.annotations.NullMarked;
