package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.scan.GridEvidence;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Which tensors lie on the grid of Q4_0 already, so that its exact recipe returns their numbers. Blocks are read when a tensor is first asked
/// for. For use by one thread.
final class Q4Evidence {
    static final String EXACT = "exact";
    private static final String PLAIN = "plain";
    /// Codes that stay what they are are what an exact recipe is for.
    private static final String CARRIED = "carry";
    private static final Encoding ENCODING = GgmlEncodings.of(GgmlType.Q4_0);
    private static final int BITS = 4;
    private static final int GROUP = 32;

    private final List<ByteSource> files;
    private final Map<String, Boolean> known = new HashMap<>();

    Q4Evidence(Checkpoint source) {
        this.files = source.files().stream().map(CheckpointFile::source).toList();
    }

    /// Whether a tensor's numbers are dense in the source and lie on the grid.
    private boolean onGrid(TargetTensor tensor) {
        return known.computeIfAbsent(tensor.name(), _ -> {
            Optional<DenseType> type = Exact.denseType(tensor.view());
            List<StoredTensor> stored = View.stored(tensor.view());
            if (type.isEmpty() || stored.isEmpty() || stored.stream().anyMatch(one -> one.encoding().dense().isEmpty())) {
                return false;
            }
            try {
                return GridEvidence.of(tensor.view(), type.get(), BITS, GROUP, DenseType.F16, files).onGrid();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /// A choice for which no recipe was named: the exact one where a tensor becomes Q4_0 and lies on its grid.
    Choice choice(TargetTensor tensor, Choice plain) {
        return plain.encoding().equals(ENCODING) && plain.method().equals(PLAIN) && onGrid(tensor)
                ? new Choice(ENCODING, EXACT, plain.reason() + ", whose grid it lies on") : plain;
    }

    /// A choice for which a recipe may have been named.
    static Choice choice(Choice plain, Optional<String> method, Supplier<Choice> unnamed) {
        if (method.isEmpty()) {
            return unnamed.get();
        }
        boolean has = plain.encoding().encoder(EncoderInputs.method(method.get())).isPresent();
        return has ? new Choice(plain.encoding(), method.get(), plain.reason()) : plain;
    }

    /// Refuses a recipe that no tensor of a type has.
    static void check(String type, Optional<String> method, Collection<Choice> choices) throws PolicyException {
        if (method.isPresent() && !method.get().equals(PLAIN)
                && choices.stream().noneMatch(choice -> choice.method().equals(method.get()) || choice.method().equals(CARRIED))) {
            throw new PolicyException("--type " + type + ":" + method.get() + ": " + type + " has no recipe \"" + method.get() + '"');
        }
    }
}
