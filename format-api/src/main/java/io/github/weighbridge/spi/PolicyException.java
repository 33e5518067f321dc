package io.github.weighbridge.spi;

/// What the user wants cannot be met by the target format. The message is one sentence that names the rule and the tensor.
public final class PolicyException extends Exception {
    private static final long serialVersionUID = 1L;

    /// A refusal.
    public PolicyException(String message) {
        super(message);
    }
}
