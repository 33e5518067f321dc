/// The command line: audits checkpoints, plans and runs conversions, and prints the reports.
@NullMarked
package io.github.weighbridge.inspector;

import org.jspecify.annotations.NullMarked;
