package io.github.weighbridge.inspector;

import io.github.weighbridge.model.Finding;

/// Colours, where there are any.
///
/// @param colour whether there are
record Style(boolean colour) {
    private static final String RESET = "\u001b[0m";

    /// A title, a sum.
    String strong(String text) {
        return with("\u001b[1m", text);
    }

    /// The heads of columns.
    String faint(String text) {
        return with("\u001b[2m", text);
    }

    /// The severity of a finding.
    String severity(Finding.Severity severity, String text) {
        return switch (severity) {
            case INFO -> text;
            case WARNING -> with("\u001b[33m", text);
            case ERROR -> with("\u001b[31m", text);
        };
    }

    /// A number of bits per weight: the fewer, the greener.
    String bits(String text) {
        if (!colour || text.isEmpty()) {
            return text;
        }
        double bits = Double.parseDouble(text);
        return with(bits < 3 ? "\u001b[32m" : bits < 6 ? "\u001b[36m" : bits < 10 ? "\u001b[34m" : bits < 20 ? "\u001b[35m" : "\u001b[31m",
                text);
    }

    private String with(String code, String text) {
        return colour && !text.isEmpty() ? code + text + RESET : text;
    }
}
