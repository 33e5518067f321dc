package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.encoding.PackedEncodings;
import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.safetensors.HuggingFaceTensors;
import io.github.weighbridge.scan.GridEvidence;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// How the weight of a module gets into an encoding: its codes unchanged where that is possible, numbers encoded otherwise. For use by one
/// thread.
final class CodeChoices {
    static final String CARRY = "carry";
    static final String PLAIN = "plain";
    static final String EXACT = "exact";
    private static final int GROUP = 32;
    private static final long MOST_READ = 1 << 20;
    private static final Grid.Levels.Range INT8 = Grid.Levels.Range.ofBits(8);
    private static final Set<DenseType> SCALES = Set.of(DenseType.F32, DenseType.F16, DenseType.BF16);

    private final HuggingFaceTensors model;
    private final Map<String, Optional<DenseType>> trained = new HashMap<>();

    CodeChoices(HuggingFaceTensors model) {
        this.model = model;
    }

    /// The encoding in which a tensor's codes are kept: the source's own, or the one that takes them over. Empty where it has none.
    ///
    /// @param staticActivations whether the module has scales for what enters and what leaves
    Optional<Choice> keep(TargetTensor tensor, boolean staticActivations) {
        if (!isModule(tensor)) {
            return Optional.empty();
        }
        if (model.source().format().equals(CompressedTensorsFormat.NAME) && tensor.view() instanceof View.Stored(StoredTensor stored)
                && stored.encoding() instanceof GridEncoding own && !own.packing().wholeCodes()) {
            return Optional.of(Choice.of(own, "keep"));
        }
        Optional<Grid> grid = commonGrid(tensor.view());
        if (grid.isEmpty() || !(grid.get().levels() instanceof Grid.Levels.Range levels) || !INT8.contains(levels)
                || grid.get().zero() != Grid.Zero.NONE || grid.get().outer() || !SCALES.contains(grid.get().scale())) {
            return Optional.empty();
        }
        int bits = 2;
        while (!Grid.Levels.Range.ofBits(bits).contains(levels)) {
            bits++;
        }
        // A k-quant's own scales are products: what it decodes to is kept instead.
        boolean products = View.stored(tensor.view()).getFirst().planes().size() == 1 && grid.get().scale() == DenseType.F32;
        if (products) {
            return Optional.empty();
        }
        long group = grid.get().groupColumns(tensor.shape());
        Granularity granularity = grid.get().granularity() instanceof Granularity.Group && group <= tensor.shape().columns()
                ? new Granularity.Group((int) group) : new Granularity.Row();
        GridEncoding encoding = bits == 8 && staticActivations && granularity instanceof Granularity.Row
                ? PackedEncodings.bytes(bits, granularity, grid.get().scale(), io.github.weighbridge.encoding.GridPlanes.Zeros.NONE)
                : PackedEncodings.packed(bits, granularity, grid.get().scale());
        return encoding.carries(grid.get(), tensor.shape()).kind() == Carriage.Kind.EXACT
                ? Optional.of(new Choice(encoding, CARRY, "codes unchanged")) : Optional.empty();
    }

    /// The choice that a type gives for a tensor.
    ///
    /// @param method the recipe that was asked for; empty for the best
    Choice of(WeightType type, TargetTensor tensor, Optional<String> method, String reason) {
        Optional<Grid> grid = commonGrid(tensor.view());
        if (grid.isPresent() && SCALES.contains(grid.get().scale()) && method.isEmpty()) {
            GridEncoding holding = type.encoding(grid.get().scale());
            if (holding.carries(grid.get(), tensor.shape()).kind() == Carriage.Kind.EXACT) {
                return new Choice(holding, CARRY, reason + ", codes unchanged");
            }
        }
        if (type.isTrained() && (method.isEmpty() || method.get().equals(EXACT))) {
            Optional<DenseType> scale = trained(tensor);
            if (scale.isPresent() || method.isPresent()) {
                return new Choice(type.encoding(scale.orElse(DenseType.F16)), EXACT,
                        reason + (scale.isPresent() ? ", whose grid it lies on" : ""));
            }
        }
        return new Choice(type.encoding(scaleType(tensor)), method.orElse(PLAIN), reason);
    }

    /// A dense tensor of a source that keeps small tensors in single precision whatever they came from: BF16 where that holds all of them.
    /// vLLM has no kernels for packed weights in a model of single precision.
    Optional<Choice> narrowed(TargetTensor tensor, Choice dense) {
        boolean wide = dense.encoding().equals(DenseEncoding.F32) && tensor.shape().elements() <= MOST_READ
                && !model.source().format().equals("safetensors") && !model.source().format().equals(CompressedTensorsFormat.NAME);
        if (!wide || tensor.shape().elements() == 0) {
            return Optional.empty();
        }
        float[] numbers = new float[(int) tensor.shape().elements()];
        try (ViewReader reader = new ViewReader(model.files())) {
            reader.read(tensor.view(), Region.all(tensor.shape()), numbers, 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        for (float number : numbers) {
            if ((Float.floatToRawIntBits(number) & 0xffff) != 0) {
                return Optional.empty();
            }
        }
        return Optional.of(Choice.of(DenseEncoding.BF16, "keep: BF16 holds all of its numbers"));
    }

    /// Whether an encoding has a recipe.
    static boolean has(Encoding encoding, String method) {
        return encoding.encoder(EncoderInputs.method(method)).isPresent();
    }

    static boolean isModule(TargetTensor tensor) {
        // Without a number there is no scale, and a layout of nothing that no reader expects.
        return tensor.name().endsWith(ModuleNames.WEIGHT) && tensor.shape().rank() == 2 && tensor.shape().elements() > 0;
    }

    /// The type that scales found anew have: the one that the module's numbers have, as upstream gives it.
    private static DenseType scaleType(TargetTensor tensor) {
        boolean dense = View.stored(tensor.view()).stream().allMatch(stored -> stored.encoding().dense().isPresent());
        return Exact.denseType(tensor.view()).filter(type -> dense && (type == DenseType.F16 || type == DenseType.F32))
                .orElse(DenseType.BF16);
    }

    /// The narrowest type of steps for which a tensor lies on the grid of Q4_0; empty where it lies on none. Experts of one tensor were trained
    /// alike: samples are taken of all of them, not of each.
    private Optional<DenseType> trained(TargetTensor part) {
        TargetTensor tensor = model.whole(part).orElse(part);
        return trained.computeIfAbsent(tensor.name(), _ -> {
            Optional<DenseType> type = Exact.denseType(tensor.view());
            List<StoredTensor> stored = View.stored(tensor.view());
            if (type.isEmpty() || stored.isEmpty() || stored.stream().anyMatch(one -> one.encoding().dense().isEmpty())) {
                return Optional.empty();
            }
            try {
                for (DenseType scale : List.of(DenseType.BF16, DenseType.F16)) {
                    GridEvidence evidence = GridEvidence.of(tensor.view(), type.get(), 4, GROUP, scale, model.files());
                    boolean all = scale == DenseType.BF16 ? evidence.exact() == evidence.blocks() : true;
                    if (evidence.onGrid() && all) {
                        return Optional.of(scale);
                    }
                }
                return Optional.empty();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /// The grid of a view that keeps codes.
    static Optional<Grid> commonGrid(View view) {
        return View.stored(view).isEmpty() ? Optional.empty() : ViewReader.codeGrid(view);
    }
}
