package io.github.weighbridge.inspector;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.ServiceConfigurationError;

/// How a command ends that did not succeed: an exit code and one line.
///
/// @param code the exit code
/// @param line what failed and where, beginning with the path as it was given
record Failure(int code, String line) {
    static final int NONE = 0;
    static final int DEFECT = 1;
    static final int USAGE = 2;
    static final int BAD_FILE = 3;
    static final int POLICY = 4;
    static final int INPUT_OUTPUT = 5;
    static final int DIFFERENT = 6;

    /// Wrong usage.
    ///
    /// @param command the command's words
    static Failure usage(String command, String message) {
        return new Failure(USAGE, command + ": " + Harmless.line(message));
    }

    /// What an exception means.
    ///
    /// @param command the command's words, for commands without a path
    static Failure of(Throwable cause, Given given, String command) {
        Given where = given.current().isEmpty() ? new Given("", command, given.all()) : given;
        return switch (cause) {
            case CheckpointFormatException e -> new Failure(BAD_FILE, where.begin(text(e)));
            case PolicyException e -> new Failure(POLICY, where.about(text(e)).orElseGet(() -> where.beginWithSource(text(e))));
            case FileSystemException e -> new Failure(INPUT_OUTPUT, fileSystem(e, where));
            case UncheckedIOException e when e.getCause() != null -> of(e.getCause(), given, command);
            case IOException e -> new Failure(INPUT_OUTPUT, where.begin(text(e)));
            case InvalidPathException e ->
                    new Failure(INPUT_OUTPUT, where.begin(e.getInput() + ": is no path on this system (" + e.getReason()
                            + ", file names are in " + System.getProperty("sun.jnu.encoding") + ")"));
            case OutOfMemoryError e -> new Failure(DEFECT, where.begin("not enough memory (" + text(e)
                    + "); a larger heap is set by WEIGHBRIDGE_JAVA_OPTS, for example -Xmx2g"));
            case ServiceConfigurationError e -> new Failure(DEFECT, where.begin("a plugin cannot be loaded: " + text(e)));
            default -> new Failure(DEFECT,
                    where.begin("a defect of ours, please report it with what " + Main.STACK_TRACE + " shows: " + cause));
        };
    }

    private static String text(Throwable e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    private static String fileSystem(FileSystemException e, Given given) {
        String reason = e.getReason() == null ? reason(e) : e.getReason();
        String file = e.getFile();
        if (file == null) {
            return given.begin(reason);
        }
        // The library's own temporary names come last, where they may help.
        return given.about(file + ": " + reason).orElseGet(() -> given.begin(reason + " (" + file + ")"));
    }

    private static String reason(FileSystemException e) {
        return switch (e) {
            case NoSuchFileException _ -> "no such file or folder";
            case AccessDeniedException _ -> "permission denied";
            case FileAlreadyExistsException _ -> "already exists";
            case NotDirectoryException _ -> "is not a folder";
            case DirectoryNotEmptyException _ -> "the folder is not empty";
            case FileSystemLoopException _ -> "symbolic links lead in a circle";
            default -> e.getClass().getSimpleName();
        };
    }
}
