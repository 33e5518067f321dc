package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.Audited.AuditedTensor;
import io.github.weighbridge.audit.Footprint;
import io.github.weighbridge.audit.GridKeepers;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.scan.GridFinding;
import io.github.weighbridge.scan.ValueSums;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/// The list of all tensors, with the grids that were looked for and what numbers were found to be like, where that was asked. A column that would be
/// empty is left out.
final class HtmlTensors {
    /// A column of the list.
    ///
    /// @param cell markup
    private record Column(String name, Function<AuditedTensor, String> cell) {}

    private final Html html;
    private final Audited audited;
    private final Looks looks;
    private final List<Column> columns = new ArrayList<>();
    /// Lists of encodings that keep a grid, each with its number: there are few of them, and they are long.
    private final Map<String, Integer> keepers = new LinkedHashMap<>();

    /// What looking at weights has brought.
    ///
    /// @param grids by name of the tensor: a finding, or empty where there is no grid; tensors that are not among them were not looked at
    /// @param values by name of the tensor, of those that were looked at
    record Looks(Map<String, Optional<GridFinding>> grids, Map<String, ValueSums> values) {
        static final Looks NONE = new Looks(Map.of(), Map.of());
    }

    HtmlTensors(Html html, Audited audited, Looks looks) {
        this.html = html;
        this.audited = audited;
        this.looks = looks;
        headers();
        if (!looks.grids.isEmpty()) {
            grids();
        }
        if (!looks.values.isEmpty()) {
            values();
        }
    }

    private void headers() {
        add("name", each -> Html.escaped(each.tensor().name()));
        add("role", each -> Html.escaped(each.identity().role().word()));
        add("component", each -> Html.escaped(each.identity().component().word()));
        add("layer", each -> each.identity().layer() == Identity.NO_LAYER ? "" : Integer.toString(each.identity().layer()));
        add("shape", each -> each.tensor().shape().toList().stream().map(String::valueOf).collect(Collectors.joining("×")));
        add("encoding", each -> Html.escaped(each.tensor().encoding().name()));
        add("bits", each -> Numbers.bits(Footprint.bits(each.tensor().bytes(), each.tensor().shape().elements())));
        add("bytes", each -> Numbers.grouped(each.tensor().bytes()));
        if (audited.files().size() > 1) {
            add("file", each -> Integer.toString(each.tensor().planes().getFirst().file()));
        }
        add("offset", each -> Numbers.grouped(each.tensor().planes().getFirst().offset()));
    }

    private void add(String name, Function<AuditedTensor, String> cell) {
        columns.add(new Column(name, cell));
    }

    private void grids() {
        add("grid", each -> {
            Optional<GridFinding> found = looks.grids.get(each.tensor().name());
            return found == null ? "" : found.map(GridFinding::word).orElse("none");
        });
        add("exact %", each -> grid(each, grid -> String.format(Locale.ROOT, "%.2f", grid.exactBlocks() * 100)));
        add("residual", each -> grid(each, grid -> number(grid.maxResidual())));
        add("kept by", each -> grid(each, grid -> kept(grid, each.tensor())));
    }

    private String grid(AuditedTensor tensor, Function<GridFinding, String> cell) {
        Optional<GridFinding> found = looks.grids.get(tensor.tensor().name());
        return found == null ? "" : found.map(cell).orElse("");
    }

    private String kept(GridFinding grid, StoredTensor tensor) {
        List<String> words = GridKeepers.of(grid, tensor.shape());
        return words.isEmpty() ? "" : "#" + keepers.computeIfAbsent(String.join(", ", words), _ -> keepers.size() + 1);
    }

    private void values() {
        add("min", each -> value(each, sums -> number(sums.smallest())));
        add("max", each -> value(each, sums -> number(sums.largest())));
        add("rms", each -> value(each, sums -> number(sums.rms())));
        count("zeros", ValueSums::zeros);
        count("zero rows", ValueSums::zeroRows);
        count("outliers", ValueSums::outliers);
        count("nan", ValueSums::nan);
        count("infinite", ValueSums::infinite);
        count("beyond half", ValueSums::beyondHalf);
        count("lowest codes", sums -> sums.codes().atLeast());
        count("highest codes", sums -> sums.codes().atMost());
        count("scales", sums -> sums.codes().scales());
        count("zero scales", sums -> sums.codes().zeroScales());
        count("negative scales", sums -> sums.codes().negativeScales());
        if (looks.values.values().stream().anyMatch(sums -> sums.codes().scales() > 0)) {
            add("smallest scale", each -> value(each, sums -> sums.codes().scales() == 0 ? "" : number(sums.codes().smallestScale())));
            add("largest scale", each -> value(each, sums -> sums.codes().scales() == 0 ? "" : number(sums.codes().largestScale())));
        }
    }

    /// A count of which 0 is not written.
    private void count(String name, ToLongFunction<ValueSums> count) {
        if (looks.values.values().stream().anyMatch(sums -> count.applyAsLong(sums) > 0)) {
            add(name, each -> value(each, sums -> count.applyAsLong(sums) == 0 ? "" : Numbers.grouped(count.applyAsLong(sums))));
        }
    }

    private String value(AuditedTensor tensor, Function<ValueSums, String> cell) {
        ValueSums sums = looks.values.get(tensor.tensor().name());
        return sums == null ? "" : cell.apply(sums);
    }

    private static String number(double number) {
        return Double.isFinite(number) ? String.format(Locale.ROOT, "%.6g", number) : "";
    }

    void write() {
        html.raw(
                "<p class=filter><label>Show <input id=filter type=search placeholder=\"name, role, encoding … all words must match\" autocomplete=off"
                        + " spellcheck=false></label> <output id=count>")
                .text(Numbers.grouped(audited.tensors().size())).raw("</output></p>\n"
                        + "<div class=\"wide list\" tabindex=0 role=region aria-label=\"List of tensors\"><table class=tensors id=list><thead><tr>");
        for (Column column : columns) {
            html.raw("<th scope=col aria-sort=none><button type=button>" + column.name + "</button></th>");
        }
        html.raw("</tr></thead><tbody>\n");
        for (AuditedTensor each : audited.tensors()) {
            html.raw("<tr>");
            columns.forEach(column -> html.raw("<td>" + column.cell.apply(each)));
            html.raw("\n");
        }
        html.raw("</tbody></table></div>\n");
        if (!keepers.isEmpty()) {
            html.raw("<p>Encodings that keep a grid bit for bit:</p>\n<ol class=keepers>\n");
            keepers.keySet().forEach(words -> html.element("li", words).raw("\n"));
            html.raw("</ol>\n");
        }
        if (!looks.values.isEmpty()) {
            html.raw(
                    "<p>Outliers exceed six times the root mean square of their row; beyond half precision is what F16 would make infinite.</p>\n");
        }
    }
}
