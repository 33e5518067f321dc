package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.Plane;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.List;

/// Looks at all scales that a checkpoint keeps apart from its codes, before anything is made of them: one that is not finite would turn a row
/// into nothing without a word.
public final class ScaleCheck {
    private ScaleCheck() {}

    /// Reads the scales of weights, activations and caches.
    ///
    /// @throws CheckpointFormatException when one is not finite, or below 0 where none may be
    public static void check(Checkpoint checkpoint) throws IOException {
        List<ByteSource> files = checkpoint.files().stream().map(CheckpointFile::source).toList();
        try (ViewReader reader = new ViewReader(files)) {
            for (StoredTensor tensor : checkpoint.graph().stored()) {
                Role role = checkpoint.graph().identity(tensor).role();
                if ((role.equals(Role.ACTIVATION_SCALE) || role.equals(Role.KV_SCALE)) && tensor.encoding().dense().isPresent()) {
                    single(tensor, files, reader);
                } else if (scalesApart(tensor)) {
                    ScaleRange.of(tensor, files);
                }
            }
        }
    }

    private static boolean scalesApart(StoredTensor tensor) {
        List<Plane> planes = tensor.encoding().planes();
        return tensor.encoding().grid(tensor.shape()).isPresent() && tensor.planes().size() == planes.size()
                && planes.stream().anyMatch(plane -> plane.kind() == Plane.Kind.SCALES);
    }

    private static void single(StoredTensor tensor, List<ByteSource> files, ViewReader reader) throws IOException {
        if (tensor.shape().elements() != 1) {
            return;
        }
        float[] scale = new float[1];
        reader.read(View.of(tensor), Region.all(tensor.shape()), scale, 0);
        if (!(scale[0] >= 0) || Float.isInfinite(scale[0])) {
            Span span = tensor.planes().getFirst();
            throw CheckpointFormatException.malformed(files.get(span.file()).name(), span.offset(), "tensor \"" + tensor.name() + "\"",
                    scale[0], "a finite number of 0 or more");
        }
    }
}
