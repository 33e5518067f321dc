/// Policies as files: YAML and JSON, with errors that name line and column; and the presets, which are such files.
@NullMarked
package io.github.weighbridge.policy.file;

import org.jspecify.annotations.NullMarked;
