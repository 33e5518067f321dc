package io.github.weighbridge.inspector;

import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;

/// A command that does something.
interface Action {
    /// Does it. That it returns means exit code 0, unless [#outcome] says otherwise.
    ///
    /// @throws UsageException when the options do not make sense
    /// @throws IOException when something cannot be read or written, or a file is bad
    /// @throws PolicyException when the target format cannot meet the policy
    void run(Session session) throws UsageException, IOException, PolicyException;

    /// What it found to be not as it should be, after it has run and printed its results: an answer, not a breakdown.
    default Optional<Failure> outcome() {
        return Optional.empty();
    }

    /// The paths it was given, for messages.
    default Given given() {
        return Given.NOTHING;
    }

    /// Adds options that are known only when the program runs, such as those of formats.
    ///
    /// @param command what is parsed for this action
    default void declare(CommandSpec command) {}
}
