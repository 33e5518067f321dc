/// The safetensors format and Hugging Face folders.
module io.github.weighbridge.safetensors {
    requires transitive io.github.weighbridge.format.api;
    requires static org.jspecify;
    requires static jdk.incubator.vector;

    exports io.github.weighbridge.safetensors;
    exports io.github.weighbridge.safetensors.file;

    provides io.github.weighbridge.spi.Format with io.github.weighbridge.safetensors.SafetensorsFormat;
}
