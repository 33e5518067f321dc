/// The GGUF format and the GGML encodings.
module io.github.weighbridge.gguf {
    requires transitive io.github.weighbridge.format.api;
    requires static org.jspecify;
    requires static jdk.incubator.vector;

    exports io.github.weighbridge.gguf;
    exports io.github.weighbridge.gguf.encoding;
    exports io.github.weighbridge.gguf.file;

    provides io.github.weighbridge.spi.Format with io.github.weighbridge.gguf.GgufFormat;
}
