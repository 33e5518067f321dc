/// The ground every Weighbridge module stands on: bytes, encodings, views, the tensor graph, plans, the conversion engine and the audit.
module io.github.weighbridge.format.api {
    requires com.fasterxml.jackson.core;
    requires com.fasterxml.jackson.dataformat.yaml;
    requires org.yaml.snakeyaml;
    requires java.net.http;
    requires static transitive org.jspecify;
    requires static jdk.incubator.vector;

    exports io.github.weighbridge.io;
    exports io.github.weighbridge.encoding;
    exports io.github.weighbridge.view;
    exports io.github.weighbridge.model;
    exports io.github.weighbridge.family;
    exports io.github.weighbridge.scan;
    exports io.github.weighbridge.plan;
    exports io.github.weighbridge.spi;
    exports io.github.weighbridge.policy;
    exports io.github.weighbridge.policy.file;
    exports io.github.weighbridge.policy.budget;
    exports io.github.weighbridge.convert;
    exports io.github.weighbridge.audit;

    uses io.github.weighbridge.spi.Format;
    uses io.github.weighbridge.family.FamilyProvider;

    provides io.github.weighbridge.family.FamilyProvider with io.github.weighbridge.family.BuiltInFamilies;
}
