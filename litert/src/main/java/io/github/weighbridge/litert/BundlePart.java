package io.github.weighbridge.litert;

import io.github.weighbridge.litert.file.BundleItem;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.plan.Blob;
import io.github.weighbridge.plan.LayoutBuilder;
import java.util.List;

/// A part of a bundle that is being planned: a section of a `.litertlm`, an entry of a `.task`.
///
/// @param kind what it holds
/// @param items what is said of it
/// @param entry its name in a `.task`
/// @param content its bytes
record BundlePart(SectionKind kind, List<BundleItem> items, String entry, Content content) {
    /// The models that a bundle may have.
    enum Model {
        EMBEDDER(BundleSection.EMBEDDER), PER_LAYER_EMBEDDER(BundleSection.PER_LAYER_EMBEDDER),
        PREFILL_DECODE(BundleSection.PREFILL_DECODE), VISION_ENCODER(BundleSection.VISION_ENCODER),
        VISION_ADAPTER(BundleSection.VISION_ADAPTER), END_OF_VISION(BundleSection.END_OF_VISION),
        AUDIO_ENCODER(BundleSection.AUDIO_ENCODER), AUDIO_ADAPTER(BundleSection.AUDIO_ADAPTER),
        END_OF_AUDIO(BundleSection.END_OF_AUDIO);

        private final String type;

        Model(String type) {
            this.type = type;
        }
    }

    /// Bytes of a part.
    sealed interface Content {
        /// Rendered ones.
        record Rendered(Blob blob) implements Content {}

        /// Those of a model.
        record OfModel(SectionModel model) implements Content {}
    }

    /// Only processors have all the operators of our graphs: that they run on others was never seen.
    private static final String CPU = "cpu";

    /// A model.
    static BundlePart model(Model model, SectionModel content) {
        return new BundlePart(SectionKind.TFLITE_MODEL,
                List.of(BundleItem.of(BundleSection.MODEL_TYPE, model.type), BundleItem.of(BundleSection.BACKEND_CONSTRAINT, CPU)),
                model.type.toUpperCase(java.util.Locale.ROOT), new Content.OfModel(content));
    }

    /// A part of rendered bytes.
    static BundlePart rendered(SectionKind kind, List<BundleItem> items, String entry, byte[] bytes) {
        return new BundlePart(kind, items, entry, new Content.Rendered(Blob.of(bytes)));
    }

    /// Number of bytes.
    long length() {
        return switch (content) {
            case Content.Rendered(Blob blob) -> blob.length();
            case Content.OfModel(SectionModel model) -> model.length();
        };
    }

    /// Appends the bytes.
    void layOut(LayoutBuilder layout) {
        switch (content) {
            case Content.Rendered(Blob blob) -> layout.rendered(blob);
            case Content.OfModel(SectionModel model) -> model.layOut(layout);
        }
    }
}
