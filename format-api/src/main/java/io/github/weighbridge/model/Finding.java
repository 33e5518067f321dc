package io.github.weighbridge.model;

import java.util.List;

/// Something a user should know: every loss, every dropped tensor, every surprise is one.
///
/// @param code stable word for scripts, lower case with hyphens
/// @param severity how much it matters
/// @param message one sentence
/// @param tensors names of the tensors it is about; may be empty
public record Finding(String code, Severity severity, String message, List<String> tensors) {
    /// How much a finding matters.
    public enum Severity {
        /// Good to know.
        INFO,
        /// Something is lost, odd or missing.
        WARNING,
        /// The result will not work as it is.
        ERROR;

        /// The word in reports.
        public String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /// Copies the list.
    public Finding {
        tensors = List.copyOf(tensors);
    }

    /// Good to know.
    public static Finding info(String code, String message, List<String> tensors) {
        return new Finding(code, Severity.INFO, message, tensors);
    }

    /// Something is lost, odd or missing.
    public static Finding warning(String code, String message, List<String> tensors) {
        return new Finding(code, Severity.WARNING, message, tensors);
    }
}
