package io.github.weighbridge.litert.file;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// A section of a bundle.
///
/// @param kind what it holds
/// @param items what is said of it
/// @param begin first byte in the bundle
/// @param end byte after the last
public record BundleSection(SectionKind kind, List<BundleItem> items, long begin, long end) {
    /// The item that says which part of a model a TFLite section is.
    public static final String MODEL_TYPE = "model_type";
    /// The model type of a section that states none.
    public static final String PREFILL_DECODE = "tf_lite_prefill_decode";
    /// The model type of the table of token embeddings.
    public static final String EMBEDDER = "tf_lite_embedder";
    /// The model type of the tables of per-layer embeddings.
    public static final String PER_LAYER_EMBEDDER = "tf_lite_per_layer_embedder";
    /// The model type of what turns an image into soft tokens.
    public static final String VISION_ENCODER = "tf_lite_vision_encoder";
    /// The model type of what brings soft tokens of an image to the width of the text model.
    public static final String VISION_ADAPTER = "tf_lite_vision_adapter";
    /// The model type of the embedding that ends an image.
    public static final String END_OF_VISION = "tf_lite_end_of_vision";
    /// The model type of what turns sound into soft tokens.
    public static final String AUDIO_ENCODER = "tf_lite_audio_encoder_hw";
    /// The model type of what brings soft tokens of sound to the width of the text model.
    public static final String AUDIO_ADAPTER = "tf_lite_audio_adapter";
    /// The model type of the embedding that ends sound.
    public static final String END_OF_AUDIO = "tf_lite_end_of_audio";
    /// The item that says on which processors a TFLite section can run.
    public static final String BACKEND_CONSTRAINT = "backend_constraint";

    /// Copies the list and checks the range.
    public BundleSection {
        items = List.copyOf(items);
        if (begin < 0 || end < begin) {
            throw new IllegalArgumentException("bytes " + begin + " to " + end);
        }
    }

    /// Number of bytes.
    public long length() {
        return end - begin;
    }

    /// The text under a key, whose case does not matter.
    public Optional<String> text(String key) {
        return items.stream().filter(item -> item.key().equalsIgnoreCase(key) && item.type() == ItemType.STRING).map(BundleItem::text)
                .findFirst();
    }

    /// Which part of a model a TFLite section is, in lower case.
    public String modelType() {
        return text(MODEL_TYPE).map(word -> word.toLowerCase(Locale.ROOT)).orElse(PREFILL_DECODE);
    }
}
