package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.ValueReport;
import io.github.weighbridge.scan.ValueSums;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// What numbers are like, as text.
final class ValuesText {
    private static final int SHOWN = 30;

    private ValuesText() {}

    /// Prints the tensors with the oddest numbers first.
    ///
    /// @param all whether all are printed
    static void print(ValueReport values, boolean all, Report report) {
        report.section("Numbers, the oddest first");
        Table table = new Table().name("tensor", 24).number("min", 2).number("max", 2).number("rms").number("peak/rms").number("outliers")
                .number("zero rows", 1).number("not finite", 3).number("> F16 max", 3).number("at bounds", 1);
        List<Map.Entry<String, ValueSums>> tensors = new ArrayList<>(values.tensors().entrySet());
        tensors.sort(Comparator.comparing((Map.Entry<String, ValueSums> each) -> -each.getValue().nan() - each.getValue().infinite())
                .thenComparing(each -> -each.getValue().beyondHalf()).thenComparing(each -> -ratio(each.getValue()))
                .thenComparing(Map.Entry::getKey));
        List<Map.Entry<String, ValueSums>> some = all ? tensors : tensors.subList(0, Math.min(SHOWN, tensors.size()));
        for (Map.Entry<String, ValueSums> each : some) {
            ValueSums sums = each.getValue();
            table.row(each.getKey(), number(sums.smallest()), number(sums.largest()), number(sums.rms()),
                    String.format(Locale.ROOT, "%.1f", ratio(sums)), count(sums.outliers()), count(sums.zeroRows()),
                    count(sums.nan() + sums.infinite()), count(sums.beyondHalf()),
                    sums.codes().count() == 0 ? "" : Errors.share(sums.codes().atBounds()));
        }
        report.table(table);
        if (some.size() < tensors.size()) {
            report.paragraph(2, 2, "and " + Numbers.grouped(tensors.size() - some.size()) + " more (--tensors)");
        }
        report.paragraph(2, 2, "Outliers exceed six times the root mean square of their row.");
        for (List<String> same : values.duplicates()) {
            report.paragraph(2, 4, "same bytes: " + String.join(", ", same));
        }
    }

    private static double ratio(ValueSums sums) {
        return sums.rms() == 0 ? 0 : sums.peak() / sums.rms();
    }

    private static String number(double number) {
        return Double.isFinite(number) ? String.format(Locale.ROOT, "%.3g", number) : "";
    }

    private static String count(long number) {
        return number == 0 ? "" : Numbers.grouped(number);
    }
}
