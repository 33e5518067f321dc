/// The TFLite, LiteRT-LM and task formats.
module io.github.weighbridge.litert {
    requires transitive io.github.weighbridge.format.api;
    requires transitive com.google.protobuf;
    requires flatbuffers.java;
    requires org.apache.commons.compress;
    requires static org.jspecify;
    requires static jdk.incubator.vector;

    exports io.github.weighbridge.litert;
    exports io.github.weighbridge.litert.encoding;
    exports io.github.weighbridge.litert.file;
    exports io.github.weighbridge.litert.file.proto;
    exports io.github.weighbridge.litert.graph;
    exports io.github.weighbridge.litert.tflite;
    exports io.github.weighbridge.litert.tflite.write;

    provides io.github.weighbridge.spi.Format with io.github.weighbridge.litert.LitertlmFormat, io.github.weighbridge.litert.TaskFormat,
            io.github.weighbridge.litert.TfliteFormat;
}
