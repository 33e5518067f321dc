package io.github.weighbridge.inspector;

import java.io.PrintStream;
import java.util.function.BooleanSupplier;

/// What a command runs in.
///
/// @param out results
/// @param err progress and failures
/// @param screen what both are shown on
/// @param ending whether the process is about to end
record Session(PrintStream out, PrintStream err, Screen screen, BooleanSupplier ending) {}
