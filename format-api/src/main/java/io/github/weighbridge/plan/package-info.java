/// What a conversion will write, to the byte, before a weight is read: the tensors a target wants, the encodings assigned to them, and the
/// layout of every file. Plans are data.
@NullMarked
package io.github.weighbridge.plan;

import org.jspecify.annotations.NullMarked;
