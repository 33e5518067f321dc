/// The TFLite, LiteRT-LM and task formats.
module io.github.weighbridge.litert {
    requires transitive io.github.weighbridge.format.api;
    requires static org.jspecify;
    requires static jdk.incubator.vector;
}
