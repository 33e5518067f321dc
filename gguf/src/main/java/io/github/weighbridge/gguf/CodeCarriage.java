package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.scan.DecodedType;
import io.github.weighbridge.scan.ScaleRange;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Which tensors of a quantised source go into GGUF with their codes unchanged, and in which type.
///
/// The rule: the first of Q2_K, Q4_0 and Q8_0, which is the order of their size, that holds the codes' levels, whose blocks fit the rows and do
/// not span two scales, and whose half precision changes no scale by more than 2^-11 of itself. That is so of all normal halves, and of those
/// subnormal ones that happen to be near. Where there is none, numbers are kept in the smallest of BF16, F16 and F32 that holds all of them as
/// they decode, and a finding names the tensors and the reason.
final class CodeCarriage {
    private static final List<GgmlType> CANDIDATES = List.of(GgmlType.Q2_K, GgmlType.Q4_0, GgmlType.Q8_0);
    private static final String METHOD = "carry";
    private static final double LARGEST_CHANGE = 0x1p-11;
    private static final float LARGEST_HALF = 65_504;

    /// Why codes of a tensor are not carried.
    private enum Misfit {
        BLOCKS, SCALES
    }

    /// What is known of a tensor whose numbers are codes and scales.
    ///
    /// @param scales range of all its scales
    /// @param kept what becomes of it where its numbers are to be kept
    /// @param misfit why no codes are carried; empty where they are
    private record Known(Encoding from, Grid grid, ScaleRange scales, Choice kept, Optional<Misfit> misfit) {}

    private final Map<String, Known> tensors = new LinkedHashMap<>();

    private CodeCarriage() {}

    /// Looks at the scales of all quantised tensors of the source.
    static CodeCarriage of(Checkpoint source, List<TargetTensor> tensors) throws IOException {
        CodeCarriage carriage = new CodeCarriage();
        List<ByteSource> files = source.files().stream().map(CheckpointFile::source).toList();
        for (TargetTensor tensor : tensors) {
            Optional<Encoding> from = commonGrid(tensor.view());
            if (from.isPresent()) {
                carriage.tensors.put(tensor.name(), look(tensor, from.get(), files));
            }
        }
        return carriage;
    }

    private static Known look(TargetTensor tensor, Encoding from, List<ByteSource> files) throws IOException {
        Grid grid = ViewReader.codeGrid(tensor.view()).orElseThrow();
        ScaleRange scales = scales(tensor.view(), files);
        boolean held = false;
        for (GgmlType type : CANDIDATES) {
            Encoding to = GgmlEncodings.of(type);
            if (holds(to, grid, tensor)) {
                held = true;
                if (scalesFit(scales, type)) {
                    return new Known(from, grid, scales, new Choice(to, METHOD, "codes of " + from.name() + " unchanged"),
                            Optional.empty());
                }
            }
        }
        GgmlType dense = switch (DecodedType.of(tensor.view(), files)) {
            case BF16 -> GgmlType.BF16;
            case F16 -> GgmlType.F16;
            case F64, F32, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> GgmlType.F32;
        };
        Misfit misfit = held ? Misfit.SCALES : Misfit.BLOCKS;
        String reason = held ? "scales of " + from.name() + " are not held by half precision" : "no block holds codes of " + from.name();
        return new Known(from, grid, scales, Choice.of(GgmlEncodings.of(dense), reason), Optional.of(misfit));
    }

    private static boolean holds(Encoding to, Grid grid, TargetTensor tensor) {
        return to.codeWriter().isPresent() && to.misfit(tensor.shape()).isEmpty()
                && to.carries(grid, tensor.shape()).kind() != Carriage.Kind.NO;
    }

    /// Q2_K stores twice the scale as its minimum.
    private static boolean scalesFit(ScaleRange scales, GgmlType type) {
        return scales.halfChange() <= LARGEST_CHANGE && scales.largest() <= (type == GgmlType.Q2_K ? LARGEST_HALF / 2 : LARGEST_HALF);
    }

    /// The encoding that all stored tensors of a view have, when it is a grid with scales apart and the view keeps codes.
    private static Optional<Encoding> commonGrid(View view) {
        List<StoredTensor> stored = View.stored(view);
        if (stored.isEmpty() || stored.getFirst().planes().size() < 2 || !ViewReader.keepsCodes(view)) {
            return Optional.empty();
        }
        Encoding encoding = stored.getFirst().encoding();
        boolean same = stored.stream().allMatch(tensor -> tensor.encoding().name().equals(encoding.name())
                && tensor.encoding().grid(tensor.shape()).equals(encoding.grid(tensor.shape())));
        return same && ViewReader.codeGrid(view).isPresent() ? Optional.of(encoding) : Optional.empty();
    }

    private static ScaleRange scales(View view, List<ByteSource> files) throws IOException {
        ScaleRange all = new ScaleRange(Float.POSITIVE_INFINITY, 0, false, 0);
        for (StoredTensor tensor : View.stored(view)) {
            ScaleRange one = ScaleRange.of(tensor, files);
            all = new ScaleRange(Math.min(all.smallest(), one.smallest()), Math.max(all.largest(), one.largest()),
                    all.negative() || one.negative(), Math.max(all.halfChange(), one.halfChange()));
        }
        return all;
    }

    /// How a tensor's numbers are kept; empty for one that has no codes and scales.
    Optional<Choice> kept(TargetTensor tensor) {
        return Optional.ofNullable(tensors.get(tensor.name())).map(Known::kept);
    }

    /// A tensor in an encoding that was asked for, by its codes; empty where that does not hold them.
    Optional<Choice> into(TargetTensor tensor, Choice asked) {
        Known known = tensors.get(tensor.name());
        if (known == null) {
            return blocksInto(tensor, asked);
        }
        Optional<GgmlType> type = GgmlType.ofName(asked.encoding().name());
        return type.isPresent() && holds(asked.encoding(), known.grid, tensor) && scalesFit(known.scales, type.get())
                ? Optional.of(new Choice(asked.encoding(), METHOD, asked.reason() + ", codes of " + known.from.name() + " unchanged"))
                : Optional.empty();
    }

    /// Codes of blocks whose scales are half precision numbers, in blocks that hold these codes with the same scales.
    private static Optional<Choice> blocksInto(TargetTensor tensor, Choice asked) {
        Optional<Grid> grid = ViewReader.keepsCodes(tensor.view()) ? ViewReader.codeGrid(tensor.view()) : Optional.empty();
        // Q2_K stores twice the scale as its minimum, which may pass half precision.
        boolean exact =
                grid.isPresent() && !asked.encoding().name().equals(GgmlType.Q2_K.name()) && asked.encoding().codeWriter().isPresent()
                        && asked.encoding().misfit(tensor.shape()).isEmpty()
                        && asked.encoding().carries(grid.get(), tensor.shape()).kind() == Carriage.Kind.EXACT;
        if (!exact || ViewReader.copiesBytes(tensor.view(), asked.encoding())) {
            return Optional.empty();
        }
        return Optional.of(new Choice(asked.encoding(), METHOD, asked.reason() + ", codes unchanged"));
    }

    /// What an assignment does to codes and scales.
    List<Finding> findings(Assignment assignment, Collection<TargetTensor> all) {
        List<String> carried = new ArrayList<>();
        List<String> unfit = new ArrayList<>();
        List<String> outside = new ArrayList<>();
        double change = 0;
        for (TargetTensor tensor : all) {
            Known known = tensors.get(tensor.name());
            if (known == null) {
                continue;
            }
            Choice choice = assignment.of(tensor);
            if (choice.method().equals(METHOD)) {
                if (!known.grid.scale().exactIn(DenseType.F16) && known.scales.halfChange() > 0) {
                    carried.add(tensor.name());
                    change = Math.max(change, known.scales.halfChange());
                }
            } else if (choice.equals(known.kept)) {
                (known.misfit.orElseThrow() == Misfit.BLOCKS ? unfit : outside).add(tensor.name());
            }
        }
        List<Finding> findings = new ArrayList<>();
        if (!carried.isEmpty()) {
            findings.add(Finding.info("scales-rounded", String.format(Locale.ROOT, "%d tensors have all codes unchanged, and their scales"
                    + " rounded to half precision: no value changes by more than %.3g of itself", carried.size(), change), carried));
        }
        if (!unfit.isEmpty()) {
            findings.add(Finding.warning("codes-not-carried", unfit.size() + " tensors lie on a grid that no GGUF block holds, by levels,"
                    + " width of rows or size of groups; their numbers are kept in the smallest dense type that is exact", unfit));
        }
        if (!outside.isEmpty()) {
            findings.add(Finding.warning("scales-outside-half-precision", outside.size()
                    + " tensors have scales that half precision would change by more than 2^-11; their numbers are kept in the smallest"
                    + " dense type that is exact", outside));
        }
        return findings;
    }
}
