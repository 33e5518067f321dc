package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Footprint;
import io.github.weighbridge.audit.KeyValueCache;
import io.github.weighbridge.model.Architecture;
import java.util.List;
import java.util.Locale;

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
    private final Architecture architecture;
    private final long resident;
    private final long longest;
    private final double most;

    HtmlMemory(Html html, Architecture architecture, Footprint footprint) {
        this.html = html;
        this.architecture = architecture;
        this.resident = footprint.memory().residentBytes();
        this.longest = Math.max(2 * FIRST, architecture.contextLength());
        this.most = resident + KeyValueCache.bytes(architecture, longest, KeyValueCache.Type.F16);
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
        for (KeyValueCache.Type type : new KeyValueCache.Type[] {KeyValueCache.Type.Q4_0, KeyValueCache.Type.INT8, KeyValueCache.Type.Q8_0,
            KeyValueCache.Type.F16}) {
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

    /// The cache in a table.
    void table(AuditOptions options) {
        List<KeyValueCache.Type> types = options.cacheTypes().isEmpty() ? List.of(KeyValueCache.Type.values()) : options.cacheTypes();
        html.raw("<table class=numbers><thead><tr><th scope=col>context</th>");
        types.forEach(type -> html.raw("<th scope=col>" + type.word() + "</th><th scope=col>bytes</th>"));
        html.raw("</tr></thead><tbody>\n");
        for (long context : options.contextsFor(architecture)) {
            html.raw("<tr><th scope=row>").text(Numbers.grouped(context)).raw("</th>");
            for (KeyValueCache.Type type : types) {
                long bytes = KeyValueCache.bytes(architecture, context, type);
                html.raw("<td>").text(Numbers.size(bytes)).raw("</td><td>").number("memory.kv_cache." + context + "." + type.word(), bytes)
                        .raw("</td>");
            }
            html.raw("</tr>\n");
        }
        html.raw("</tbody></table>\n");
    }
}
