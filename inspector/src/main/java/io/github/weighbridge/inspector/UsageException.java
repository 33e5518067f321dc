package io.github.weighbridge.inspector;

/// The command line makes no sense. The message names the option.
final class UsageException extends Exception {
    private static final long serialVersionUID = 1L;

    UsageException(String message) {
        super(message);
    }
}
