/// The command line, its reports, and the runnable jar.
module io.github.weighbridge.inspector {
    requires io.github.weighbridge.format.api;
    requires io.github.weighbridge.safetensors;
    requires io.github.weighbridge.gguf;
    requires io.github.weighbridge.compressedtensors;
    requires io.github.weighbridge.litert;
    requires io.github.weighbridge.fixtures;
    requires info.picocli;
    requires static org.jspecify;
    requires static jdk.incubator.vector;

    opens io.github.weighbridge.inspector to info.picocli;
}
