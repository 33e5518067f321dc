package io.github.weighbridge.inspector;

import java.io.Console;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// Where text goes: a terminal, a file or a pipe.
///
/// @param width characters of a line
/// @param colour whether results may have colours
/// @param progress whether progress is shown
/// @param charset how results are encoded; JSON is UTF-8 all the same
record Screen(int width, boolean colour, boolean progress, Charset charset) {
    private static final int TERMINAL_WIDTH = 80;
    private static final int PLAIN_WIDTH = 100;
    private static final int NARROWEST = 60;
    private static final int WIDEST = 400;

    /// A file or a pipe.
    static final Screen PLAIN = new Screen(PLAIN_WIDTH, false, false, StandardCharsets.UTF_8);

    /// A file or a pipe of a given width.
    static Screen ofWidth(int width) {
        return new Screen(width, false, false, StandardCharsets.UTF_8);
    }

    /// The screen of this process.
    static Screen ofProcess() {
        boolean dumb = "dumb".equals(System.getenv("TERM"));
        boolean out = isTerminal(1);
        String noColour = System.getenv("NO_COLOR");
        boolean colour = out && !dumb && (noColour == null || noColour.isEmpty());
        return new Screen(width(out ? TERMINAL_WIDTH : PLAIN_WIDTH), colour, !dumb && isTerminal(2),
                out ? terminalCharset() : StandardCharsets.UTF_8);
    }

    private static Charset terminalCharset() {
        try {
            return Charset.forName(System.getProperty("stdout.encoding", "UTF-8"));
        } catch (IllegalArgumentException e) {
            return StandardCharsets.UTF_8;
        }
    }

    private static int width(int otherwise) {
        String columns = System.getenv("COLUMNS");
        try {
            return columns == null ? otherwise : Math.clamp(Integer.parseInt(columns.strip()), NARROWEST, WIDEST);
        } catch (NumberFormatException e) {
            return otherwise;
        }
    }

    /// Whether a file descriptor is a terminal. Linux tells by the name of what it leads to; elsewhere Java knows only of all together.
    @SuppressWarnings("SystemConsoleNull") // it does where neither input nor output is a terminal
    private static boolean isTerminal(int descriptor) {
        Path link = Path.of("/proc/self/fd/" + descriptor);
        try {
            if (Files.isSymbolicLink(link)) {
                String name = Files.readSymbolicLink(link).toString();
                return name.startsWith("/dev/pts/") || name.startsWith("/dev/tty") || name.equals("/dev/console");
            }
        } catch (IOException e) {
            return false;
        }
        Console console = System.console();
        return console != null && console.isTerminal();
    }
}
