package io.github.weighbridge.inspector;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/// The manual page, made from what the command line itself knows: commands, their parameters and options, those of formats among them.
final class ManPage {
    private static final String ENVIRONMENT = """
            .SH ENVIRONMENT
            .TP
            .B JAVA_HOME
            The JDK to run on, if it is new enough.
            .TP
            .B WEIGHBRIDGE_JAVA_OPTS
            Options for the JVM, such as \\-Xmx512m.
            .TP
            .B WEIGHBRIDGE_PLUGINS
            A class path of format plugins.
            .TP
            .B WEIGHBRIDGE_TOKEN
            A bearer token for addresses that SOURCE may be; shown to their host alone.
            """;

    private final StringBuilder page = new StringBuilder();

    private ManPage() {}

    static String of(CommandLine root) {
        ManPage page = new ManPage();
        page.write(root);
        return page.page.toString();
    }

    private void write(CommandLine root) {
        CommandSpec spec = root.getCommandSpec();
        String description = String.join(" ", spec.usageMessage().description());
        page.append(".\\\" Made by ManPageTest; do not edit.\n.TH WEIGHBRIDGE 1\n.SH NAME\n").append(spec.name()).append(" \\- ")
                .append(text(Character.toLowerCase(description.charAt(0)) + description.substring(1).replaceFirst("\\.$", "")))
                .append("\n.SH SYNOPSIS\n.B ").append(spec.name()).append("\nCOMMAND [OPTION]...\n.SH OPTIONS OF ALL COMMANDS\n");
        spec.options().stream().sorted(Comparator.comparing(OptionSpec::longestName)).forEach(this::argument);
        page.append(".SH COMMANDS\n");
        root.getSubcommands().values().stream().map(CommandLine::getCommandSpec).forEach(this::command);
        page.append(".SH EXIT STATUS\n").append(text(Arrays.stream(spec.usageMessage().footer()).filter(line -> !line.isEmpty())
                .collect(Collectors.joining(" ")).replaceFirst("^Exit codes: ", ""))).append('\n').append(ENVIRONMENT);
    }

    private void command(CommandSpec command) {
        page.append(".SS ").append(command.name());
        for (PositionalParamSpec positional : command.positionalParameters()) {
            page.append(' ').append(text(positional.required() ? positional.paramLabel() : "[" + positional.paramLabel() + "]"));
        }
        page.append("\n").append(text(String.join(" ", command.usageMessage().description()))).append('\n');
        command.positionalParameters().forEach(this::argument);
        command.options().stream().filter(option -> !option.inherited()).sorted(Comparator.comparing(OptionSpec::longestName))
                .forEach(this::argument);
    }

    private void argument(ArgSpec argument) {
        String name = argument instanceof OptionSpec option
                ? Arrays.stream(option.names()).map(word -> "\\fB" + text(word) + "\\fR").collect(Collectors.joining(", "))
                        + (option.arity().max() == 0 ? "" : "=\\fI" + text(option.paramLabel()) + "\\fR")
                : "\\fI" + text(argument.paramLabel()) + "\\fR";
        page.append(".TP\n").append(name).append('\n').append(text(described(argument))).append('\n');
    }

    private static String described(ArgSpec argument) {
        return String.join(" ", List.of(argument.description()));
    }

    /// Text as roff takes it: no escape, no request, and hyphens that can be copied.
    private static String text(String text) {
        String plain = Help.Ansi.OFF.string(text).replace("\\", "\\e").replace("-", "\\-").strip();
        return plain.startsWith(".") || plain.startsWith("'") ? "\\&" + plain : plain;
    }
}
