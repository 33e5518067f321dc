package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.Audited.AuditedFile;
import io.github.weighbridge.audit.Audited.AuditedTensor;
import io.github.weighbridge.audit.ConversationMemory;
import io.github.weighbridge.audit.Footprint;
import io.github.weighbridge.audit.Footprint.ComponentShare;
import io.github.weighbridge.audit.Footprint.EncodingShare;
import io.github.weighbridge.audit.Footprint.LayerShare;
import io.github.weighbridge.audit.GridKeepers;
import io.github.weighbridge.audit.PublishedFigures;
import io.github.weighbridge.io.Text;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.scan.GridFinding;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// An audit as text.
final class Report {
    private static final int FILES_NAMED = 8;
    private static final int TENSORS_NAMED = 3;
    private static final int INDENT = 2;

    private final Sheet sheet;

    Report(Session session) {
        this(new TextSheet(session.out(), session.screen()));
    }

    /// A report as text, or as Markdown.
    static Report of(Session session, boolean markdown) {
        return markdown ? new Report(new MarkdownSheet(session.out())) : new Report(session);
    }

    Report(Sheet sheet) {
        this.sheet = sheet;
    }

    /// Prints everything but the tensors.
    void print(Audited audited, AuditOptions options) {
        Footprint footprint = Footprint.of(audited);
        head(audited);
        totals(footprint, audited);
        components(footprint);
        layers(footprint);
        new MemoryReport(this).print(ConversationMemory.of(audited), options);
        published(PublishedFigures.of(audited));
        findings(audited.findings());
    }

    /// Prints what was published of the model's memory beside the sums that give it.
    private void published(PublishedFigures figures) {
        if (!figures.known()) {
            return;
        }
        section("Published figures of Gemma 4 " + figures.model() + ", in GiB");
        Table table = new Table().name("cell", 17).number("published").number("here").name("what it is of this checkpoint", 16, 1);
        for (PublishedFigures.Cell cell : figures.cells()) {
            PublishedFigures.Variant variant = figures.variant(cell);
            String times = cell.factor() == 1 ? "" : String.format(Locale.ROOT, ", times %.3g", cell.factor());
            table.row(cell.table(), cell.published(), String.format(Locale.ROOT, "%.4f", cell.computed()), variant.name() + times);
        }
        table(table);
        sheet.gap();
        for (PublishedFigures.Variant variant : figures.variants()) {
            paragraph(INDENT, INDENT + 4, String.format(Locale.ROOT, "%s: %.4f GiB (%s bytes)%s", variant.name(), variant.gib(),
                    Numbers.grouped(variant.bytes()), variant.leavesOut().isEmpty() ? "" : ", leaves out " + variant.leavesOut()));
        }
    }

    /// Prints a section's title.
    void section(String title) {
        sheet.section(title);
    }

    /// Prints a sentence, broken into lines.
    void paragraph(int indent, int hanging, String text) {
        sheet.paragraph(indent, hanging, text, Finding.Severity.INFO);
    }

    /// Prints a title without a line before it.
    void title(String title) {
        sheet.title(title);
    }

    /// Prints a table without the titles of its columns.
    void body(Table table) {
        sheet.table(table, false);
    }

    /// Prints a table.
    void table(Table table) {
        sheet.table(table, true);
    }

    /// Prints an empty line.
    void gap() {
        sheet.gap();
    }

    /// Ends the report.
    void end() {
        sheet.end();
    }

    private void head(Audited audited) {
        Architecture architecture = audited.architecture();
        String version = audited.formatVersion().map(v -> " " + Text.printable(v)).orElse("");
        title(architecture.name());
        paragraph(INDENT, INDENT, "family " + Text.printable(architecture.family()) + ", format " + audited.format() + version + ", "
                + Numbers.count(audited.files().size(), "file", "files") + ", " + Numbers.grouped(audited.bytes()) + " bytes ("
                + Numbers.size(audited.bytes()) + ")");
        if (architecture.known()) {
            paragraph(INDENT, INDENT, describe(architecture));
        }
        if (audited.files().size() > 1) {
            Table files = new Table().name("file", 16).number("bytes").number("");
            for (AuditedFile file : audited.files().subList(0, Math.min(FILES_NAMED, audited.files().size()))) {
                files.row(file.name(), Numbers.grouped(file.bytes()), Numbers.size(file.bytes()));
            }
            table(files);
            if (audited.files().size() > FILES_NAMED) {
                paragraph(INDENT, INDENT, "and " + Numbers.grouped(audited.files().size() - FILES_NAMED) + " more");
            }
        }
    }

    static String describe(Architecture architecture) {
        List<Layer> layers = architecture.layers();
        long sliding = layers.stream().filter(layer -> layer.attention() == Layer.Attention.SLIDING).count();
        long window = layers.stream().mapToLong(Layer::window).max().orElse(0);
        long owners = layers.stream().filter(Layer::ownsCache).count();
        StringBuilder text = new StringBuilder(Numbers.count(layers.size(), "layer", "layers"));
        if (sliding > 0) {
            text.append(" (").append(sliding).append(" sliding over ").append(Numbers.grouped(window)).append(" tokens, ")
                    .append(layers.size() - sliding).append(" full)");
        }
        if (owners < layers.size()) {
            text.append(", ").append(owners).append(" with a cache of their own");
        }
        return text.append(", width ").append(Numbers.grouped(architecture.hiddenSize())).append(", vocabulary ")
                .append(Numbers.grouped(architecture.vocabularySize())).append(", context ")
                .append(Numbers.grouped(architecture.contextLength()))
                .toString();
    }

    private void totals(Footprint footprint, Audited audited) {
        long bytes = audited.bytes();
        section("Totals");
        Table table = new Table().word("").number("").number("").number("");
        table.row("tensors", Numbers.grouped(footprint.tensors()), "", "");
        table.row("parameters", Numbers.grouped(footprint.parameters()), "", "");
        table.row("tensor bytes", Numbers.grouped(footprint.tensorBytes()), Numbers.size(footprint.tensorBytes()),
                Numbers.share(footprint.tensorBytes(), bytes));
        part(table, "codes", footprint.codeBytes(), bytes);
        part(table, "scales", footprint.tensorBytes() - footprint.codeBytes(), bytes);
        table.row("overhead bytes", Numbers.grouped(footprint.overheadBytes()), Numbers.size(footprint.overheadBytes()),
                Numbers.share(footprint.overheadBytes(), bytes));
        part(table, "header", audited.overhead().header(), bytes);
        part(table, "metadata", audited.overhead().metadata(), bytes);
        part(table, "tokenizer", audited.overhead().tokenizer(), bytes);
        part(table, "graph", audited.overhead().graph(), bytes);
        part(table, "padding", audited.overhead().padding(), bytes);
        table.row("bits per weight", Numbers.bits(footprint.bitsPerWeight()), "", "");
        body(table);
    }

    /// A part of the row above, unless there is nothing of it.
    private static void part(Table table, String name, long part, long bytes) {
        if (part > 0) {
            table.row("  " + name, Numbers.grouped(part), Numbers.size(part), Numbers.share(part, bytes));
        }
    }

    private void components(Footprint footprint) {
        section("Components");
        Table table = new Table().name("component", 19).number("tensors").number("parameters").number("bytes").number("", 1)
                .number("share", 2).bits("bits/w", 0).bar(9);
        for (ComponentShare share : footprint.components()) {
            table.row(true, share.component().word(), Numbers.grouped(share.encodings().stream().mapToLong(EncodingShare::tensors).sum()),
                    Numbers.grouped(share.parameters()), Numbers.grouped(share.bytes()), Numbers.size(share.bytes()),
                    Numbers.share(share.bytes(), footprint.tensorBytes()), Numbers.bits(share.bitsPerWeight()),
                    part(share.bytes(), footprint.tensorBytes()));
            for (EncodingShare encoding : share.encodings()) {
                table.row("  " + encoding.encoding(), Numbers.grouped(encoding.tensors()), Numbers.grouped(encoding.parameters()),
                        Numbers.grouped(encoding.bytes()), Numbers.size(encoding.bytes()),
                        Numbers.share(encoding.bytes(), footprint.tensorBytes()),
                        Numbers.bits(Footprint.bits(encoding.bytes(), encoding.parameters())),
                        part(encoding.bytes(), footprint.tensorBytes()));
            }
        }
        table(table);
    }

    private static String part(long bytes, long of) {
        return of == 0 ? "" : Double.toString((double) bytes / of);
    }

    /// Layers that follow each other and weigh the same share a row.
    private void layers(Footprint footprint) {
        if (footprint.layers().isEmpty()) {
            return;
        }
        section("Layers, with the bits per weight of their parts");
        Table table = new Table().word("layers").word("kind").number("bytes of each").number("bytes of all", 4).bits("bits/w", 0)
                .bits("attention", 0).bits("ffn", 0).bits("experts", 1).bits("per_layer", 1).bits("norms", 3).bits("other", 2);
        Optional<Component> component = Optional.empty();
        int begin = 0;
        List<LayerShare> layers = footprint.layers();
        while (begin < layers.size()) {
            LayerShare first = layers.get(begin);
            int end = begin + 1;
            while (end < layers.size() && layers.get(end).layer() == first.layer() + end - begin && alike(first, layers.get(end))) {
                end++;
            }
            if (!component.equals(Optional.of(first.component()))) {
                component = Optional.of(first.component());
                table.heading(first.component().word());
            }
            String range = end - begin == 1 ? Integer.toString(first.layer()) : first.layer() + "-" + layers.get(end - 1).layer();
            table.row("  " + range, first.attention().map(Layer.Attention::word).orElse(""), Numbers.grouped(first.bytes()),
                    Numbers.grouped(first.bytes() * (end - begin)), Numbers.bits(first.bitsPerWeight()), part(first, "attention"),
                    part(first, "ffn"),
                    part(first, "experts"), part(first, "per_layer"), part(first, "norms"), part(first, "other"));
            begin = end;
        }
        table(table);
    }

    private static boolean alike(LayerShare a, LayerShare b) {
        return a.component().equals(b.component()) && a.attention().equals(b.attention()) && a.parameters() == b.parameters()
                && a.bytes() == b.bytes()
                && a.bits().equals(b.bits());
    }

    private static String part(LayerShare layer, String part) {
        Double bits = layer.bits().get(part);
        return bits == null ? "" : Numbers.bits(bits);
    }

    /// Prints findings, if there are any.
    void findings(List<Finding> findings) {
        if (findings.isEmpty()) {
            return;
        }
        section("Findings");
        for (Finding finding : findings) {
            StringBuilder text =
                    new StringBuilder(finding.severity().word()).append(' ').append(finding.code()).append(": ").append(finding.message());
            if (!finding.tensors().isEmpty()) {
                List<String> named = finding.tensors().subList(0, Math.min(TENSORS_NAMED, finding.tensors().size()));
                text.append(" (").append(String.join(", ", named.stream().map(name -> Harmless.fit(name, 60)).toList()));
                if (finding.tensors().size() > named.size()) {
                    text.append(" and ").append(Numbers.grouped(finding.tensors().size() - named.size())).append(" more");
                }
                text.append(')');
            }
            sheet.paragraph(INDENT, INDENT + 4, text.toString(), finding.severity());
        }
    }

    /// Prints a table of all tensors.
    void tensors(Audited audited) {
        sheet.folded("Tensors");
        Table table = new Table().name("tensor", 20).name("role", 12, 3).name("shape", 12).name("encoding", 12).bits("bits/w", 1)
                .number("bytes")
                .number("file", 4).number("offset", 2);
        for (AuditedTensor each : audited.tensors()) {
            StoredTensor tensor = each.tensor();
            String role = each.identity().equals(Identity.NONE) ? "" : each.identity().role().word();
            table.row(tensor.name(), role, tensor.shape().toString(), tensor.encoding().name(),
                    Numbers.bits(Footprint.bits(tensor.bytes(), tensor.shape().elements())), Numbers.grouped(tensor.bytes()),
                    audited.files().size() > 1 ? Integer.toString(tensor.planes().getFirst().file()) : "",
                    Numbers.grouped(tensor.planes().getFirst().offset()));
        }
        table(table);
    }

    /// Prints a table of the grids that dense tensors lie on, and what keeps them.
    void grids(Audited audited, Map<String, Optional<GridFinding>> grids) {
        sheet.folded("Grids");
        Table table = new Table().name("tensor", 20).name("grid", 16).number("exact").number("residual").name("kept by", 12);
        for (AuditedTensor each : audited.tensors()) {
            Optional<GridFinding> found = grids.get(each.tensor().name());
            if (found == null) {
                continue;
            }
            if (found.isEmpty()) {
                table.row(each.tensor().name(), "none", "", "", "");
                continue;
            }
            GridFinding grid = found.get();
            String kept = String.join(" ", GridKeepers.of(grid, each.tensor().shape()));
            table.row(each.tensor().name(), grid.word(), String.format(Locale.ROOT, "%.2f %%", grid.exactBlocks() * 100),
                    String.format(Locale.ROOT, "%.3g", grid.maxResidual()), kept);
        }
        table(table);
    }
}
