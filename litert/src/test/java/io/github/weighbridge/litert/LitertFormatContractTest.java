package io.github.weighbridge.litert;

import io.github.weighbridge.fixtures.contract.FormatContract;
import io.github.weighbridge.fixtures.malformed.MalformedLitert;
import io.github.weighbridge.spi.Format;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Nested;

/// What every format holds to, held by the three of this module.
class LitertFormatContractTest {
    @Nested
    class Bundles extends FormatContract {
        @Override
        protected Format format() {
            return new LitertlmFormat();
        }

        @Override
        protected List<Path> makeSamples(Path folder) throws IOException {
            return List.of(Files.write(folder.resolve("m.litertlm"), MalformedLitert.bundle()));
        }
    }

    @Nested
    class Tasks extends FormatContract {
        @Override
        protected Format format() {
            return new TaskFormat();
        }

        @Override
        protected List<Path> makeSamples(Path folder) throws IOException {
            return List.of(Files.write(folder.resolve("m.task"), MalformedLitert.task()));
        }
    }

    @Nested
    class Models extends FormatContract {
        @Override
        protected Format format() {
            return new TfliteFormat();
        }

        @Override
        protected List<Path> makeSamples(Path folder) throws IOException {
            return List.of(Files.write(folder.resolve("m.tflite"), MalformedLitert.model()));
        }
    }
}
