package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.view.View;
import java.util.List;

/// The order in which the runtime wants the windows of convolutions: channels last. PyTorch has them before the places of a window. Both ways are
/// views, so that numbers are only moved, and what was read and is written again is copied.
final class ConvolutionLayout {
    private static final int DEPTHWISE = 3;
    private static final int FULL = 4;

    private ConvolutionLayout() {}

    /// Whether a tensor is a window: the audio encoder has no other tensors of so many dimensions.
    static boolean applies(Identity identity, Shape shape) {
        return identity.component().equals(Component.AUDIO_ENCODER)
                && (shape.rank() == FULL || shape.rank() == DEPTHWISE && shape.dimension(1) == 1);
    }

    /// `[out, height, width, in]` of PyTorch's `[out, in, height, width]`; `[1, places, 1, channels]` of `[channels, 1, places]`.
    static View written(View view) {
        Shape shape = view.shape();
        if (shape.rank() == FULL) {
            return View.transpose(view, List.of(0, 2, 3, 1));
        }
        View image = View.reshape(view, Shape.of(shape.dimension(0), 1, shape.dimension(2), 1));
        return View.transpose(image, List.of(1, 2, 3, 0));
    }

    /// The inverse.
    ///
    /// @param stored as the runtime has it
    /// @param shape as PyTorch has it
    static View read(View stored, Shape shape) {
        if (shape.rank() == FULL) {
            return View.transpose(stored, List.of(0, 3, 1, 2));
        }
        return View.reshape(View.transpose(stored, List.of(3, 0, 1, 2)), shape);
    }

    /// The shape that the runtime has.
    static Shape written(Shape shape) {
        return shape.rank() == FULL ? Shape.of(shape.dimension(0), shape.dimension(2), shape.dimension(3), shape.dimension(1))
                : Shape.of(1, shape.dimension(2), 1, shape.dimension(0));
    }
}
