package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.scan.ScaleRange;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which tensors of a quantised source go into GGUF with their codes unchanged, and in which type.
///
/// The rule: the first of Q2_K, Q4_0 and Q8_0 that holds the codes' levels, whose blocks fit the rows and do not span two scales, and in whose
/// half precision all scales are normal numbers. A tensor for which there is none keeps its numbers in a dense type, with a finding.
final class CodeCarriage {
    private static final List<GgmlType> CANDIDATES = List.of(GgmlType.Q2_K, GgmlType.Q4_0, GgmlType.Q8_0);
    private static final float SMALLEST_NORMAL = 0x1p-14f;
    /// Q2_K stores twice the scale as its minimum.
    private static final float LARGEST = 65_504f / 2;

    private final Map<String, Choice> choices = new HashMap<>();
    private final List<Finding> findings = new ArrayList<>();

    private CodeCarriage() {}

    /// Looks at the scales of all quantised tensors of the source.
    static CodeCarriage of(Checkpoint source, List<TargetTensor> tensors) throws IOException {
        CodeCarriage carriage = new CodeCarriage();
        List<ByteSource> files = source.files().stream().map(CheckpointFile::source).toList();
        List<String> unfit = new ArrayList<>();
        List<String> outside = new ArrayList<>();
        for (TargetTensor tensor : tensors) {
            Optional<Encoding> from = commonGrid(tensor.view());
            if (from.isEmpty()) {
                continue;
            }
            Grid grid = from.get().grid(tensor.shape()).orElseThrow();
            Optional<Encoding> to = CANDIDATES.stream().map(GgmlEncodings::of).filter(encoding -> encoding.codeWriter().isPresent()
                    && encoding.misfit(tensor.shape()).isEmpty() && encoding.carries(grid, tensor.shape()).kind() != Carriage.Kind.NO)
                    .findFirst();
            if (to.isEmpty()) {
                unfit.add(tensor.name());
            } else if (scalesFit(tensor.view(), files)) {
                carriage.choices.put(tensor.name(), new Choice(to.get(), "carry", "codes of " + from.get().name() + " unchanged"));
            } else {
                outside.add(tensor.name());
            }
        }
        if (!unfit.isEmpty()) {
            carriage.findings.add(Finding.warning("codes-not-carried", unfit.size()
                    + " tensors lie on a grid that no GGUF block holds; their numbers are kept in a dense type", unfit));
        }
        if (!outside.isEmpty()) {
            carriage.findings.add(Finding.warning("scales-outside-half-precision", outside.size()
                    + " tensors have scales that are no normal numbers of half precision; their numbers are kept in a dense type",
                    outside));
        }
        return carriage;
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
        return same && encoding.grid(stored.getFirst().shape()).isPresent() ? Optional.of(encoding) : Optional.empty();
    }

    private static boolean scalesFit(View view, List<ByteSource> files) throws IOException {
        for (StoredTensor tensor : View.stored(view)) {
            ScaleRange range = ScaleRange.of(tensor, files);
            if (range.smallest() < SMALLEST_NORMAL || range.largest() > LARGEST) {
                return false;
            }
        }
        return true;
    }

    /// The type in which a tensor's codes are carried, if they are.
    Optional<Choice> choice(TargetTensor tensor) {
        return Optional.ofNullable(choices.get(tensor.name()));
    }

    /// What could not be carried.
    List<Finding> findings() {
        return findings;
    }
}
