/// What is in a checkpoint, or will be in one: exact footprints by tensor, layer, component and encoding, the memory of a conversation, and the
/// versioned JSON of both. All that the command line prints is here.
@NullMarked
package io.github.weighbridge.audit;

import org.jspecify.annotations.NullMarked;
