package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.tokenizer.GgufVocabulary.Tokens;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.IntPredicate;

/// Writes a tokenizer.json with a byte-pair model, part by part in the order of the tokenizers library. Tokens and merges are not kept.
final class TokenizerJsonWriter {
    private static final char SPACE_IN_MERGES = '\u0120';

    private final Writer out;

    TokenizerJsonWriter(OutputStream out) {
        this.out = new BufferedWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8), 1 << 14);
    }

    void begin() throws IOException {
        out.write("{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n");
    }

    void raw(String part) throws IOException {
        out.write(part);
    }

    /// Control tokens, tokens that users may write, and named ones.
    void addedTokens(GgufVocabulary vocabulary, Tokens tokens, IntPredicate special) throws IOException {
        Set<Long> named = new HashSet<>();
        for (List<String> words : TokenizerSource.NAMED) {
            OptionalLong id = vocabulary.named(tokens, words.getLast());
            id.ifPresent(named::add);
        }
        out.write("  \"added_tokens\": [");
        String separator = "\n";
        for (int id = 0; id < tokens.count(); id++) {
            boolean isNamed = named.contains((long) id);
            if (isNamed || tokens.isAdded(id) && !tokens.isPadding(id)) {
                out.write(separator + "    {\n      \"id\": " + id + ",\n      \"content\": ");
                quoted(tokens.text(id));
                out.write(
                        ",\n      \"single_word\": false,\n      \"lstrip\": false,\n      \"rstrip\": false,\n      \"normalized\": false,\n"
                                + "      \"special\": " + (isNamed || special.test(id)) + "\n    }");
                separator = ",\n";
            }
        }
        out.write("\n  ],\n");
    }

    void model(boolean fuseUnknown, boolean byteFallback, boolean ignoreMerges, Optional<String> unknown) throws IOException {
        out.write("  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": ");
        if (unknown.isPresent()) {
            quoted(unknown.get());
        } else {
            out.write("null");
        }
        out.write(",\n    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n    \"fuse_unk\": " + fuseUnknown
                + ",\n    \"byte_fallback\": " + byteFallback + ",\n    \"ignore_merges\": " + ignoreMerges + ",\n");
    }

    void vocabulary(Tokens tokens, IntPredicate included) throws IOException {
        out.write("    \"vocab\": {");
        String separator = "\n";
        for (int id = 0; id < tokens.count(); id++) {
            if (included.test(id)) {
                out.write(separator + "      ");
                quoted(tokens.text(id));
                out.write(": " + id);
                separator = ",\n";
            }
        }
        out.write("\n    },\n");
    }

    /// Merges in rank order.
    ///
    /// @param moved whether a space within a part was moved up by 256, as it is for `gemma4`
    void merges(GgufVocabulary vocabulary, Tokens tokens, boolean moved) throws IOException {
        Set<String> real = new HashSet<>();
        if (moved) {
            tokens.texts().stream().filter(text -> text.indexOf(SPACE_IN_MERGES) >= 0).forEach(real::add);
        }
        out.write("    \"merges\": [");
        String[] separator = {"\n"};
        vocabulary.merges().forEachString((index, merge) -> {
            // Parts cannot be empty, so the space that separates them is not the first character.
            int space = merge.indexOf(' ', 1);
            if (space < 0 || space == merge.length() - 1) {
                throw vocabulary.malformed("merges", "merge " + index + " without two parts", "two texts with a space between");
            }
            out.write(separator[0] + "      [\n        ");
            quoted(part(merge.substring(0, space), moved, real));
            out.write(",\n        ");
            quoted(part(merge.substring(space + 1), moved, real));
            out.write("\n      ]");
            separator[0] = ",\n";
        });
        out.write("\n    ]\n  }\n");
    }

    private static String part(String part, boolean moved, Set<String> real) {
        return !moved || part.indexOf(SPACE_IN_MERGES) < 0 || real.contains(part) ? part : part.replace(SPACE_IN_MERGES, ' ');
    }

    void end() throws IOException {
        out.write("}\n");
        out.flush();
    }

    private void quoted(String text) throws IOException {
        out.write(quote(text));
    }

    /// A text as JSON has it.
    static String quote(String text) {
        StringBuilder quoted = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> quoted.append("\\\"");
                case '\\' -> quoted.append("\\\\");
                case '\n' -> quoted.append("\\n");
                case '\r' -> quoted.append("\\r");
                case '\t' -> quoted.append("\\t");
                default -> {
                    if (c < ' ') {
                        quoted.append(String.format("\\u%04x", (int) c));
                    } else {
                        quoted.append(c);
                    }
                }
            }
        }
        return quoted.append('"').toString();
    }
}
