package io.github.weighbridge.inspector;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The paths of a command line, as they were given. Messages name them so, whatever the library makes of them.
///
/// @param source the checkpoint that is read; empty when there is none
/// @param current the path that work is on, which failures that name no path are put down to
/// @param all all of them
record Given(String source, String current, List<String> all) {
    /// No paths.
    static final Given NOTHING = new Given("", "", List.of());

    /// Copies the list.
    Given {
        all = List.copyOf(all);
    }

    /// A command with a source alone.
    static Given source(String source) {
        return new Given(source, source, List.of(source));
    }

    /// The message, beginning with the path it is about.
    String begin(String message) {
        return about(message)
                .orElseGet(() -> current.isEmpty() ? Harmless.line(message) : Harmless.line(current) + ": " + Harmless.line(message));
    }

    /// The message, when it begins with one of the paths, with that path as it was given.
    Optional<String> about(String message) {
        String best = "";
        String rest = "";
        int longest = 0;
        for (String path : all) {
            for (String spelling : List.of(path, Harmless.line(path), normal(path), Harmless.line(normal(path)))) {
                if (spelling.length() > longest && begins(message, spelling)) {
                    longest = spelling.length();
                    best = path;
                    rest = message.substring(longest);
                }
            }
        }
        if (longest == 0) {
            return Optional.empty();
        }
        return Optional.of(Harmless.line(best) + Harmless.line(best.endsWith("/") && rest.startsWith("/") ? rest.substring(1) : rest));
    }

    /// The message with the source before it.
    String beginWithSource(String message) {
        return source.isEmpty() ? begin(message) : Harmless.line(source) + ": " + Harmless.line(message);
    }

    private static boolean begins(String message, String path) {
        if (path.isEmpty() || !message.startsWith(path)) {
            return false;
        }
        return path.endsWith("/") || message.length() == path.length() || message.charAt(path.length()) == ':'
                || message.charAt(path.length()) == '/';
    }

    /// The way in which Java writes a path: no double separators, none at the end.
    private static String normal(String path) {
        try {
            return Path.of(path).toString();
        } catch (InvalidPathException e) {
            return path;
        }
    }
}
