package io.github.weighbridge.inspector;

import java.util.Locale;

/// Figures of error as text.
final class Errors {
    private Errors() {}

    /// `1.953e-03`; `0` for none.
    static String number(double number) {
        return number == 0 ? "0" : Double.isInfinite(number) ? "infinite" : String.format(Locale.ROOT, "%.3e", number);
    }

    /// `42.10`; `exact` where there is no error.
    static String decibels(double decibels) {
        return decibels == Double.POSITIVE_INFINITY ? "exact" : Double.isInfinite(decibels) ? "-" : String.format(Locale.ROOT, "%.2f",
                decibels);
    }

    /// `12.34 %`; never rounded to all or nothing where it is neither.
    static String share(double share) {
        if (share > 0 && share < 0.0001) {
            return "< 0.01 %";
        }
        return share < 1 && share > 0.9999 ? "> 99.99 %" : String.format(Locale.ROOT, "%.2f %%", share * 100);
    }
}
