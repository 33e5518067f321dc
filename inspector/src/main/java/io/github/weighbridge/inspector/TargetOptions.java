package io.github.weighbridge.inspector;

import io.github.weighbridge.convert.PlanContract;
import io.github.weighbridge.family.Families;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

/// What a command would make of a checkpoint.
final class TargetOptions {
    @Option(names = "--to", paramLabel = "FORMAT",
            description = "The format to write; may be left out where TARGET ends in its name.") private String to = "";

    @Mixin private PolicyOptions policy = new PolicyOptions();

    @Mixin private BudgetOptions budget = new BudgetOptions();

    /// What was given for the options of formats, by their words.
    private final Map<String, String> settings = new LinkedHashMap<>();

    /// Adds the options of all formats that write. A word that several formats have is one option.
    void declare(CommandSpec command) {
        Map<String, FormatOption> words = new LinkedHashMap<>();
        for (Format format : Formats.installed().all()) {
            if (format.writes()) {
                format.options().forEach(option -> words.putIfAbsent(option.word(), option));
            }
        }
        words.values().forEach(option -> command.addOption(
                OptionSpec.builder("--" + option.word()).type(String.class).arity("1").paramLabel(option.label())
                        .description(option.description()).setter(new ISetter() {
                            @Override
                            public <T> @Nullable T set(T value) {
                                if (value != null) {
                                    settings.put(option.word(), value.toString());
                                }
                                return null;
                            }
                        }).build()));
    }

    /// The paths of files that options name, for messages.
    List<String> inputs() {
        return Stream.concat(Stream.of(policy.path()), Formats.installed().all().stream().flatMap(format -> format.options().stream())
                .filter(option -> option.kind() == FormatOption.Kind.INPUT).map(option -> settings.get(option.word())))
                .filter(Objects::nonNull).distinct().toList();
    }

    /// What is wanted.
    ///
    /// @param target the path to write, as given; empty when there is none
    /// @param source the path that is read
    Wish wish(String target, String source) throws UsageException, IOException, PolicyException {
        Format format = format(target);
        Policy wanted = policy.policy();
        String name = target.isEmpty() ? name(source, format) : name(target);
        Map<String, String> values = settings(format, target);
        Optional<String> misuse = format.misuse(values, wanted.type(format.name()));
        if (misuse.isPresent()) {
            throw new UsageException(misuse.get());
        }
        return new Wish(format, wanted, new TargetRequest(name, policy.stripped(), Families.installed(), Limits.DEFAULT, values),
                budget.asked(), Optional.empty());
    }

    /// What a plan that was put away wants.
    ///
    /// @param file its path, as given
    /// @param target the path to write, as given
    Wish wish(Path file, String target) throws UsageException, IOException, PolicyException {
        if (!to.isEmpty() || policy.given() || budget.given() || !settings.isEmpty()) {
            throw new UsageException("--plan says what is wanted: no other option of format or policy goes with it");
        }
        PlanContract contract;
        try (ByteSource source = ByteSource.of(file)) {
            contract = PlanContract.read(file.toString(), Json.parseObject(source, Limits.DEFAULT));
        }
        Format format = Formats.installed().byName(contract.format()).filter(Format::writes)
                .orElseThrow(() -> new PolicyException(file + ": is for the format " + contract.format() + ", which is not written"));
        return new Wish(format, contract.policy(),
                new TargetRequest(name(target), Set.of(), Families.installed(), Limits.DEFAULT, Map.of()),
                Optional.empty(), Optional.of(contract));
    }

    private Map<String, String> settings(Format format, String target) throws UsageException {
        Map<String, FormatOption> known = new LinkedHashMap<>();
        format.options().forEach(option -> known.put(option.word(), option));
        Map<String, String> values = new LinkedHashMap<>();
        for (Map.Entry<String, String> setting : settings.entrySet()) {
            FormatOption option = known.get(setting.getKey());
            if (option == null) {
                throw new UsageException("--" + setting.getKey() + " is an option of " + Formats.installed().all().stream()
                        .filter(other -> other.options().stream().anyMatch(one -> one.word().equals(setting.getKey()))).map(Format::name)
                        .collect(Collectors.joining(", ")) + ", not of " + format.name());
            }
            values.put(option.word(), switch (option.kind()) {
                case VALUE -> setting.getValue();
                case INPUT -> {
                    if (setting.getValue().isEmpty()) {
                        throw new UsageException("--" + option.word() + " names no file");
                    }
                    yield setting.getValue();
                }
                case OUTPUT -> beside(option, setting.getValue(), target);
            });
        }
        return values;
    }

    /// The plain name of a file that is written beside the target: given as such, or as a path into the same folder.
    private static String beside(FormatOption option, String value, String target) throws UsageException {
        Path path = Path.of(value);
        Path name = path.getFileName();
        if (name == null || !SourceTree.isPlainName(name.toString())) {
            throw new UsageException("--" + option.word() + " \"" + value + "\" names no file to make");
        }
        if (path.getParent() != null && !Objects.equals(path.toAbsolutePath().normalize().getParent(),
                Path.of(target.isEmpty() ? "." : target).toAbsolutePath().normalize().getParent())) {
            throw new UsageException("--" + option.word() + " \"" + value + "\" is not beside TARGET: it is written into the same folder");
        }
        return name.toString();
    }

    private Format format(String target) throws UsageException {
        if (to.isEmpty()) {
            return byEnding(target).orElseThrow(
                    () -> new UsageException(
                            "--to FORMAT is missing" + (target.isEmpty() ? "" : ", and TARGET does not end in the name of a format")));
        }
        Format format = Formats.installed().byName(to)
                .orElseThrow(() -> new UsageException("--to \"" + to + "\": there is no such format, only " + writable()));
        if (!format.writes()) {
            throw new UsageException("--to \"" + to + "\": this format is read, not written; written are " + writable());
        }
        return format;
    }

    private static String writable() {
        return Formats.installed().all().stream().filter(Format::writes).map(Format::name).collect(Collectors.joining(", "));
    }

    private static Optional<Format> byEnding(String path) {
        int dot = path.lastIndexOf('.');
        return dot < 0 ? Optional.empty() : Formats.installed().byName(path.substring(dot + 1)).filter(Format::writes);
    }

    private static String name(String target) throws UsageException {
        Path name = Path.of(target).getFileName();
        if (name == null || name.toString().isEmpty() || name.toString().equals(".") || name.toString().equals("..")) {
            throw new UsageException("TARGET \"" + target + "\" names no file or folder to make");
        }
        return name.toString();
    }

    /// A name for a result that is not written: it may matter to what is in it.
    private static String name(String source, Format format) {
        Path path = Path.of(source).toAbsolutePath().normalize().getFileName();
        String name = path == null ? "checkpoint" : path.toString();
        int dot = name.lastIndexOf('.');
        boolean ending = dot > 0 && Formats.installed().byName(name.substring(dot + 1)).isPresent();
        return (ending ? name.substring(0, dot) : name) + "." + format.name();
    }
}
