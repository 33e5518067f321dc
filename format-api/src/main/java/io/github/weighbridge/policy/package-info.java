/// What a user asks for: ordered rules, named types and parts to strip, turned into an assignment of encodings.
@NullMarked
package io.github.weighbridge.policy;

import org.jspecify.annotations.NullMarked;
