package io.github.weighbridge.inspector;

import io.github.weighbridge.io.Text;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/// Starts the command line.
public final class Main {
    static final String NAME = "weighbridge";
    static final String STACK_TRACE = "--stacktrace";

    /// All commands, in the order of the help. Only the one that is asked for is made: looking at annotations takes time.
    private static final Map<String, Supplier<Action>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("inspect", InspectCommand::new);
        COMMANDS.put("plan", PlanCommand::new);
        COMMANDS.put("convert", ConvertCommand::new);
        COMMANDS.put("diff", DiffCommand::new);
        COMMANDS.put("verify", VerifyCommand::new);
        COMMANDS.put("formats", FormatsCommand::new);
        COMMANDS.put("policies", PoliciesCommand::new);
        COMMANDS.put("demo", DemoCommand::new);
        COMMANDS.put("completion", CompletionCommand::new);
    }

    private Main() {}

    /// Runs one command and ends the process with its exit code.
    public static void main(String[] args) {
        AtomicBoolean ending = new AtomicBoolean();
        AtomicBoolean done = new AtomicBoolean();
        Screen screen = Screen.ofProcess();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            ending.set(true);
            if (!done.get() && screen.progress()) {
                System.err.print(Progress.CLEAR);
                System.err.flush();
            }
        }, "weighbridge-ending"));
        PrintStream out =
                new PrintStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16), false, screen.charset());
        int code = run(args, new Session(out, System.err, screen, ending::get));
        out.flush();
        done.set(true);
        System.exit(code);
    }

    /// Runs one command as on no terminal.
    ///
    /// @return the exit code
    static int run(String[] args, PrintStream out, PrintStream err) {
        return run(args, new Session(out, err, Screen.PLAIN, () -> false));
    }

    /// Runs one command.
    ///
    /// @return the exit code
    static int run(String[] args, Session session) {
        boolean stackTrace = Arrays.asList(args).contains(STACK_TRACE);
        String place = NAME;
        Optional<Action> action = Optional.empty();
        try {
            ParseResult parsed = commandLine(args).parseArgs(args);
            while (parsed.hasSubcommand()) {
                parsed = parsed.subcommand();
            }
            CommandLine command = parsed.commandSpec().commandLine();
            place = parsed.commandSpec().qualifiedName();
            if (parsed.isUsageHelpRequested()) {
                command.setUsageHelpWidth(Math.clamp(session.screen().width(), 60, 120));
                command.usage(session.out(), session.screen().colour() ? Ansi.ON : Ansi.OFF);
            } else if (parsed.isVersionHelpRequested()) {
                session.out().println(NAME + " " + version());
            } else if (command.getCommand() instanceof Action chosen) {
                action = Optional.of(chosen);
                chosen.run(session);
            } else {
                throw new UsageException("a command is missing: " + commands());
            }
            session.out().flush();
            if (session.out().checkError()) {
                throw new IOException("standard output: could not be written");
            }
            Optional<Failure> outcome = action.flatMap(Action::outcome);
            if (outcome.isPresent()) {
                session.err().println(outcome.get().line());
                session.err().flush();
            }
            return outcome.map(Failure::code).orElse(Failure.NONE);
        } catch (ParameterException e) {
            place = e.getCommandLine().getCommandSpec().qualifiedName();
            return fail(Failure.usage(place, message(e)), e, stackTrace, session);
        } catch (UsageException e) {
            return fail(Failure.usage(place, String.valueOf(e.getMessage())), e, stackTrace, session);
        } catch (Throwable e) {
            session.out().flush();
            return fail(Failure.of(e, action.map(Action::given).orElse(Given.NOTHING), place), e, stackTrace, session);
        }
    }

    private static int fail(Failure failure, Throwable cause, boolean stackTrace, Session session) {
        // When the user ends the process, what then fails in it is no news.
        if (!session.ending().getAsBoolean()) {
            session.err().println(failure.line());
            if (stackTrace) {
                cause.printStackTrace(session.err());
            }
            session.err().flush();
        }
        return failure.code();
    }

    /// The command line with all commands.
    static CommandLine commandLine() {
        return commandLine(new String[0]);
    }

    private static CommandLine commandLine(String[] args) {
        CommandLine root = new CommandLine(new RootCommand());
        Optional<String> word = Arrays.stream(args).filter(argument -> !argument.startsWith("-")).findFirst();
        Supplier<Action> chosen = word.map(COMMANDS::get).orElse(null);
        if (chosen != null) {
            add(chosen.get(), root);
        } else {
            COMMANDS.values().forEach(command -> add(command.get(), root));
        }
        // A file may be named @this, and two reports of one option are a mistake rather than a wish.
        return root.setExpandAtFiles(false).setOverwrittenOptionsAllowed(false);
    }

    private static void add(Action action, CommandLine root) {
        CommandLine command = new CommandLine(action);
        action.declare(command.getCommandSpec());
        root.addSubcommand(command);
    }

    private static String message(ParameterException e) {
        if (e instanceof UnmatchedArgumentException unmatched && e.getCommandLine().getParent() == null && !unmatched.isUnknownOption()) {
            return "there is no command \"" + unmatched.getUnmatched().getFirst() + "\", only " + commands();
        }
        return String.valueOf(e.getMessage());
    }

    private static String commands() {
        return String.join(", ", COMMANDS.keySet());
    }

    /// The version that the jar's manifest states.
    static String version() {
        String version = Main.class.getPackage().getImplementationVersion();
        return version == null ? "development" : Text.printable(version);
    }
}
