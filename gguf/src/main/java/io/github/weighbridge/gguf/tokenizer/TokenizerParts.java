package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.gguf.tokenizer.GgufVocabulary.Tokens;
import io.github.weighbridge.io.CheckpointFormatException;
import java.util.Optional;
import java.util.OptionalLong;

/// Parts of tokenizer.json that are the same for all files of a kind, as the released files have them.
final class TokenizerParts {
    /// Gemma 4's normalizer and splitting: spaces become U+2581.
    static final String SPACES_REPLACED = """
              "normalizer": {
                "type": "Replace",
                "pattern": {
                  "String": " "
                },
                "content": "\u2581"
              },
              "pre_tokenizer": {
                "type": "Split",
                "pattern": {
                  "String": " "
                },
                "behavior": "MergedWithPrevious",
                "invert": false
              },
            """;
    /// Its decoder, the reverse.
    static final String SPACES_RESTORED = """
              "decoder": {
                "type": "Sequence",
                "decoders": [
                  {
                    "type": "Replace",
                    "pattern": {
                      "String": "\u2581"
                    },
                    "content": " "
                  },
                  {
                    "type": "ByteFallback"
                  },
                  {
                    "type": "Fuse"
                  }
                ]
              },
            """;
    /// The decoder of byte-level models.
    static final String BYTES_DECODED = """
              "decoder": {
                "type": "ByteLevel",
                "add_prefix_space": true,
                "trim_offsets": true,
                "use_regex": true
              },
            """;

    private TokenizerParts() {}

    /// Splits by a regular expression, then maps bytes to characters.
    static String splitThenBytes(String normalizer, String expression) {
        return "  \"normalizer\": " + normalizer + ",\n" + """
                  "pre_tokenizer": {
                    "type": "Sequence",
                    "pretokenizers": [
                      {
                        "type": "Split",
                        "pattern": {
                          "Regex": %s
                        },
                        "behavior": "Isolated",
                        "invert": false
                      },
                      {
                        "type": "ByteLevel",
                        "add_prefix_space": false,
                        "trim_offsets": true,
                        "use_regex": false
                      }
                    ]
                  },
                """.formatted(TokenizerJsonWriter.quote(expression));
    }

    /// A processor that maps offsets only.
    static String bytesProcessed() {
        return """
                  "post_processor": {
                    "type": "ByteLevel",
                    "add_prefix_space": false,
                    "trim_offsets": false,
                    "use_regex": false
                  },
                """;
    }

    /// A processor that puts the token of the beginning before each text.
    ///
    /// @param afterBytes whether it follows one that maps offsets
    static String templated(String name, GgufVocabulary vocabulary, Tokens tokens, boolean afterBytes) throws CheckpointFormatException {
        Optional<String> bos = vocabulary.namedText(tokens, "bos");
        OptionalLong id = vocabulary.named(tokens, "bos");
        if (bos.isEmpty() || id.isEmpty()) {
            return "  \"" + name + "\": null,\n";
        }
        String text = TokenizerJsonWriter.quote(bos.get());
        String first = "{\"SpecialToken\": {\"id\": " + text + ", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}";
        String second = "{\"SpecialToken\": {\"id\": " + text + ", \"type_id\": 1}}, {\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}";
        String template = "{\"type\": \"TemplateProcessing\", \"single\": [" + first + "], \"pair\": [" + first + ", " + second
                + "], \"special_tokens\": {" + text + ": {\"id\": " + text + ", \"ids\": [" + id.getAsLong() + "], \"tokens\": [" + text
                + "]}}}";
        String bytes = "{\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": false, \"use_regex\": true}";
        return "  \"" + name + "\": "
                + (afterBytes ? "{\"type\": \"Sequence\", \"processors\": [" + bytes + ", " + template + "]}" : template) + ",\n";
    }
}
