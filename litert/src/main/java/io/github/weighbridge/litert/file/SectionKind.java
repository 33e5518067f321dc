package io.github.weighbridge.litert.file;

/// What a section of a bundle holds. Kinds that are not listed here are carried like any other.
///
/// @param code the code in the header, 0 to 255
public record SectionKind(int code) {
    /// Nothing.
    public static final SectionKind NONE = new SectionKind(0);
    /// Anything; runtimes pass it over.
    public static final SectionKind GENERIC = new SectionKind(1);
    /// No longer used.
    public static final SectionKind DEPRECATED = new SectionKind(2);
    /// A complete TFLite model. Offsets in it count from the section's beginning.
    public static final SectionKind TFLITE_MODEL = new SectionKind(3);
    /// A SentencePiece model.
    public static final SectionKind SENTENCEPIECE = new SectionKind(4);
    /// A serialized LlmMetadata.
    public static final SectionKind LLM_METADATA = new SectionKind(5);
    /// A tokenizer.json, [compressed][CompressedTokenizer].
    public static final SectionKind HUGGING_FACE_TOKENIZER = new SectionKind(6);
    /// Constants of the TFLite model with the same model type.
    public static final SectionKind TFLITE_WEIGHTS = new SectionKind(7);
    /// A serialized ExecutorMetadata.
    public static final SectionKind EXECUTOR_METADATA = new SectionKind(8);
    /// A serialized EmbeddingMetadata.
    public static final SectionKind EMBEDDING_METADATA = new SectionKind(9);

    /// The code must fit a byte.
    public SectionKind {
        if (code < 0 || code > 255) {
            throw new IllegalArgumentException("section kind " + code);
        }
    }

    /// The word that LiteRT-LM's own tools use, or the number of a kind that is not known.
    public String word() {
        return switch (code) {
            case 0 -> "NONE";
            case 1 -> "GenericBinaryData";
            case 2 -> "Deprecated";
            case 3 -> "TFLiteModel";
            case 4 -> "SP_Tokenizer";
            case 5 -> "LlmMetadataProto";
            case 6 -> "HF_Tokenizer_Zlib";
            case 7 -> "TFLiteWeights";
            case 8 -> "ExecutorMetadataProto";
            case 9 -> "EmbeddingMetadataProto";
            default -> "kind " + code;
        };
    }
}
