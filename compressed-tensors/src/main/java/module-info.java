/// The compressed-tensors form of a Hugging Face folder.
module io.github.weighbridge.compressedtensors {
    requires transitive io.github.weighbridge.format.api;
    requires transitive io.github.weighbridge.safetensors;
    requires static org.jspecify;
    requires static jdk.incubator.vector;
}
