/// Finding the encodings that fit a number of bytes and lose the least.
@NullMarked
package io.github.weighbridge.policy.budget;

import org.jspecify.annotations.NullMarked;
