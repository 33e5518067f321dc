package io.github.weighbridge.policy.file;

import io.github.weighbridge.policy.Activations;
import io.github.weighbridge.policy.CachePolicy;
import io.github.weighbridge.policy.Floor;
import io.github.weighbridge.policy.PerFormat;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.PolicySettings;
import io.github.weighbridge.policy.Rule;
import io.github.weighbridge.policy.Vocabulary;
import io.github.weighbridge.scan.Tolerance;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Reads policies: from files, from texts, and the presets.
///
/// A policy that extends others puts its rules before theirs, adds to what they strip, and replaces their default or type, cache, activations and tolerance
/// where it says something of them. The grammar is in `docs/policies.md`, its JSON Schema in `docs/policy.schema.json`.
public final class PolicyFiles {
    private static final int MOST_BYTES = 1 << 20;
    private static final int DEEPEST = 16;
    private static final List<String> PRESETS = List.of("keep", "bf16", "f16", "f32", "gemma4-mobile", "gemma4-mobile-text",
            "gemma4-mobile-text-no-ple", "google-q4_0", "qat-q4_0", "w4a16", "w8a16", "w8a8", "q2_k", "q3_k_s", "q3_k_m", "q3_k_l", "q4_0",
            "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m", "q6_k", "q8_0", "iq4_nl", "iq4_xs");
    /// What several presets have in common; presets extend them, and nothing else does.
    private static final List<String> SHARED = List.of("llama-cpp", "llama-cpp-tables");

    private PolicyFiles() {}

    /// The names of the presets.
    public static List<String> presets() {
        return PRESETS;
    }

    /// The preset of a name.
    public static Optional<Policy> preset(String name) {
        if (name.equals(Policy.KEEP.name())) {
            return Optional.of(Policy.KEEP);
        }
        if (!PRESETS.contains(name)) {
            return Optional.empty();
        }
        try {
            return Optional.of(new Loader().preset(name, 0));
        } catch (PolicyException e) {
            throw new IllegalStateException("preset " + name + " is damaged: " + e.getMessage(), e);
        }
    }

    /// The JSON Schema of policy files, for editors and checks. It says what can be said without the model and the target at hand.
    public static String schema() {
        try (InputStream in = PolicyFiles.class.getResourceAsStream("policy.schema.json")) {
            return new String(java.util.Objects.requireNonNull(in, "policy.schema.json").readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException("the schema cannot be read", e);
        }
    }

    /// Whether a word names a policy file and not a preset.
    public static boolean isFile(String word) {
        return word.endsWith(".yaml") || word.endsWith(".yml") || word.endsWith(".json");
    }

    /// Reads a policy file and what it extends.
    ///
    /// @param file its path; messages begin with it as given
    /// @throws PolicyException when it is no policy; the message says where
    /// @throws IOException when a file cannot be read
    public static Policy read(Path file) throws IOException, PolicyException {
        return new Loader().file(file, file.toString(), 0);
    }

    /// Reads a policy that is at hand. It may extend presets, not files.
    ///
    /// @param name name for messages; when it ends in `.json` the text must be JSON
    public static Policy parse(String name, String text) throws PolicyException {
        Loader loader = new Loader();
        try {
            return loader.extended(new PolicyReader(name, false).read(NodeReader.read(name, text)), name, Optional.empty(), 0);
        } catch (IOException e) {
            throw new IllegalStateException("no files are read here", e);
        }
    }

    /// Follows what policies extend.
    private static final class Loader {
        private final Set<String> open = new LinkedHashSet<>();

        Policy preset(String name, int depth) throws PolicyException {
            String text;
            try (InputStream in = PolicyFiles.class.getResourceAsStream("presets/" + name + ".yaml")) {
                text = new String(java.util.Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
                return extended(new PolicyReader(name, true).read(NodeReader.read(name, text)), name, Optional.empty(), depth);
            } catch (IOException e) {
                throw new IllegalStateException("preset " + name + " cannot be read", e);
            }
        }

        Policy file(Path file, String shown, int depth) throws IOException, PolicyException {
            String identity = "file " + file.toRealPath();
            if (!open.add(identity)) {
                throw new PolicyException(shown + ":1:1: extends itself, by way of "
                        + String.join(", ", open.stream().map(one -> one.substring(one.lastIndexOf('/') + 1)).toList()));
            }
            Policy policy = extended(new PolicyReader(shown, false).read(NodeReader.read(shown, text(file, shown))), shown,
                    Optional.of(file), depth);
            open.remove(identity);
            return policy;
        }

        private static String text(Path file, String shown) throws IOException, PolicyException {
            if (Files.isRegularFile(file) && Files.size(file) > MOST_BYTES) {
                throw new PolicyException(shown + ":1:1: " + Files.size(file) + " bytes, a policy has at most " + MOST_BYTES);
            }
            byte[] bytes;
            try (InputStream in = Files.newInputStream(file)) {
                bytes = in.readNBytes(MOST_BYTES + 1);
            }
            if (bytes.length > MOST_BYTES) {
                throw new PolicyException(shown + ":1:1: a policy has at most " + MOST_BYTES + " bytes");
            }
            try {
                return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            } catch (CharacterCodingException e) {
                throw new PolicyException(shown + ":1:1: is no text in UTF-8");
            }
        }

        Policy extended(PolicyReader.Draft draft, String shown, Optional<Path> file, int depth) throws IOException, PolicyException {
            List<Policy> parents = new ArrayList<>();
            for (Node.Scalar parent : draft.parents()) {
                if (depth >= DEEPEST) {
                    throw NodeReader.error(shown, parent.place(), "more than " + DEEPEST + " policies extend one another");
                }
                parents.add(parent(parent, shown, file, depth + 1));
            }
            return joined(draft, parents);
        }

        private Policy parent(Node.Scalar parent, String shown, Optional<Path> file, int depth) throws IOException, PolicyException {
            String word = parent.text();
            if (!isFile(word)) {
                if (word.equals(Policy.KEEP.name())) {
                    return Policy.KEEP;
                }
                if (!PRESETS.contains(word) && !(SHARED.contains(word) && (PRESETS.contains(shown) || SHARED.contains(shown)))) {
                    throw NodeReader.error(shown, parent.place(), "extends " + parent.what() + ": there is no such preset"
                            + Vocabulary.suggestion(word, PRESETS));
                }
                return preset(word, depth);
            }
            if (file.isEmpty()) {
                throw NodeReader.error(shown, parent.place(),
                        "extends " + parent.what() + ": a policy that is in no file extends presets only");
            }
            Path path;
            try {
                path = file.get().resolveSibling(word);
            } catch (InvalidPathException e) {
                throw NodeReader.error(shown, parent.place(), "extends " + parent.what() + ": is no path");
            }
            if (Files.exists(path) && open.contains("file " + path.toRealPath())) {
                throw NodeReader.error(shown, parent.place(), "extends " + parent.what() + ", which extends this file: that has no end");
            }
            try {
                return file(path, path.toString(), depth);
            } catch (NoSuchFileException e) {
                throw NodeReader.error(shown, parent.place(), "extends " + parent.what() + ": there is no such file");
            }
        }
    }

    /// A policy on top of those it extends.
    private static Policy joined(PolicyReader.Draft draft, List<Policy> parents) throws PolicyException {
        Set<String> strip = new LinkedHashSet<>(draft.strip());
        List<Rule> rules = new ArrayList<>(draft.rules());
        Rest rest = new Rest(draft.otherwise(), draft.types(), draft.pure(), draft.typeLabel());
        Map<String, PerFormat<List<String>>> fallbacks = new LinkedHashMap<>(draft.fallbacks());
        List<Floor> floors = new ArrayList<>(draft.floors());
        List<PolicySettings.Requirement> requirements = new ArrayList<>(draft.requirements());
        Optional<CachePolicy> cache = draft.cache();
        Optional<Activations> activations = draft.activations();
        Map<String, String> notes = new LinkedHashMap<>(draft.notes());
        Optional<Tolerance> tolerance = draft.tolerance();
        for (Policy parent : parents) {
            strip.addAll(parent.strip());
            rules.addAll(parent.rules());
            rest = rest.or(parent);
            PolicySettings settings = parent.settings();
            settings.fallbacks().forEach(fallbacks::putIfAbsent);
            floors.addAll(settings.floors());
            requirements.addAll(settings.requirements());
            cache = cache.or(settings::cache);
            activations = activations.or(() -> Optional.of(settings.activations()).filter(word -> word != Activations.KEEP));
            settings.notes().forEach(notes::putIfAbsent);
            tolerance = tolerance.or(settings::tolerance);
        }
        // What presets share is known by the preset's name.
        Optional<Rule> otherwise = rest.otherwise().map(rule -> SHARED.stream().anyMatch(part -> rule.label().equals("policy " + part))
                ? Rest.changed(rule, rule.encodings(), "policy " + draft.name()) : rule);
        return new Policy(draft.name(), draft.description(), strip, rules, rest.types(), rest.pure(), otherwise,
                new PolicySettings(cache, activations.orElse(Activations.KEEP), fallbacks, floors, requirements, rest.typeLabel(), notes,
                        tolerance));
    }

    /// What tensors get that no rule is about: a default, a type, or one of them for some formats and the other for others.
    private record Rest(Optional<Rule> otherwise, PerFormat<String> types, boolean pure, Optional<String> typeLabel) {
        /// This, and what a parent says for formats of which nothing is said here.
        Rest or(Policy parent) throws PolicyException {
            Set<String> said = new LinkedHashSet<>(types.values().keySet());
            otherwise.ifPresent(rule -> said.addAll(rule.encodings().values().keySet()));
            if (said.contains(PerFormat.ELSE)) {
                return this;
            }
            PerFormat<String> further = parent.types().without(said);
            PerFormat<String> defaults = parent.otherwise().map(Rule::encodings).orElseGet(PerFormat::none).without(said);
            if (!types.isEmpty() && !further.isEmpty() && pure != parent.pure()) {
                throw new PolicyException(typeLabel.orElse("type") + ": " + parent.name() + " has a type that is "
                        + (parent.pure() ? "pure" : "not pure") + " for " + String.join(", ", further.values().keySet())
                        + ", and a policy is one or the other");
            }
            Optional<Rule> joined = defaults.isEmpty() ? otherwise
                    : Optional.of(changed(otherwise.or(parent::otherwise).orElseThrow(),
                            otherwise.map(Rule::encodings).orElseGet(PerFormat::none).or(defaults),
                            otherwise.or(parent::otherwise).orElseThrow().label()));
            return new Rest(joined, types.or(further), types.isEmpty() ? parent.pure() : pure,
                    typeLabel.or(() -> parent.settings().typeLabel()));
        }

        private static Rule changed(Rule rule, PerFormat<String> encodings, String label) {
            return new Rule(rule.match(), encodings, label, rule.optional(), rule.when(), rule.alternatives(), rule.tolerance(),
                    rule.formats());
        }
    }
}
