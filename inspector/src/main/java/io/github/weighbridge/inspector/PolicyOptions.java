package io.github.weighbridge.inspector;

import io.github.weighbridge.policy.Activations;
import io.github.weighbridge.policy.CachePolicy;
import io.github.weighbridge.policy.Match;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.PolicySettings;
import io.github.weighbridge.policy.Rule;
import io.github.weighbridge.policy.Vocabulary;
import io.github.weighbridge.policy.file.MatchReader;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/// The options that say which encodings tensors get.
final class PolicyOptions {
    @Option(names = "--policy", paramLabel = "NAME|FILE",
            description = "A preset that \"weighbridge policies\" lists, or a policy file (.yaml, .json); keep if none is named.") private String policy =
                    "";

    @Option(names = "--type", paramLabel = "TYPE",
            description = "A type of the target format, such as Q8_0 for gguf, with its mix and fallbacks.") private String type = "";

    @Option(names = "--pure", description = "Give the type to all tensors, without its mix.") private boolean pure;

    @Option(names = "--tensor", paramLabel = "REGEX=TYPE",
            description = "Give an encoding to tensors whose name matches; the first match wins.") private List<String> rules =
                    new ArrayList<>();

    @Option(names = "--strip", split = ",", paramLabel = "PART", description = "Leave parts out: vision, audio, ple, mtp.") private List<
            String> parts = new ArrayList<>();

    @Option(names = "--kv-cache", paramLabel = "TYPE",
            description = "The type of the key/value cache: f16, q8_0, int8, q4_0.") private String cache = "";

    @Option(names = "--activations", paramLabel = "WAY",
            description = "What becomes of activations: keep, none, dynamic, static.") private String activations = "";

    /// The path of the policy file; empty where there is none.
    String path() {
        return PolicyFiles.isFile(policy) ? policy : "";
    }

    /// Whether any of the options was given.
    boolean given() {
        return !policy.isEmpty() || !type.isEmpty() || pure || !rules.isEmpty() || !parts.isEmpty() || !cache.isEmpty()
                || !activations.isEmpty();
    }

    /// The parts that are to be left out and must be there, whatever a policy leaves out besides.
    Set<String> stripped() {
        return Set.copyOf(parts);
    }

    Policy policy() throws UsageException, IOException, PolicyException {
        Policy result = named(policy);
        if (!type.isEmpty()) {
            result = result.withType(type, pure);
        } else if (pure) {
            throw new UsageException("--pure needs --type");
        }
        List<Rule> first = new ArrayList<>();
        for (String rule : rules) {
            first.add(rule(rule));
        }
        for (String part : parts) {
            if (!Vocabulary.PARTS.contains(part)) {
                throw new UsageException("--strip \"" + part + "\" is none of " + String.join(", ", Vocabulary.PARTS));
            }
        }
        return settings(result.withFirst(first).withStrip(new HashSet<>(parts)));
    }

    private Policy settings(Policy result) throws UsageException {
        PolicySettings settings = result.settings();
        if (!cache.isEmpty()) {
            if (!CachePolicy.TYPES.contains(cache)) {
                throw new UsageException("--kv-cache \"" + cache + "\" is none of " + String.join(", ", CachePolicy.TYPES));
            }
            settings = settings.withCache(CachePolicy.of(cache));
        }
        if (!activations.isEmpty()) {
            Activations way = Arrays.stream(Activations.values()).filter(one -> one.word().equals(activations)).findFirst()
                    .orElseThrow(() -> new UsageException("--activations \"" + activations + "\" is none of "
                            + Arrays.stream(Activations.values()).map(Activations::word).collect(Collectors.joining(", "))));
            settings = settings.withActivations(way);
        }
        return result.withSettings(settings);
    }

    /// The policy of a preset's name or of a file; one that keeps everything where nothing is named.
    static Policy named(String policy) throws UsageException, IOException, PolicyException {
        return named("--policy ", policy);
    }

    /// @param option what messages call it by
    static Policy named(String option, String policy) throws UsageException, IOException, PolicyException {
        if (policy.isEmpty()) {
            return Policy.KEEP;
        }
        if (PolicyFiles.isFile(policy)) {
            return PolicyFiles.read(Path.of(policy));
        }
        return PolicyFiles.preset(policy).orElseThrow(() -> new UsageException(option + "\"" + policy + "\" is no file and no preset"
                + Vocabulary.suggestion(policy, PolicyFiles.presets())));
    }

    private static Rule rule(String text) throws UsageException {
        int split = text.lastIndexOf('=');
        if (split <= 0 || split == text.length() - 1) {
            throw new UsageException("--tensor \"" + text + "\" is not REGEX=TYPE");
        }
        try {
            return new Rule(Match.named(MatchReader.pattern(text.substring(0, split))), text.substring(split + 1),
                    "--tensor \"" + text + "\"");
        } catch (IllegalArgumentException e) {
            throw new UsageException("--tensor \"" + text + "\": " + e.getMessage());
        }
    }
}
