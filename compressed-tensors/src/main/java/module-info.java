/// The compressed-tensors form of a Hugging Face folder.
module io.github.weighbridge.compressedtensors {
    requires transitive io.github.weighbridge.format.api;
    requires transitive io.github.weighbridge.safetensors;
    requires static org.jspecify;

    exports io.github.weighbridge.compressedtensors;
    exports io.github.weighbridge.compressedtensors.config;
    exports io.github.weighbridge.compressedtensors.encoding;

    provides io.github.weighbridge.spi.Format with io.github.weighbridge.compressedtensors.CompressedTensorsFormat;
}
