package io.github.weighbridge.compressedtensors.config;

import io.github.weighbridge.io.CheckpointFormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.PatternSyntaxException;

/// Reads lists of targets.
final class Patterns {
    private static final int MOST = 100_000;

    List<ModulePattern> of(Reading in, String key) throws CheckpointFormatException {
        List<String> texts = in.texts(key);
        if (texts.size() > MOST) {
            throw in.wrong(key, "a list of " + texts.size(), "at most " + MOST);
        }
        List<ModulePattern> patterns = new ArrayList<>(texts.size());
        for (String text : texts) {
            try {
                patterns.add(ModulePattern.of(text));
            } catch (PatternSyntaxException e) {
                throw in.wrong(key, '"' + text + '"', "a regular expression behind re: (" + e.getDescription() + ')');
            }
        }
        return patterns;
    }
}
