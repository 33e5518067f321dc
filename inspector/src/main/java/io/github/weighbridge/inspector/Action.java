package io.github.weighbridge.inspector;

import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import picocli.CommandLine.Model.CommandSpec;

/// A command that does something.
interface Action {
    /// Does it. That it returns means exit code 0.
    ///
    /// @throws UsageException when the options do not make sense
    /// @throws IOException when something cannot be read or written, or a file is bad
    /// @throws PolicyException when the target format cannot meet the policy
    void run(Session session) throws UsageException, IOException, PolicyException;

    /// The paths it was given, for messages.
    default Given given() {
        return Given.NOTHING;
    }

    /// Adds options that are known only when the program runs, such as those of formats.
    ///
    /// @param command what is parsed for this action
    default void declare(CommandSpec command) {}
}
