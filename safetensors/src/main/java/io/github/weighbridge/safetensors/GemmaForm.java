package io.github.weighbridge.safetensors;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.safetensors.FolderLayout.Entry;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A model in the form of `quant_method: gemma`, see [GemmaQuantization]: weights whose codes it can hold keep them, all others are dense.
final class GemmaForm {
    private static final String WEIGHT = ".weight";
    private static final String TABLE = ".embedding_quantized";
    private static final Grid.Levels.Range INT8 = Grid.Levels.Range.ofBits(8);

    private final HuggingFaceTensors model;
    private final List<TargetTensor> tensors = new ArrayList<>();
    private final Map<String, GridEncoding> encodings = new HashMap<>();
    private final Map<String, Choice> scales = new HashMap<>();
    private final List<Finding> findings = new ArrayList<>();

    GemmaForm(HuggingFaceTensors model) {
        this.model = model;
        List<String> dense = new ArrayList<>();
        for (TargetTensor tensor : model.tensors()) {
            boolean codes = View.stored(tensor.view()).stream().anyMatch(stored -> stored.encoding().dense().isEmpty());
            Optional<GridEncoding> encoding = encoding(tensor);
            if (codes && encoding.isEmpty()) {
                dense.add(tensor.name());
            }
            TargetTensor named = encoding.isPresent() && isTable(tensor) ? renamed(tensor, TABLE) : tensor;
            tensors.add(named);
            encoding.ifPresent(found -> encodings.put(named.name(), found));
            model.weight(tensor).ifPresent(weight -> activations(module(tensor.name()), weight));
        }
        for (StoredTensor scale : model.cacheScales()) {
            String name = model.name(scale.name());
            number(scale, name.endsWith("_cache_scale") ? name : name.substring(0, name.length() - "_scale".length()) + "_cache_scale");
        }
        if (!dense.isEmpty()) {
            findings.add(Finding.warning("codes-not-carried",
                    dense.size() + " tensors have codes that the form gemma does not hold; their numbers are kept in a dense type", dense));
        }
    }

    private void activations(String module, Weight weight) {
        weight.inputScale().ifPresent(scale -> number(scale, module + ".input_activation_scale"));
        weight.outputScale().ifPresent(scale -> number(scale, module + ".output_activation_scale"));
    }

    private void number(StoredTensor scale, String name) {
        if (scale.shape().elements() != 1) {
            findings.add(Finding.warning("scale-left-out", scale.name() + " has more than one number, which the form gemma does not hold",
                    List.of(scale.name())));
            return;
        }
        TargetTensor tensor = model.number(scale, name, Shape.SCALAR);
        tensors.add(tensor);
        scales.put(name, Choice.of(DenseEncoding.F32, "the type of all scales"));
    }

    private static TargetTensor renamed(TargetTensor tensor, String ending) {
        return new TargetTensor(module(tensor.name()) + ending, tensor.identity(), tensor.view(), tensor.weights());
    }

    private static String module(String name) {
        String ending = name.endsWith(TABLE) ? TABLE : WEIGHT;
        return name.endsWith(ending) ? name.substring(0, name.length() - ending.length()) : name;
    }

    private static boolean isTable(TargetTensor tensor) {
        Role role = tensor.identity().role();
        return role.equals(Role.TOKEN_EMBEDDING) || role.equals(Role.PER_LAYER_EMBEDDING)
                || role.equals(Role.OTHER) && module(tensor.name()).matches("(.*\\.)?embed_\\w+");
    }

    /// The encoding that takes a tensor's codes.
    private static Optional<GridEncoding> encoding(TargetTensor tensor) {
        List<StoredTensor> stored = View.stored(tensor.view());
        Shape shape = tensor.shape();
        if (!tensor.name().endsWith(WEIGHT) || shape.rank() != 2 || stored.isEmpty() || !ViewReader.keepsCodes(tensor.view())) {
            return Optional.empty();
        }
        Optional<Grid> grid = ViewReader.codeGrid(tensor.view());
        if (grid.isEmpty() || !(grid.get().levels() instanceof Grid.Levels.Range levels) || !INT8.contains(levels)) {
            return Optional.empty();
        }
        int bits = Grid.Levels.Range.ofBits(2).contains(levels) ? 2 : Grid.Levels.Range.ofBits(4).contains(levels) ? 4 : 8;
        long group = Math.min(shape.columns(), grid.get().groupColumns(shape));
        boolean row = group == shape.columns();
        if (!row && (!isTable(tensor) || shape.columns() % group != 0)) {
            return Optional.empty();
        }
        GridEncoding encoding = new GridEncoding("int" + bits + (row ? "/channel" : "/group" + group),
                new Grid(Grid.Levels.Range.ofBits(bits), row ? new Grid.Granularity.Row() : new Grid.Granularity.Group((int) group),
                        DenseType.F32, grid.get().signedScale(), Grid.Zero.NONE),
                new Packing(bits, bits != 8, 8));
        return encoding.carries(grid.get(), shape).kind() == io.github.weighbridge.encoding.Carriage.Kind.EXACT
                ? Optional.of(encoding) : Optional.empty();
    }

    List<TargetTensor> tensors() {
        return List.copyOf(tensors);
    }

    List<Finding> findings() {
        return List.copyOf(findings);
    }

    /// The encoding of a scale.
    Optional<Choice> scale(TargetTensor tensor) {
        return Optional.ofNullable(scales.get(tensor.name()));
    }

    /// The encoding that takes a tensor's codes.
    Optional<Choice> codes(TargetTensor tensor) {
        return Optional.ofNullable(encodings.get(tensor.name())).map(encoding -> {
            boolean same = ViewReader.copiesBytes(tensor.view(), encoding);
            return new Choice(encoding, same ? "keep" : "carry", "codes unchanged");
        });
    }

    void layOut(Assignment assignment, FolderLayout layout) {
        Map<String, Integer> bits = new LinkedHashMap<>();
        boolean tables = false;
        for (TargetTensor tensor : tensors) {
            Choice choice = assignment.of(tensor);
            Encoding encoding = choice.encoding();
            String module = module(tensor.name());
            if (encoding.dense().isPresent() || !(encoding instanceof GridEncoding codes)) {
                layout.dense(tensor.name().endsWith(TABLE) ? renamed(tensor, WEIGHT) : tensor, choice);
                if (tensor.name().endsWith(WEIGHT) && tensor.shape().rank() == 2 || tensor.name().endsWith(TABLE)) {
                    bits.put(module, 0);
                }
                continue;
            }
            bits.put(module, codes.codeBits());
            Shape shape = tensor.shape();
            Shape rows = Shape.of(shape.rows(), codes.packing().rowStride(shape.columns()) / 8);
            SafetensorsType type = codes.codeBits() == 8 ? SafetensorsType.I8 : SafetensorsType.U8;
            boolean table = tensor.name().endsWith(TABLE);
            tables |= table;
            Shape blocks = Shape.of(shape.rows(), shape.columns() / Math.max(1, codes.grid().groupColumns(shape)));
            layout.add(tensor, choice, List.of(new Entry(tensor.name(), 0, type, rows),
                    new Entry(module + (table ? ".embedding_scale" : ".weight_scale"), 1, SafetensorsType.F32, blocks)));
        }
        layout.quantization(config(bits, tables));
    }

    private static Value.Fields config(Map<String, Integer> bits, boolean tables) {
        ModulePatterns<Integer> patterns = new ModulePatterns<>(bits);
        Map<String, Value> rules = new LinkedHashMap<>();
        for (int width : new int[] {2, 4, 8}) {
            patterns.of(width, false).forEach(
                    pattern -> rules.put(pattern, new Value.Fields(Map.of("num_bits", Value.of(width)))));
        }
        List<String> plain = bits.entrySet().stream().filter(entry -> entry.getValue() == 0).map(Map.Entry::getKey).toList();
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("quant_method", Value.of(GemmaQuantization.METHOD));
        fields.put("num_bits", Value.of(4));
        fields.put("quantize_embeddings", Value.of(tables));
        fields.put("module_quant_configs", new Value.Fields(rules));
        fields.put("modules_to_not_convert", Value.ofTexts(plain));
        return new Value.Fields(fields);
    }
}
