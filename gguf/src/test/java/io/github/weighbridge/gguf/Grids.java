package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The matrices of a checkpoint as numbers.
public final class Grids {
    private Grids() {}

    /// A matrix.
    public record Matrix(String name, DenseType type, float[] values) {}

    /// All matrices of dense numbers.
    public static List<Matrix> matrices(Path source) throws IOException {
        List<Matrix> matrices = new ArrayList<>();
        try (Checkpoint checkpoint = Conversions.open(source)) {
            List<ByteSource> files = checkpoint.files().stream().map(Checkpoint.CheckpointFile::source).toList();
            try (ViewReader reader = new ViewReader(files)) {
                for (StoredTensor tensor : checkpoint.graph().stored()) {
                    if (tensor.shape().rank() == 2 && tensor.encoding().dense().isPresent()) {
                        float[] values = new float[Math.toIntExact(tensor.shape().elements())];
                        reader.read(new View.Stored(tensor), Region.all(tensor.shape()), values, 0);
                        matrices.add(new Matrix(tensor.name(), tensor.encoding().dense().orElseThrow(), values));
                    }
                }
            }
        }
        return matrices;
    }
}
