package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.ConversationMemory;
import io.github.weighbridge.audit.Footprint;
import io.github.weighbridge.audit.Footprint.ComponentShare;
import io.github.weighbridge.audit.Footprint.EncodingShare;
import io.github.weighbridge.audit.Footprint.LayerShare;
import io.github.weighbridge.audit.KeyValueCache;
import io.github.weighbridge.audit.Overhead;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Layer;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// An audit as one HTML file that needs nothing else: no network, no script to be read, no font. All numbers stand in the markup; the script
/// sorts, filters and points. Its policy lets no other script run, whatever text a checkpoint holds.
final class HtmlReport {
    private static final int FILES_NAMED = 50;
    private static final int TENSORS_NAMED = 8;
    private static final String LEGEND = """
            <p class=legend>bits per weight <span><i class=b2></i>2</span><span><i class=b3></i>3</span><span><i class=b4></i>4 – 5</span><span><i
            class=b6></i>6</span><span><i class=b8></i>8</span><span><i class=b16></i>16</span><span><i class=b32></i>32</span></p>
            """;
    private static final String SCALES = """
            <svg class=mark viewBox="0 0 32 32" aria-hidden=true><path d="M16 4v24M8 28h16M5 9h22M5 9l-4 10h8zM27 9l-4 10h8z"></path></svg>
            """;

    private final Html html;
    private final Audited audited;
    private final Footprint footprint;
    private final AuditOptions options;
    private final HtmlTensors.Looks looks;

    private HtmlReport(PrintStream out, Audited audited, AuditOptions options, HtmlTensors.Looks looks) {
        this.html = new Html(out);
        this.audited = audited;
        this.footprint = Footprint.of(audited);
        this.options = options;
        this.looks = looks;
    }

    /// Writes the file in UTF-8.
    static void write(Audited audited, AuditOptions options, HtmlTensors.Looks looks, PrintStream out) {
        new HtmlReport(out, audited, options, looks).write();
    }

    private void write() {
        String style = resource("report.css");
        String script = resource("report.js");
        String name = audited.architecture().name();
        html.raw("<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width\">\n"
                + "<meta name=color-scheme content=\"light dark\">\n<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
                + "style-src '" + hash(style) + "'; script-src '" + hash(script) + "'; base-uri 'none'; form-action 'none'\">\n");
        html.element("title", name + " · weighbridge").raw("\n<style>" + style + "</style>\n</head>\n<body>\n");
        head(name);
        html.raw("<main>\n");
        tiles();
        HtmlMap map = new HtmlMap(html, audited, footprint);
        section("map-title", "Where the bytes are");
        html.raw(LEGEND);
        map.draw();
        whole();
        html.raw("</section>\n");
        components();
        layers(map);
        memory();
        findings();
        tensors();
        html.raw("</main>\n<footer><p>Made by weighbridge ").text(Main.version())
                .raw(" from headers" + (looks.equals(HtmlTensors.Looks.NONE) ? " alone" : " and weights")
                        + ", by the rules of <code>weighbridge.inspect/1</code>. Everything is in this file; nothing is loaded.</p></footer>\n"
                        + "<script>" + script + "</script>\n</body>\n</html>\n");
    }

    private void section(String id, String title) {
        html.raw("<section aria-labelledby=" + id + ">\n").element("h2 id=" + id, title).raw("\n");
    }

    private void head(String name) {
        Architecture architecture = audited.architecture();
        html.raw("<header>\n<p class=brand>" + SCALES + "weighbridge inspect</p>\n").element("h1", name).raw("\n<p class=facts>");
        html.element("b", architecture.family()).raw(" · ").text(audited.format() + audited.formatVersion().map(v -> " " + v).orElse(""));
        if (architecture.known()) {
            html.raw(" · ").text(Report.describe(architecture));
        }
        html.raw("</p>\n");
        if (audited.files().size() > 1) {
            html.raw("<details class=files><summary>").text(Numbers.count(audited.files().size(), "file", "files"))
                    .raw("</summary><table class=numbers>");
            for (Audited.AuditedFile file : audited.files().subList(0, Math.min(FILES_NAMED, audited.files().size()))) {
                html.raw("<tr>").element("th scope=row", file.name()).raw("<td>").text(Numbers.grouped(file.bytes())).raw("</td></tr>\n");
            }
            html.raw("</table></details>\n");
        }
        html.raw("</header>\n");
    }

    private void tiles() {
        html.raw("<dl class=tiles>\n");
        tile(audited.files().size() == 1 ? "file" : "files", Numbers.size(audited.bytes()), "source.bytes", audited.bytes(), "bytes");
        tile("parameters", amount(footprint.parameters()), "totals.parameters", footprint.parameters(),
                "in " + Numbers.grouped(footprint.tensors()) + " tensors");
        tile("bits per weight", Numbers.bits(footprint.bitsPerWeight()), "totals.tensor_bytes", footprint.tensorBytes(), "tensor bytes");
        tile("overhead", Numbers.size(footprint.overheadBytes()), "totals.overhead_bytes", footprint.overheadBytes(),
                "bytes of headers, metadata, padding");
        tile("resident", Numbers.size(footprint.memory().residentBytes()), "memory.resident_bytes", footprint.memory().residentBytes(),
                "bytes that every token needs");
        if (footprint.memory().streamableBytes() > 0) {
            tile("streamable", Numbers.size(footprint.memory().streamableBytes()), "memory.streamable_bytes",
                    footprint.memory().streamableBytes(), "bytes, a row a token");
        }
        if (audited.architecture().known()) {
            long context = audited.architecture().contextLength();
            KeyValueCache.Types types = audited.cache().flatMap(KeyValueCache.Types::of)
                    .orElse(KeyValueCache.Types.of(KeyValueCache.Type.F16));
            long bytes = KeyValueCache.bytes(audited.architecture(), context, types);
            tile("cache at " + Numbers.grouped(context), Numbers.size(bytes), "", bytes, "bytes in " + types.word());
        }
        html.raw("</dl>\n");
    }

    private void tile(String name, String figure, String field, long exact, String what) {
        html.raw("<div>").element("dt", name).element("dd class=figure", figure).raw("<dd class=exact>");
        if (field.isEmpty()) {
            html.text(Numbers.grouped(exact));
        } else {
            html.number(field, exact);
        }
        html.text(" " + what).raw("</dd></div>\n");
    }

    private static String amount(long number) {
        return number < 1_000_000 ? Numbers.grouped(number)
                : number < 1_000_000_000 ? String.format(java.util.Locale.ROOT, "%.2f M", number / 1e6)
                : String.format(java.util.Locale.ROOT, "%.2f B", number / 1e9);
    }

    /// Every byte of the files, by what it is there for.
    private void whole() {
        Overhead overhead = audited.overhead();
        html.raw("<table class=\"numbers whole\"><tbody>\n");
        part("codes", "totals.code_bytes", footprint.codeBytes());
        part("scales", "", footprint.tensorBytes() - footprint.codeBytes());
        part("header", "overhead.header_bytes", overhead.header());
        part("metadata", "overhead.metadata_bytes", overhead.metadata());
        part("tokenizer", "overhead.tokenizer_bytes", overhead.tokenizer());
        part("padding", "overhead.padding_bytes", overhead.padding());
        part("other", "overhead.other_bytes", overhead.other());
        html.raw("</tbody></table>\n");
    }

    private void part(String name, String field, long bytes) {
        if (bytes <= 0) {
            return;
        }
        html.raw("<tr>").element("th scope=row", name).raw("<td>");
        if (field.isEmpty()) {
            html.text(Numbers.grouped(bytes));
        } else {
            html.number(field, bytes);
        }
        html.raw("</td>").element("td", Numbers.size(bytes)).element("td", Numbers.share(bytes, audited.bytes())).raw("</tr>\n");
    }

    private void components() {
        section("components", "Components");
        html.raw(
                "<div class=wide><table class=numbers><thead><tr><th scope=col>component</th><th scope=col>tensors</th><th scope=col>parameters</th>"
                        + "<th scope=col>bytes</th><th scope=col></th><th scope=col>share</th><th scope=col>bits</th><th scope=col class=bars></th></tr></thead>\n");
        for (ComponentShare share : footprint.components()) {
            String word = share.component().word();
            html.raw("<tbody>");
            row("strong", word, "components." + word, share.encodings().stream().mapToLong(EncodingShare::tensors).sum(),
                    share.parameters(), share.bytes());
            for (EncodingShare encoding : share.encodings()) {
                row("sub", encoding.encoding(), "components." + word + "." + encoding.encoding(), encoding.tensors(), encoding.parameters(),
                        encoding.bytes());
            }
            html.raw("</tbody>\n");
        }
        html.raw("</table></div>\n</section>\n");
    }

    private void row(String kind, String name, String field, long tensors, long parameters, long bytes) {
        double bits = Footprint.bits(bytes, parameters);
        html.raw("<tr class=" + kind + ">").element("th scope=row", name).raw("<td>").text(Numbers.grouped(tensors)).raw("</td><td>")
                .number(field + ".parameters", parameters).raw("</td><td>").number(field + ".bytes", bytes).raw("</td><td>")
                .text(Numbers.size(bytes)).raw("</td><td>").text(Numbers.share(bytes, footprint.tensorBytes())).raw("</td><td>")
                .text(Numbers.bits(bits)).raw("</td><td class=bars>");
        bar(List.of(new Segment(bytes, bits, "")), footprint.tensorBytes());
        html.raw("</td></tr>\n");
    }

    private record Segment(long bytes, double bits, String tip) {}

    /// A bar of segments, as wide as its column for a whole of so many bytes.
    private void bar(List<Segment> segments, long whole) {
        html.raw("<svg class=bar aria-hidden=true>");
        double at = 0;
        for (Segment segment : segments) {
            double width = whole == 0 ? 0 : 100.0 * segment.bytes / whole;
            html.raw("<rect class=" + Html.tint(segment.bits) + " x=" + Html.length(at) + "% width=" + Html.length(width)
                    + "% height=100%>");
            if (!segment.tip.isEmpty()) {
                html.element("title", segment.tip);
            }
            html.raw("</rect>");
            at += width;
        }
        html.raw("</svg>");
    }

    private void layers(HtmlMap map) {
        if (footprint.layers().isEmpty()) {
            return;
        }
        section("layers", "Layers");
        html.raw(LEGEND)
                .raw("<div class=wide><table class=\"numbers layers\"><thead><tr><th scope=col>layer</th><th scope=col>attention</th>"
                        + "<th scope=col>bytes</th><th scope=col>bits</th><th scope=col class=bars>its parts, by size and bits</th>");
        List<String> parts =
                HtmlMap.PARTS.stream().filter(part -> footprint.layers().stream().anyMatch(l -> l.bits().containsKey(part))).toList();
        parts.forEach(part -> html.element("th scope=col", part));
        html.raw("</tr></thead>\n");
        long most = footprint.layers().stream().mapToLong(LayerShare::bytes).max().orElse(0);
        Optional<Component> component = Optional.empty();
        for (LayerShare layer : footprint.layers()) {
            if (!component.equals(Optional.of(layer.component()))) {
                html.raw(component.isPresent() ? "</tbody>" : "")
                        .raw("<tbody><tr class=strong><th scope=rowgroup colspan=" + (5 + parts.size()) + ">")
                        .text(layer.component().word()).raw("</th></tr>\n");
                component = Optional.of(layer.component());
            }
            html.raw("<tr><th scope=row>" + layer.layer() + "</th><td>").text(layer.attention().map(Layer.Attention::word).orElse(""))
                    .raw("</td><td>")
                    .number("layers." + layer.component().word() + "." + layer.layer() + ".bytes", layer.bytes()).raw("</td><td>")
                    .text(Numbers.bits(layer.bitsPerWeight())).raw("</td><td class=bars>");
            bar(map.layer(layer.component(), layer.layer()).stream()
                    .map(part -> new Segment(part.getValue().bytes(), part.getValue().bits(),
                            part.getKey() + ": " + Numbers.size(part.getValue().bytes()) + ", " + Numbers.bits(part.getValue().bits())
                                    + " bits per weight"))
                    .toList(), most);
            html.raw("</td>");
            for (String part : parts) {
                Double bits = layer.bits().get(part);
                html.raw(bits == null ? "<td></td>" : "<td class=\"bits " + Html.tint(bits) + "\">" + Numbers.bits(bits) + "</td>");
            }
            html.raw("</tr>\n");
        }
        html.raw("</tbody></table></div>\n</section>\n");
    }

    private void memory() {
        if (!audited.architecture().known()) {
            return;
        }
        section("memory", "Memory of a conversation");
        html.raw(
                "<p>The least that the architecture needs: resident weights, and keys and values of every position that a layer sees.</p>\n");
        HtmlMemory memory = new HtmlMemory(html, ConversationMemory.of(audited));
        memory.plot();
        memory.table(options);
        memory.fits(options);
        memory.parts();
        html.raw("</section>\n");
    }

    private void findings() {
        section("findings", "Findings");
        if (audited.findings().isEmpty()) {
            html.raw("<p>None.</p>\n</section>\n");
            return;
        }
        html.raw("<ul class=findings>\n");
        for (Finding finding : audited.findings()) {
            html.raw("<li class=" + finding.severity().word() + "><b>" + finding.severity().word() + "</b> ")
                    .element("code", finding.code())
                    .element("p", finding.message());
            if (!finding.tensors().isEmpty()) {
                List<String> named = finding.tensors().subList(0, Math.min(TENSORS_NAMED, finding.tensors().size()));
                html.raw("<p class=names>").text(String.join(", ", named.stream().map(name -> Harmless.fit(name, 80)).toList())
                        + (named.size() < finding.tensors().size()
                                ? " and " + Numbers.grouped(finding.tensors().size() - named.size()) + " more" : ""))
                        .raw("</p>");
            }
            html.raw("</li>\n");
        }
        html.raw("</ul>\n</section>\n");
    }

    private void tensors() {
        section("tensors", "Tensors");
        new HtmlTensors(html, audited, looks).write();
        html.raw("</section>\n");
    }

    private static String resource(String name) {
        try (InputStream in = Objects.requireNonNull(HtmlReport.class.getResourceAsStream(name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String hash(String text) {
        try {
            return "sha256-" + Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
