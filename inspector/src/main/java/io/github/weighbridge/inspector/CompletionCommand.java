package io.github.weighbridge.inspector;

import io.github.weighbridge.policy.Vocabulary;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import java.util.List;
import java.util.Map;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

@Command(name = "completion",
        description = "Prints a script that completes commands, options and words in bash and zsh: source <(weighbridge completion)")
final class CompletionCommand implements Action {
    @Override
    public void run(Session session) {
        CommandLine all = Main.commandLine();
        Map<String, List<String>> words = words();
        all.getSubcommands().values().forEach(command -> teach(command.getCommandSpec(), words));
        session.out().print(AutoComplete.bash(Main.NAME, all));
    }

    /// What options take, where that can be listed.
    private static Map<String, List<String>> words() {
        List<Format> written = Formats.installed().all().stream().filter(Format::writes).toList();
        return Map.of("--to", written.stream().map(Format::name).toList(),
                "--type", written.stream().flatMap(format -> format.types().stream()).distinct().toList(),
                "--policy", PolicyFiles.presets(), "--strip", Vocabulary.PARTS);
    }

    private static void teach(CommandSpec command, Map<String, List<String>> words) {
        for (OptionSpec option : List.copyOf(command.options())) {
            List<String> known = words.get(option.longestName());
            if (known != null) {
                command.remove(option);
                command.addOption(option.toBuilder().completionCandidates(known).build());
            }
        }
    }
}
