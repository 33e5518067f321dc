package io.github.weighbridge.spi;

import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Checkpoint;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/// What an output says of how it came about, as far as that shows in no tensor: the parts that were taken out, the key/value cache it is meant for,
/// and notes. What the source says of itself is passed on and added to, so that a model stripped in two steps says both.
///
/// Each format writes it where its metadata has a place: keys of a GGUF file, `__metadata__` of safetensors, system metadata of a `.litertlm`, a
/// document in a `.task`. Names begin with `weighbridge.`.
public final class OutputRecord {
    /// What all names begin with.
    public static final String PREFIX = "weighbridge.";
    /// The parts that were taken out, in alphabetical order, with commas between them.
    public static final String STRIPPED = PREFIX + "stripped";

    private static final String NOTE = PREFIX + TargetRequest.NOTE;
    private static final Pattern PARTS = Pattern.compile("[a-z]{1,16}(?:,[a-z]{1,16}){0,15}");
    private static final Pattern NOTE_NAME = Pattern.compile("weighbridge\\.note\\.[a-z0-9_]{1,64}");
    private static final int MOST_NOTES = 64;
    private static final int LONGEST_NOTE = 4096;

    private OutputRecord() {}

    /// The record of what a request makes of a checkpoint, in a fixed order. Empty where nothing of the kind was asked for, now or before.
    public static Map<String, String> of(Checkpoint source, TargetRequest request, Stripping stripping) {
        Map<String, String> record = new LinkedHashMap<>();
        Set<String> stripped = new TreeSet<>(stripped(source.metadata()));
        stripped.addAll(stripping.removed().keySet());
        if (!stripped.isEmpty()) {
            record.put(STRIPPED, String.join(",", stripped));
        }
        Optional<CacheChoice> before = CacheChoice.recorded(source.metadata()::text);
        request.option(TargetRequest.CACHE_SLIDING).or(() -> before.map(CacheChoice::sliding))
                .ifPresent(type -> record.put(CacheChoice.SLIDING, type));
        request.option(TargetRequest.CACHE_FULL).or(() -> before.map(CacheChoice::full))
                .ifPresent(type -> record.put(CacheChoice.FULL, type));
        Map<String, String> notes = new TreeMap<>(notes(source.metadata()));
        request.options().forEach((word, text) -> {
            if (word.startsWith(TargetRequest.NOTE)) {
                notes.put(PREFIX + word, text);
            }
        });
        record.putAll(notes);
        return record;
    }

    /// The parts that a file says were taken out of what is in it. What is no list of words is passed over.
    public static Set<String> stripped(Value.Fields metadata) {
        return metadata.text(STRIPPED).filter(text -> PARTS.matcher(text).matches()).map(text -> (Set<String>) new TreeSet<>(
                List.of(text.split(",")))).orElseGet(TreeSet::new);
    }

    /// Notes that a file carries. Too many, too long or oddly named ones are not ours.
    private static Map<String, String> notes(Value.Fields metadata) {
        Map<String, String> notes = new LinkedHashMap<>();
        for (String name : metadata.fields().keySet()) {
            if (name.startsWith(NOTE) && notes.size() < MOST_NOTES && NOTE_NAME.matcher(name).matches()) {
                metadata.text(name).filter(text -> text.length() <= LONGEST_NOTE).ifPresent(text -> notes.put(name, text));
            }
        }
        return notes;
    }
}
