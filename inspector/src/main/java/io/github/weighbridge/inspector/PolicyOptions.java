package io.github.weighbridge.inspector;

import io.github.weighbridge.policy.Match;
import io.github.weighbridge.policy.Policies;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.Rule;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/// The options that say which encodings tensors get.
final class PolicyOptions {
    private static final Set<String> PARTS = new TreeSet<>(Set.of("vision", "audio", "ple", "mtp"));
    private static final Match EVERYTHING = new Match(Set.of(), Set.of(), Set.of(), Optional.empty());

    @Option(names = "--policy", paramLabel = "NAME",
            description = "A policy that \"weighbridge policies\" lists; keep if none is named.") private String policy = "";

    @Option(names = "--type", paramLabel = "TYPE",
            description = "A type of the target format, such as Q8_0 for gguf, with its mix and fallbacks.") private String type = "";

    @Option(names = "--pure", description = "Give the type to all tensors, without its mix.") private boolean pure;

    @Option(names = "--tensor", paramLabel = "REGEX=TYPE",
            description = "Give an encoding to tensors whose name matches; the first match wins.") private List<String> rules =
                    new ArrayList<>();

    @Option(names = "--strip", split = ",", paramLabel = "PART", description = "Leave parts out: vision, audio, ple, mtp.") private List<
            String> parts = new ArrayList<>();

    Policy policy() throws UsageException {
        Policy result = base();
        if (!type.isEmpty()) {
            // The named type takes the place of what the policy gives to all tensors that none of its other rules is about.
            List<Rule> special = result.rules().stream().filter(rule -> !rule.match().equals(EVERYTHING)).toList();
            result = new Policy(result.name(), result.description(), result.strip(), special, Optional.of(type), pure);
        } else if (pure) {
            throw new UsageException("--pure needs --type");
        }
        List<Rule> first = new ArrayList<>();
        for (String rule : rules) {
            first.add(rule(rule));
        }
        for (String part : parts) {
            if (!PARTS.contains(part)) {
                throw new UsageException("--strip \"" + part + "\" is none of " + String.join(", ", PARTS));
            }
        }
        return result.withFirst(first).withStrip(new HashSet<>(parts));
    }

    private Policy base() throws UsageException {
        if (policy.isEmpty()) {
            return Policy.KEEP;
        }
        String lower = policy.toLowerCase(Locale.ROOT);
        if (lower.endsWith(".yaml") || lower.endsWith(".yml")) {
            throw new UsageException("--policy \"" + policy + "\": policy files are not read by this version");
        }
        return Policies.byName(policy).orElseThrow(() -> new UsageException("--policy \"" + policy + "\" is none of "
                + Policies.builtIn().stream().map(Policy::name).collect(Collectors.joining(", "))));
    }

    private static Rule rule(String text) throws UsageException {
        int split = text.lastIndexOf('=');
        if (split <= 0 || split == text.length() - 1) {
            throw new UsageException("--tensor \"" + text + "\" is not REGEX=TYPE");
        }
        try {
            return new Rule(Match.named(Pattern.compile(text.substring(0, split))), text.substring(split + 1), "--tensor \"" + text + "\"");
        } catch (PatternSyntaxException e) {
            throw new UsageException(
                    "--tensor \"" + text + "\": " + e.getDescription() + (e.getIndex() < 0 ? "" : " at character " + (e.getIndex() + 1)));
        }
    }
}
