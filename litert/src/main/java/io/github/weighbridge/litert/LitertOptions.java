package io.github.weighbridge.litert;

import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.OutputRecord;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Stripping;
import io.github.weighbridge.spi.TargetRequest;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The settings of a bundle that is written.
///
/// @param cacheLength tokens that the caches hold
/// @param prefill numbers of tokens that graphs take at once
/// @param imageTokens numbers of soft tokens that graphs make of an image, the largest first; empty for what the model says
/// @param uuid the bundle's, where it is to have one
/// @param timestamp when it was made, where that is to stand in it
/// @param staticActivations whether trained scales of activations are used
/// @param cacheTypes what is asked of the caches, by kind of attention; empty for what the source's scales suggest
/// @param record what the bundle is to say of how it came about, in the order in which it stands there
record LitertOptions(int cacheLength, List<Integer> prefill, List<Integer> imageTokens, Optional<String> uuid, Optional<String> timestamp,
        boolean staticActivations, Map<Layer.Attention, String> cacheTypes, Map<String, String> record) {
    /// Settings that policies make of every format.
    private static final String ACTIVATIONS = "activations";
    private static final Map<Layer.Attention, String> CACHES =
            Map.of(Layer.Attention.SLIDING, "kv-cache-sliding", Layer.Attention.FULL, "kv-cache-full");
    private static final String INT8 = "int8";
    private static final String F16 = "f16";
    static final String CACHE_LENGTH = "cache-length";
    static final String PREFILL = "prefill";
    static final String IMAGE_TOKENS = "image-tokens";
    static final String UUID_OPTION = "uuid";
    static final String TIMESTAMP = "timestamp";
    /// The settings, for the command line.
    static final List<FormatOption> ALL = List.of(
            new FormatOption(CACHE_LENGTH, FormatOption.Kind.VALUE, "N",
                    "Tokens that the key/value caches hold; 4096, or the model's maximum where that is less."),
            new FormatOption(PREFILL, FormatOption.Kind.VALUE, "N,N",
                    "Numbers of prompt tokens that graphs take at once; 128,1024 as far as the caches hold them."),
            new FormatOption(IMAGE_TOKENS, FormatOption.Kind.VALUE, "N,N",
                    "Soft tokens that graphs make of an image, such as 280,140,70; the runtime takes the least that an image fits. What the model says if"
                            + " not given."),
            new FormatOption(UUID_OPTION, FormatOption.Kind.VALUE, "UUID", "The bundle's uuid; none if not given."),
            new FormatOption(TIMESTAMP, FormatOption.Kind.VALUE, "TIME",
                    "The bundle's time of creation, as 2026-01-31T12:00:00+00:00; none if not given."));

    private static final int DEFAULT_CACHE = 4096;
    private static final List<Integer> DEFAULT_PREFILL = List.of(128, 1024);
    private static final int MOST_GRAPHS = 16;
    private static final int MOST_TOKENS = 1 << 20;
    /// Loaders look at the first 16384 bytes of a bundle, which hold its sections too.
    private static final int MOST_RECORD_BYTES = 8192;
    /// At least what an item takes beside its texts.
    private static final int ITEM_BYTES = 64;
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,7}");

    /// Copies the collections.
    LitertOptions {
        prefill = List.copyOf(prefill);
        imageTokens = List.copyOf(imageTokens);
        cacheTypes = Map.copyOf(cacheTypes);
        record = Collections.unmodifiableMap(new LinkedHashMap<>(record));
    }

    /// What is wrong with values as such; empty when nothing is.
    static Optional<String> misuse(Map<String, String> options) {
        Optional<String> length = Optional.ofNullable(options.get(CACHE_LENGTH));
        if (length.isPresent() && number(length.get()).isEmpty()) {
            return Optional.of("--cache-length \"" + length.get() + "\" is no number of tokens from 1 to " + MOST_TOKENS);
        }
        Optional<String> list = badList(options, PREFILL, "128,1024").or(() -> badList(options, IMAGE_TOKENS, "280,140,70"));
        if (list.isPresent()) {
            return list;
        }
        Optional<String> uuid = Optional.ofNullable(options.get(UUID_OPTION));
        if (uuid.isPresent() && !isUuid(uuid.get())) {
            return Optional.of("--uuid \"" + uuid.get() + "\" is no uuid");
        }
        Optional<String> timestamp = Optional.ofNullable(options.get(TIMESTAMP));
        if (timestamp.isPresent() && !isTime(timestamp.get())) {
            return Optional.of("--timestamp \"" + timestamp.get() + "\" is no time such as 2026-01-31T12:00:00+00:00");
        }
        return Optional.empty();
    }

    private static Optional<String> badList(Map<String, String> options, String name, String such) {
        return Optional.ofNullable(options.get(name)).filter(text -> {
            String[] words = text.split(",", -1);
            return words.length > MOST_GRAPHS || Stream.of(words).anyMatch(word -> number(word).isEmpty())
                    || Stream.of(words).distinct().count() < words.length;
        }).map(text -> "--" + name + " \"" + text + "\" is no list of at most " + MOST_GRAPHS + " different numbers of tokens, such as "
                + such);
    }

    private static Optional<Integer> number(String word) {
        return Optional.of(word).filter(text -> NUMBER.matcher(text).matches()).map(Integer::valueOf)
                .filter(number -> number > 0 && number <= MOST_TOKENS);
    }

    private static boolean isUuid(String text) {
        try {
            return UUID.fromString(text).toString().equalsIgnoreCase(text);
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static boolean isTime(String text) {
        try {
            OffsetDateTime.parse(text);
            return true;
        } catch (DateTimeParseException e) {
            return false;
        }
    }

    /// Reads the settings of a request.
    ///
    /// @throws PolicyException when a value is none, or a graph takes more tokens than the caches hold
    static LitertOptions of(Checkpoint source, Stripping stripping, TargetRequest request) throws PolicyException {
        Optional<String> misuse = misuse(request.options());
        if (misuse.isPresent()) {
            throw new PolicyException(misuse.get());
        }
        long contextLength = source.architecture().contextLength();
        int natural = (int) (contextLength > 0 ? Math.min(DEFAULT_CACHE, contextLength) : DEFAULT_CACHE);
        int cache = request.option(CACHE_LENGTH).flatMap(LitertOptions::number).orElse(natural);
        List<Integer> prefill = new ArrayList<>();
        if (request.option(PREFILL).isPresent()) {
            for (String word : request.option(PREFILL).get().split(",")) {
                int tokens = number(word).orElseThrow();
                if (tokens > cache) {
                    throw new PolicyException("--prefill " + tokens + ": the caches hold " + cache + " tokens");
                }
                prefill.add(tokens);
            }
        } else {
            DEFAULT_PREFILL.stream().filter(tokens -> tokens <= cache).forEach(prefill::add);
            if (prefill.isEmpty()) {
                prefill.add(cache);
            }
        }
        Map<Layer.Attention, String> types = new EnumMap<>(Layer.Attention.class);
        for (Map.Entry<Layer.Attention, String> kind : CACHES.entrySet()) {
            Optional<String> type = request.option(kind.getValue());
            if (type.isPresent() && !type.get().equals(INT8) && !type.get().equals(F16)) {
                throw new PolicyException(
                        "--kv-cache " + type.get() + ": the caches of LiteRT-LM hold int8 with trained scales, or numbers");
            }
            type.ifPresent(word -> types.put(kind.getKey(), word));
        }
        String activations = request.option(ACTIVATIONS).orElse("keep");
        List<Integer> imageTokens = request.option(IMAGE_TOKENS).map(text -> Stream.of(text.split(",")).map(Integer::valueOf)
                .sorted(Comparator.reverseOrder()).toList()).orElse(List.of());
        return new LitertOptions(cache, prefill, imageTokens, request.option(UUID_OPTION), request.option(TIMESTAMP),
                activations.equals("keep") || activations.equals("static"), types, record(source, stripping, request));
    }

    private static Map<String, String> record(Checkpoint source, Stripping stripping, TargetRequest request) throws PolicyException {
        Map<String, String> record = new LinkedHashMap<>(OutputRecord.of(source, request, stripping));
        if (request.option(TargetRequest.CACHE_SLIDING).isEmpty()) {
            // What caches hold is what the graphs compute with, whatever the source was meant for.
            record.remove(CacheChoice.SLIDING);
            record.remove(CacheChoice.FULL);
        }
        long bytes = 0;
        for (Map.Entry<String, String> entry : record.entrySet()) {
            bytes += ITEM_BYTES + entry.getKey().getBytes(StandardCharsets.UTF_8).length
                    + entry.getValue().getBytes(StandardCharsets.UTF_8).length;
        }
        if (bytes > MOST_RECORD_BYTES) {
            throw new PolicyException("notes of " + bytes + " bytes: the header of a bundle has room for " + MOST_RECORD_BYTES);
        }
        return record;
    }

    /// Whether a layer's cache is to hold codes: where the source has scales for them, unless numbers are asked for.
    boolean codesIn(Layer layer, boolean scales) {
        return scales && !F16.equals(cacheTypes.get(layer.attention()));
    }

    /// Whether codes are asked for in a layer's cache.
    boolean wantsCodesIn(Layer layer) {
        return INT8.equals(cacheTypes.get(layer.attention()));
    }

    /// Whether half precision caches are asked for, which are written as single precision.
    boolean widened() {
        return cacheTypes.containsValue(F16);
    }
}
