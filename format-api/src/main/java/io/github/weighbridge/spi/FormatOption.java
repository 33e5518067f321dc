package io.github.weighbridge.spi;

import java.util.regex.Pattern;

/// A setting that a format takes beyond those that all share. The command line offers it as `--WORD`, and hands it over as an option of the
/// [TargetRequest].
///
/// @param word lower-case letters, digits and hyphens, without the dashes in front
/// @param kind what its value is
/// @param label how help names the value, such as `SIZE`
/// @param description one sentence for help
public record FormatOption(String word, Kind kind, String label, String description) {
    /// What the value of an option is.
    public enum Kind {
        /// A word or a number, which goes to the format as it is.
        VALUE,
        /// The path of a file that is read.
        INPUT,
        /// A file that is written beside the target; the format gets its plain name.
        OUTPUT
    }

    private static final Pattern WORD = Pattern.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*");

    /// Checks the word.
    ///
    /// @throws IllegalArgumentException when it could be no option
    public FormatOption {
        if (!WORD.matcher(word).matches()) {
            throw new IllegalArgumentException("no word for an option: " + word);
        }
    }
}
