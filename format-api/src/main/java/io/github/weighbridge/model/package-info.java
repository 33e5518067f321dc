/// The common tensor graph: weights in canonical form, their roles, the architecture they belong to, and what there is to say about them.
@NullMarked
package io.github.weighbridge.model;

import org.jspecify.annotations.NullMarked;
