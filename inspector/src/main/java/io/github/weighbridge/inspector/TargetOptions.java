package io.github.weighbridge.inspector;

import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.family.Families;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// What a command would make of a checkpoint.
final class TargetOptions {
    @Option(names = "--to", paramLabel = "FORMAT",
            description = "The format to write; may be left out where TARGET ends in its name.") private String to = "";

    @Mixin private PolicyOptions policy = new PolicyOptions();

    /// A request that has been checked as far as options go.
    ///
    /// @param format the format to write
    /// @param policy what is wanted
    /// @param name plain name of the result
    record Wish(Format format, Policy policy, String name) {
        ConversionPlan plan(Checkpoint source) throws IOException, PolicyException {
            return Planner.plan(source, format, policy, new TargetRequest(name, Set.of(), Families.installed(), Limits.DEFAULT, Map.of()));
        }
    }

    /// What is wanted.
    ///
    /// @param target the path to write, as given; empty when there is none
    /// @param source the path that is read
    Wish wish(String target, String source) throws UsageException, IOException, PolicyException {
        Format format = format(target);
        return new Wish(format, policy.policy(), target.isEmpty() ? name(source, format) : name(target));
    }

    /// The path of the policy file; empty where there is none.
    String policyPath() {
        return policy.path();
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
