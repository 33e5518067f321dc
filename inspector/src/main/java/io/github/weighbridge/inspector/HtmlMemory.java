package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Accounting;
import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.ConversationMemory;
import io.github.weighbridge.audit.KeyValueCache;
import io.github.weighbridge.audit.KeyValueCache.Type;
import io.github.weighbridge.audit.KeyValueCache.Types;
import io.github.weighbridge.model.Architecture;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// Memory against the length of a conversation.
final class HtmlMemory {
    private static final double WIDTH = 1180;
    private static final double HEIGHT = 320;
    private static final double LEFT = 64;
    private static final double RIGHT = 70;
    private static final double TOP = 14;
    private static final double BOTTOM = 34;
    private static final long FIRST = 1024;
    /// Points between two doublings.
    private static final int STEPS = 4;

    private final Html html;
    private final ConversationMemory memory;
    private final Architecture architecture;
    private final long resident;
    private final long longest;
    private final double most;

    HtmlMemory(Html html, ConversationMemory memory) {
        this.html = html;
        this.memory = memory;
        this.architecture = memory.architecture();
        this.resident = memory.residentBytes();
        this.longest = Math.max(2 * FIRST, architecture.contextLength());
        this.most = resident + KeyValueCache.bytes(architecture, longest, Type.F16);
    }

    /// Draws the plot.
    void plot() {
        html.raw("<svg class=plot id=plot viewBox=\"0 0 " + Html.length(WIDTH) + " " + Html.length(HEIGHT)
                + "\" role=img aria-label=\"Resident weights and key/value cache against the context; the table below has the numbers\">\n");
        grid();
        double floor = y(0);
        html.raw("<path class=resident d=\"M" + Html.length(LEFT) + " " + Html.length(floor) + "V" + Html.length(y(resident)) + "H"
                + Html.length(WIDTH - RIGHT) + "V" + Html.length(floor) + "Z\"></path><text class=inside x=" + Html.length(LEFT + 10)
                + " y="
                + Html.length(Math.min(floor - 6, y(resident) + 18)) + ">resident weights " + Numbers.size(resident) + "</text>\n");
        double label = HEIGHT;
        for (Type type : new Type[] {Type.Q4_0, Type.INT8, Type.Q8_0, Type.F16}) {
            StringBuilder path = new StringBuilder();
            StringBuilder values = new StringBuilder();
            for (int i = 0; context(i) <= longest; i++) {
                long context = context(i);
                long bytes = KeyValueCache.bytes(architecture, context, type);
                path.append(i == 0 ? "M" : "L").append(Html.length(x(context))).append(' ').append(Html.length(y(resident + bytes)));
                values.append(i == 0 ? "" : " ").append(context).append(':').append(bytes);
                if (context == longest) {
                    break;
                }
            }
            double end = y(resident + KeyValueCache.bytes(architecture, longest, type));
            label = Math.min(end + 4, label - 13);
            html.raw("<path class=\"line " + type.word() + "\" d=\"" + path + "\" data-type=" + type.word() + " data-values=\"" + values
                    + "\"></path><text class=\"name " + type.word() + "\" x=" + Html.length(WIDTH - RIGHT + 6) + " y=" + Html.length(label)
                    + ">"
                    + type.word() + "</text>\n");
        }
        html.raw("<g class=cursor hidden><line y1=" + Html.length(TOP) + " y2=" + Html.length(floor) + "></line></g></svg>\n")
                .raw("<p class=readout id=readout aria-live=polite>Point at the plot, or focus it and use the arrow keys.</p>\n");
    }

    /// The sample points: doublings and what lies between them, and at last the longest context.
    private long context(int i) {
        long context = Math.round(FIRST * Math.pow(2, (double) i / STEPS));
        long before = i == 0 ? 0 : Math.round(FIRST * Math.pow(2, (i - 1.0) / STEPS));
        return context > longest && before < longest ? longest : context;
    }

    private void grid() {
        double step = step(most);
        for (double bytes = 0; bytes <= most * 1.001; bytes += step) {
            html.raw("<line class=grid x1=" + Html.length(LEFT) + " x2=" + Html.length(WIDTH - RIGHT) + " y1=" + Html.length(y(bytes))
                    + " y2="
                    + Html.length(y(bytes)) + "></line><text class=tick x=" + Html.length(LEFT - 8) + " y=" + Html.length(y(bytes) + 4)
                    + " text-anchor=end>" + amount(bytes) + "</text>\n");
        }
        for (long context = FIRST; context <= longest; context *= 2) {
            html.raw(
                    "<line class=grid x1=" + Html.length(x(context)) + " x2=" + Html.length(x(context)) + " y1=" + Html.length(TOP) + " y2="
                            + Html.length(y(0)) + "></line><text class=tick x=" + Html.length(x(context)) + " y=" + Html.length(y(0) + 18)
                            + " text-anchor=middle>" + context / 1024 + "k</text>\n");
        }
        html.raw("<text class=tick x=" + Html.length((LEFT + WIDTH - RIGHT) / 2) + " y=" + Html.length(HEIGHT - 2)
                + " text-anchor=middle>tokens of context</text>\n");
    }

    /// A step that makes at most seven lines: 1, 2 or 5 times a power of ten, or of two below a MiB.
    private static double step(double most) {
        double unit = most >= 1L << 30 ? 1L << 30 : most >= 1 << 20 ? 1 << 20 : 1 << 10;
        double least = most / 7 / unit;
        double power = Math.pow(10, Math.floor(Math.log10(Math.max(least, 1e-3))));
        for (double times : new double[] {1, 2, 5}) {
            if (times * power >= least) {
                return times * power * unit;
            }
        }
        return 10 * power * unit;
    }

    private static String amount(double bytes) {
        return bytes == 0 ? "0" : bytes >= 1L << 30 ? String.format(Locale.ROOT, "%.3g GiB", bytes / (1L << 30))
                : bytes >= 1 << 20 ? String.format(Locale.ROOT, "%.0f MiB", bytes / (1 << 20))
                : String.format(Locale.ROOT, "%.0f KiB", bytes / 1024);
    }

    private double x(double context) {
        return LEFT + (WIDTH - LEFT - RIGHT) * Math.log(context / FIRST) / Math.log((double) longest / FIRST);
    }

    private double y(double bytes) {
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * bytes / (most * 1.02);
    }

    /// What the resident weights hold that a conversation may do without, and what comes beside them.
    void parts() {
        html.raw("<table class=\"numbers parts\"><tbody>\n");
        part("resident weights", "resident_bytes", memory.residentBytes(), "all but what can be streamed");
        part("of them, used by no runtime", "dead_bytes", memory.deadBytes(), "keys and values of layers that read another layer's cache");
        part("of them, encoders", "encoder_bytes", memory.encoderBytes(), "not needed for text");
        part("of them, a drafter", "drafter_bytes", memory.drafterBytes(), "");
        part("streamable tables", "streamable_bytes", memory.streamableBytes(), "a token needs a row of them");
        part("read of those, a token", "streamed_bytes_per_token", memory.streamedPerToken(), "");
        part("logits of a token", "logits_bytes", memory.logitsBytes().orElse(0), "single precision");
        part("widest activation of a token", "widest_activation_bytes", memory.widestActivationBytes().orElse(0), "single precision");
        part("per-layer inputs of a token", "per_layer_input_bytes", memory.perLayerInputBytes(), "single precision");
        html.raw("</tbody></table>\n");
    }

    private void part(String name, String field, long bytes, String what) {
        if (bytes > 0) {
            html.raw("<tr>").element("th scope=row", name).raw("<td>").text(Numbers.size(bytes)).raw("</td><td>")
                    .number("memory." + field, bytes)
                    .raw("</td>").element("td", what).raw("</tr>\n");
        }
    }

    /// Keys and values in a table: who counts, how a number is kept, and for each context how many bytes.
    void table(AuditOptions options) {
        List<Long> contexts = options.contextsFor(architecture);
        List<Types> types = types(options);
        html.raw("<div class=wide><table class=\"numbers caches\"><thead><tr><th scope=col>keys and values</th><th scope=col>type</th>");
        contexts.forEach(context -> html.element("th scope=col", Numbers.grouped(context)).element("th scope=col", "bytes"));
        html.raw("</tr></thead>\n");
        for (Accounting accounting : Accounting.values()) {
            html.raw("<tbody>");
            for (Types type : types) {
                List<ConversationMemory.Cache> caches = contexts.stream()
                        .flatMap(context -> memory.reserved(context, type, accounting)
                                .map(bytes -> new ConversationMemory.Cache(context, type,
                                        accounting, bytes))
                                .stream())
                        .toList();
                if (caches.size() < contexts.size()) {
                    continue;
                }
                html.raw("<tr>").element("th scope=row", accounting == Accounting.ARCHITECTURE ? "least" : accounting.word())
                        .raw("<td>" + type.word() + (memory.own().filter(type::equals).isPresent() ? " (the file's own)" : "") + "</td>");
                caches.forEach(this::cache);
                html.raw("</tr>\n");
            }
            html.raw("</tbody>");
        }
        html.raw("</table></div>\n");
    }

    /// All that are usual where none is asked for, and before them what the checkpoint itself wants.
    private List<Types> types(AuditOptions options) {
        if (!options.cacheTypes().isEmpty()) {
            return options.cachesFor(memory);
        }
        Set<Types> types = new LinkedHashSet<>(memory.own().stream().toList());
        Type.USUAL.forEach(type -> types.add(Types.of(type)));
        return List.copyOf(types);
    }

    private void cache(ConversationMemory.Cache cache) {
        long least = cache.bytes().least();
        long most = cache.bytes().most();
        String field = "memory.kv_cache." + cache.context() + "." + cache.types().word()
                + (cache.accounting() == Accounting.ARCHITECTURE ? "" : "." + cache.accounting().word());
        html.raw("<td>").text(Numbers.size(least)).text(most > least ? " – " + Numbers.size(most) : "").raw("</td><td>").number(field,
                least);
        if (most > least) {
            html.raw(" – ").number(field + ".most", most);
        }
        html.raw("</td>");
    }

    /// The longest contexts that fit into what was asked for.
    void fits(AuditOptions options) {
        List<ConversationMemory.Fit> fits = options.fits(memory);
        if (fits.isEmpty()) {
            return;
        }
        html.raw("<table class=\"numbers parts\"><thead><tr><th scope=col>fits into ").text(Numbers.size(options.limit().orElse(0)))
                .raw("</th><th scope=col>type</th><th scope=col>tables</th><th scope=col>longest context</th></tr></thead><tbody>\n");
        for (ConversationMemory.Fit fit : fits) {
            html.raw("<tr>").element("th scope=row", fit.accounting() == Accounting.ARCHITECTURE ? "least" : fit.accounting().word())
                    .element("td", fit.types().word()).element("td", fit.streamed() ? "streamed" : "in memory")
                    .element("td", fit.context().isPresent() ? Numbers.grouped(fit.context().getAsLong()) : "none").raw("</tr>\n");
        }
        html.raw("</tbody></table>\n");
    }
}
