package io.github.weighbridge.inspector;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/// What all commands have in common.
@Command(name = Main.NAME,
        description = "Reads AI model checkpoints, weighs them exactly, and converts them without loss that can be avoided.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "Exit codes: 0 done; 1 a defect of ours; 2 wrong usage; 3 the input file is bad;",
            "4 the target format cannot meet the policy; 5 reading or writing failed;",
            "6 diff or verify found a difference beyond the tolerance, or what was asked does not fit."})
@SuppressWarnings("UnusedVariable") // the annotations are what matters
final class RootCommand {
    @Option(names = {"-h", "--help"}, usageHelp = true, scope = ScopeType.INHERIT, description = "Show this help.") private boolean help;

    @Option(names = {"-V", "--version"}, versionHelp = true, description = "Show the version.") private boolean version;

    @Option(names = Main.STACK_TRACE, scope = ScopeType.INHERIT,
            description = "When something fails, show where in the program.") private boolean stackTrace;
}
