package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The values of single scales, read at planning: whether one is there decides the graph.
final class Scales {
    private final Checkpoint source;
    private final List<String> uncalibrated = new ArrayList<>();

    Scales(Checkpoint source) {
        this.source = source;
    }

    /// Whether a scale is in use: 0 says that it is not.
    ///
    /// @throws CheckpointFormatException when it is negative or not finite
    boolean calibrated(StoredTensor scale) throws IOException {
        float[] value = new float[1];
        try (ViewReader reader = new ViewReader(source.files().stream().map(CheckpointFile::source).toList())) {
            reader.read(View.of(scale), Region.all(scale.shape()), value, 0);
        }
        if (!(value[0] >= 0 && value[0] <= Float.MAX_VALUE)) {
            throw CheckpointFormatException.malformed(source.files().get(scale.planes().getFirst().file()).source().name(),
                    scale.planes().getFirst().offset(), "tensor \"" + scale.name() + "\"", value[0], "a scale, or 0 for none");
        }
        if (value[0] == 0) {
            uncalibrated.add(scale.name());
        }
        return value[0] > 0;
    }

    /// The static scale of what enters or leaves the product with a weight, as a tensor of the bundle; empty where none is in use.
    ///
    /// @param name of the weight's tensor
    /// @param of what the weight is
    /// @param input whether of what enters
    Optional<TargetTensor> activation(Weight weight, String name, Identity of, boolean input) throws IOException {
        Optional<StoredTensor> scale = input ? weight.inputScale() : weight.outputScale();
        if (scale.isEmpty() || !calibrated(scale.get())) {
            return Optional.empty();
        }
        return Optional.of(new TargetTensor(BundleTensors.activationScale(name, input),
                new Identity(Role.ACTIVATION_SCALE, of.component(), of.layer()), View.reshape(View.of(scale.get()), Shape.SCALAR),
                List.of()));
    }

    /// Names of the scales asked for that are not in use.
    List<String> uncalibrated() {
        return uncalibrated;
    }
}
