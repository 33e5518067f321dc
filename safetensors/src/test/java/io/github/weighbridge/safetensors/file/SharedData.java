package io.github.weighbridge.safetensors.file;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/// The real files that lie beside the project while it is developed. A clone has none, and the tests that want them are skipped.
final class SharedData {
    private SharedData() {}

    /// A file or folder of the data. Skips the test when it is not there, and says why.
    static Path find(String path) {
        String root = System.getProperty("weighbridge.root", "");
        Path found = Path.of(root).resolve("../shared/data").resolve(path).normalize();
        String reason =
                root.isEmpty() ? "the system property weighbridge.root is not set" : Files.exists(found) ? "" : found + " is not there";
        if (!reason.isEmpty()) {
            System.out.println("skipped: " + reason);
            Assumptions.abort(reason);
        }
        return found;
    }
}
