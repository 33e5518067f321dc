/// The GGUF format and the GGML encodings.
module io.github.weighbridge.gguf {
    requires transitive io.github.weighbridge.format.api;
    requires static org.jspecify;
    requires static jdk.incubator.vector;

    exports io.github.weighbridge.gguf.file;
}
