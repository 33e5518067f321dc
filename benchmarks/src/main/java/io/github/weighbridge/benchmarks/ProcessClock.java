package io.github.weighbridge.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// What this process has used so far, all its threads together: the compiler's and the collector's as well as a native library's.
///
/// @param wall seconds by the clock
/// @param user seconds of processor time in the process itself
/// @param system seconds of processor time that the kernel spent for it: copying files, making pages
record ProcessClock(double wall, double user, double system) {
    private static final Path STAT = Path.of("/proc/self/stat");
    /// Linux counts in hundredths for all programs.
    private static final double TICKS = 100;

    /// Reads `/proc/self/stat` (Linux): fields 14 and 15.
    static ProcessClock now() throws IOException {
        String stat = Files.readString(STAT);
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        return new ProcessClock(System.nanoTime() / 1e9, Long.parseLong(fields[11]) / TICKS, Long.parseLong(fields[12]) / TICKS);
    }

    /// What was used since an earlier reading.
    ProcessClock since(ProcessClock earlier) {
        return new ProcessClock(wall - earlier.wall, user - earlier.user, system - earlier.system);
    }

    /// Seconds of processor time.
    double processor() {
        return user + system;
    }
}
