package io.github.weighbridge.scan;

import io.github.weighbridge.io.Text;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How far weights may be from those they were made of. All limits that are set must be kept.
///
/// @param maxAbs largest absolute error
/// @param rmse root of the mean square error
/// @param snrDb least signal to noise, in decibels
/// @param cosine least cosine of the angle between both
/// @param exact least share of values that are equal
public record Tolerance(OptionalDouble maxAbs, OptionalDouble rmse, OptionalDouble snrDb, OptionalDouble cosine, OptionalDouble exact) {
    /// No limits.
    public static final Tolerance NONE =
            new Tolerance(OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty(),
                    OptionalDouble.empty());

    /// Words of the limits.
    public static final List<String> WORDS = List.of("max_abs", "rmse", "snr_db", "cosine", "exact");

    private static final Pattern LIMIT =
            Pattern.compile("\\s*(\\w+)\\s*:\\s*(-?(\\d{1,20}(\\.\\d{0,20})?|\\.\\d{1,20})([eE][-+]?\\d{1,2})?)\\s*");

    /// Reads limits as the command line and policies have them: `snr_db:20,max_abs:0.01`.
    ///
    /// @throws IllegalArgumentException where a part is no limit; its message says which
    public static Tolerance parse(String text) {
        Tolerance tolerance = NONE;
        for (String part : text.split(",", -1)) {
            Matcher limit = LIMIT.matcher(part);
            try {
                if (!limit.matches()) {
                    throw new IllegalArgumentException("no word and number");
                }
                tolerance = tolerance.with(limit.group(1).toLowerCase(Locale.ROOT), Double.parseDouble(limit.group(2)));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("\"" + Text.printable(part) + "\" is no limit such as rmse:0.001, with one of "
                        + String.join(", ", WORDS), e);
            }
        }
        return tolerance;
    }

    /// The limits that are set, by their words.
    public Map<String, Double> limits() {
        Map<String, Double> limits = new LinkedHashMap<>();
        List<OptionalDouble> values = List.of(maxAbs, rmse, snrDb, cosine, exact);
        for (int i = 0; i < WORDS.size(); i++) {
            if (values.get(i).isPresent()) {
                limits.put(WORDS.get(i), values.get(i).getAsDouble());
            }
        }
        return Collections.unmodifiableMap(limits);
    }

    /// Whether there is no limit.
    public boolean isEmpty() {
        return equals(NONE);
    }

    /// A copy with another limit.
    ///
    /// @param word one of [#WORDS]
    /// @throws IllegalArgumentException for another word, or a limit that is no finite number or that every weight or none meets
    public Tolerance with(String word, double limit) {
        if (!Double.isFinite(limit)) {
            throw new IllegalArgumentException(word + " is no finite number");
        }
        boolean error = word.equals("max_abs") || word.equals("rmse");
        if (error && limit < 0 || word.equals("exact") && !(limit >= 0 && limit <= 1) || word.equals("cosine") && Math.abs(limit) > 1) {
            throw new IllegalArgumentException(word + " is never " + limit);
        }
        OptionalDouble set = OptionalDouble.of(limit);
        return switch (word) {
            case "max_abs" -> new Tolerance(set, rmse, snrDb, cosine, exact);
            case "rmse" -> new Tolerance(maxAbs, set, snrDb, cosine, exact);
            case "snr_db" -> new Tolerance(maxAbs, rmse, set, cosine, exact);
            case "cosine" -> new Tolerance(maxAbs, rmse, snrDb, set, exact);
            case "exact" -> new Tolerance(maxAbs, rmse, snrDb, cosine, set);
            default -> throw new IllegalArgumentException("\"" + word + "\" is none of " + String.join(", ", WORDS));
        };
    }

    /// The limits that sums break, in words; empty when none.
    public Optional<String> broken(ErrorSums sums) {
        List<String> broken = new ArrayList<>();
        above("max_abs", sums.maxAbs(), maxAbs, broken);
        above("rmse", sums.rmse(), rmse, broken);
        below("snr_db", sums.snrDb(), snrDb, broken);
        below("cosine", sums.cosine(), cosine, broken);
        below("exact", sums.exact(), exact, broken);
        return broken.isEmpty() ? Optional.empty() : Optional.of(String.join(", ", broken));
    }

    private static void above(String word, double found, OptionalDouble limit, List<String> broken) {
        if (limit.isPresent() && !(found <= limit.getAsDouble())) {
            broken.add(String.format(Locale.ROOT, "%s %.4g above %.4g", word, found, limit.getAsDouble()));
        }
    }

    private static void below(String word, double found, OptionalDouble limit, List<String> broken) {
        if (limit.isPresent() && !(found >= limit.getAsDouble())) {
            broken.add(String.format(Locale.ROOT, "%s %.4g below %.4g", word, found, limit.getAsDouble()));
        }
    }
}
